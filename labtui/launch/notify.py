"""Executes the user's own command when a run has ended: see labtui.store.notify_settings.

The supervisor of the run does this as its last act, so it needs no console, no queue and no terminal.
"""

import os
import subprocess
import sys
from typing import NamedTuple

from labtui.errors import LabError
from labtui.store.files import read_json_or_none
from labtui.store.notify_settings import NotifySettings, read_notify_settings
from labtui.store.paths import RunPaths
from labtui.store.records import Result
from labtui.text.clean import clean_line

RUN_LEVELS = 3
"""A run's folder is `group/title/seed` below its runs folder."""


class RunEnd(NamedTuple):
    """How an attempt ended."""

    outcome: str
    text: str
    """For people: `Dropout seed 0: finished`."""


def notify(paths: RunPaths, attempt: int) -> None:
    """Execute the user's command for a run whose attempt has ended, if there is one. Does not wait for it.

    Never raises: what goes wrong is written to standard error, which is the run's log.
    """
    try:
        settings = read_notify_settings()
        if not settings.command:
            return
        end = end_of(paths, attempt)
        if end.outcome in settings.states and (settings.when == "each" or _is_last(paths)):
            _execute(settings, end, paths)
    except (LabError, OSError, ValueError) as error:
        sys.stderr.write(f"[labtui] nobody was notified: {clean_line(str(error))}\n")


def end_of(paths: RunPaths, attempt: int) -> RunEnd:
    """How an attempt ended, by its result; without one it has failed."""
    from labtui.store.store import Store  # deferred, as below: a supervisor imports little before its engine runs

    result = read_json_or_none(paths.result, Result)
    if result is not None and result.attempt != attempt:
        result = None
    run = Store(paths.folder.absolute()).get(".")
    name = f"{run.display_title} seed {run.seed}" if run.spec else run.folder.name
    outcome = str(result.outcome) if result else "failed"
    reason = f" ({clean_line(result.reason)})" if result and result.reason else ""
    return RunEnd(outcome, clean_line(f"{name}: {outcome}{reason}", 400))


def _is_last(paths: RunPaths) -> bool:
    """Whether no other run of the runs folder is queued or active."""
    from labtui.store.store import Store

    folder = paths.folder.absolute()
    root = folder.parents[RUN_LEVELS - 1]
    return not any(run.is_pending for run in Store(root).scan() if not run.foreign and run.folder != folder)


def _execute(settings: NotifySettings, end: RunEnd, paths: RunPaths) -> None:
    environment = {
        **os.environ,
        "LABTUI_NOTIFY_TEXT": end.text,
        "LABTUI_NOTIFY_STATE": end.outcome,
        "LABTUI_NOTIFY_RUN": str(paths.folder.absolute()),
    }
    subprocess.Popen(
        [*settings.command, end.text],
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

"""Putting lost runs back into the queue: those whose engine and parent were killed, or whose machine was restarted.

A run whose parent alone was killed has saved and stopped by itself, and one whose engine alone was killed reads failed:
nobody asked for either, so they go on as well.
"""

import signal
from collections.abc import Callable, Iterable
from pathlib import Path

from labtui.errors import LabError
from labtui.launch.queue.entries import enqueue, failed
from labtui.store.observer import is_here
from labtui.store.records import ORPHANED
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.store import Store

MOST_ATTEMPTS = 10
"""A run that was lost this often is left alone: it may be what takes the machine down."""

MOST_KILLED = 3
"""The same for one whose engine was killed: it may be what uses up the memory."""


def enqueue_lost(root: Path, say: Callable[[str], None]) -> None:
    """Enqueue every lost run of this machine, to go on from its last checkpoint with what it was started with."""
    for run in to_be_resumed(root, Store(root).scan()):
        try:
            _enqueue(root, run)
        except LabError as fault:
            say(f"{run.id}: lost, and could not be queued: {fault}")
        else:
            say(f"{run.id}: lost ({run.reason}); queued to be resumed")


def to_be_resumed(root: Path, runs: Iterable[Run]) -> list[Run]:
    """Those of the runs that a queue runner of this machine puts back into the queue, oldest first.

    What was tried before and could not be started waits for a person: the reason stands beside it.
    """
    aside = {(entry.ticket.run, entry.ticket.attempt) for entry in failed(root) if entry.ticket}
    wanted = [run for run in runs if _is_to_be_resumed(run)]
    chosen = [run for run in wanted if (run.folder.relative_to(root).as_posix(), run.attempt + 1) not in aside]
    return sorted(chosen, key=lambda run: (run.created, run.id))


def _is_to_be_resumed(run: Run) -> bool:
    return (
        (run.state is State.LOST or _is_orphan(run) or _is_killed(run))
        and run.launch is not None
        and is_here(run.launch)
        and run.launch.launcher == "local"
        and run.attempt < (MOST_KILLED if _is_killed(run) else MOST_ATTEMPTS)
        and not run.read_only
        and not run.stop_requested
    )


def _is_orphan(run: Run) -> bool:
    return run.state is State.STOPPED and run.result is not None and run.result.reason == ORPHANED


def _is_killed(run: Run) -> bool:
    """Whether somebody killed the engine alone; whoever stops a run asks it first."""
    return run.state is State.FAILED and run.result is None and _signal(run) == signal.SIGKILL


def _signal(run: Run) -> int | None:
    return run.exit.signal if run.exit is not None else None


def _enqueue(root: Path, run: Run) -> None:
    launch = run.launch
    assert launch is not None
    enqueue(
        root,
        run,
        device=launch.device.partition(":")[0],
        threads=launch.threads,
        data_root=Path(launch.data_root),
        resume=True,
        by="queue runner",
    )

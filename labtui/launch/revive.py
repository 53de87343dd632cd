"""Putting lost runs back into the queue: those whose engine and parent were killed, or whose machine was restarted.

A run whose parent alone was killed has saved and stopped by itself: nobody asked for that, so it goes on as well.
"""

from collections.abc import Callable
from pathlib import Path

from labtui.errors import LabError
from labtui.launch.queue import enqueue
from labtui.store.observer import is_here
from labtui.store.records import ORPHANED
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.store import Store

MOST_ATTEMPTS = 10
"""A run that was lost this often is left alone: it may be what takes the machine down."""


def enqueue_lost(root: Path, say: Callable[[str], None]) -> None:
    """Enqueue every lost run of this machine, to go on from its last checkpoint with what it was started with."""
    for run in reversed(Store(root).scan()):
        if not _to_be_resumed(run):
            continue
        try:
            _enqueue(root, run)
        except LabError as fault:
            say(f"{run.id}: lost, and could not be queued: {fault}")
        else:
            say(f"{run.id}: lost ({run.reason}); queued to be resumed")


def _to_be_resumed(run: Run) -> bool:
    return (
        (run.state is State.LOST or _is_orphan(run))
        and run.launch is not None
        and is_here(run.launch)
        and run.launch.launcher == "local"
        and run.attempt < MOST_ATTEMPTS
        and not run.read_only
        and not run.stop_requested
    )


def _is_orphan(run: Run) -> bool:
    return run.state is State.STOPPED and run.result is not None and run.result.reason == ORPHANED


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

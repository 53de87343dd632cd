"""Put lost runs back into the queue: those whose engine and supervisor were killed, or whose machine was restarted.

If only the supervisor is killed, the engine saves and stops by itself; if only the engine is killed, the run has
failed. Nobody asked for either, so these runs are resumed as well.
"""

import signal
from collections.abc import Callable, Iterable
from pathlib import Path

from labtui.errors import LabError
from labtui.launch.queue.entries import enqueue, failed_entries
from labtui.store.observer import is_here, launched_in
from labtui.store.records import ORPHANED
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.store import Store

MAX_ATTEMPTS = 10
"""A run that was lost this often is not requeued: it may be what crashes the machine."""

MAX_KILLED = 3
"""The same for a run whose engine was killed: it may be what uses up the memory."""


def requeue_lost_runs(root: Path, log: Callable[[str], None]) -> None:
    """Enqueue every lost run of this machine, to resume from its last checkpoint on the same kind of device."""
    for run in runs_to_requeue(root, Store(root).scan()):
        try:
            _requeue(root, run)
        except LabError as error:
            log(f"{run.id}: lost, and could not be queued: {error}")
        else:
            log(f"{run.id}: lost ({run.reason}); queued to resume")


def runs_to_requeue(root: Path, runs: Iterable[Run]) -> list[Run]:
    """The runs that a queue runner on this machine puts back into the queue, oldest first.

    A run whose resumption could not be started before waits for the user: the reason is shown beside it.
    """
    aside = {(entry.ticket.run, entry.ticket.attempt) for entry in failed_entries(root) if entry.ticket}
    lost = [run for run in runs if _should_requeue(run)]
    chosen = [run for run in lost if (run.folder.relative_to(root).as_posix(), run.attempt + 1) not in aside]
    return sorted(chosen, key=lambda run: (run.created, run.id))


def _should_requeue(run: Run) -> bool:
    return (
        (run.state is State.LOST or _was_orphaned(run) or _was_killed(run))
        and run.launch is not None
        and is_here(run.launch)
        and launched_in(run.paths, run.launch) is not False
        and run.launch.launcher == "local"
        and run.attempt < (MAX_KILLED if _was_killed(run) else MAX_ATTEMPTS)
        and not run.read_only
        and not run.stop_requested
    )


def _was_orphaned(run: Run) -> bool:
    return run.state is State.STOPPED and run.result is not None and run.result.reason == ORPHANED


def _was_killed(run: Run) -> bool:
    """Whether only the engine was killed. (`labtui stop` asks before it kills.)"""
    killed = run.exit is not None and run.exit.signal == signal.SIGKILL
    return run.state is State.FAILED and run.result is None and killed


def _requeue(root: Path, run: Run) -> None:
    launch = run.launch
    assert launch is not None
    enqueue(
        root,
        run,
        device=launch.device.partition(":")[0],
        threads=launch.threads,
        data_root=Path(launch.data_root),
        catalog_folder=Path(launch.catalog_folder) if launch.catalog_folder else None,
        resume=True,
        by="queue runner",
    )

"""Starting, queueing and going on with runs."""

import os
from pathlib import Path

from labtui import datasets
from labtui.api.lab import Lab
from labtui.api.planning import Planned
from labtui.errors import LabError, UsageError
from labtui.launch import local, queue, runner
from labtui.launch.devices import Device
from labtui.launch.local import Interpreter, recorded_threads
from labtui.launch.revive import to_be_resumed
from labtui.launch.runner import ensure_runner
from labtui.launch.slots import Slot
from labtui.launch.threads import threads_per_run, usable_cores
from labtui.store.run import Run
from labtui.store.state import State


def start(
    lab: Lab,
    planned: Planned,
    *,
    device: Device,
    threads: int,
    slot: Slot | None = None,
    interpreter: Interpreter | None = None,
) -> Run:
    """Make the run's folder and start it now; its parent is nobody's child and outlives the caller.

    The run keeps `slot` until its last process has ended; the caller closes its own copy. `interpreter` is by default
    this one. Raises LabErrors, and leaves no folder behind then.
    """
    run = create(lab, planned)
    try:
        local.start(
            run.folder,
            device=device,
            threads=threads,
            data_root=lab.data_root,
            catalog_folder=lab.folder,
            attempt=1,
            slot=slot,
            interpreter=interpreter,
        )
    except LabError:
        lab.store.remove(run)
        raise
    return lab.store.get(run.id)


def resume(
    lab: Lab,
    run: Run,
    *,
    device: Device,
    threads: int,
    slot: Slot | None = None,
    take_over: bool = False,
    interpreter: Interpreter | None = None,
) -> Run:
    """Go on with a run from its last checkpoint, with the threads of its first attempt.

    `take_over` takes an attempt of another host, which never said that it ended, for ended. Raises LabErrors.
    """
    local.start(
        run.folder,
        device=device,
        threads=threads,
        data_root=lab.data_root,
        resume=True,
        catalog_folder=lab.folder,
        attempt=run.attempt + 1,
        slot=slot,
        take_over=take_over,
        interpreter=interpreter,
    )
    return lab.store.get(run.id)


def create(lab: Lab, planned: Planned) -> Run:
    """Make the run's folder with its spec, to be started later. Raises EnvironmentFault where it cannot be made."""
    fingerprint = datasets.get(planned.spec.data.name).fingerprint
    return lab.store.create(planned.spec, data_fingerprint=fingerprint, planned_steps=planned.steps)


def enqueue(lab: Lab, planned: Planned, *, device: str, threads: int, per_device: int = 1, by: str) -> Run:
    """Make the run's folder and put it at the end of the queue; `wake_queue` then sees to it that it starts.

    `device` may be a wish ("auto"). Raises EnvironmentFault where it cannot be queued, and leaves no folder behind.
    """
    run = create(lab, planned)
    try:
        enqueue_again(lab, run, device=device, threads=threads, per_device=per_device, by=by)
    except LabError:
        lab.store.remove(run)
        raise
    return run


def enqueue_again(lab: Lab, run: Run, *, device: str, threads: int, per_device: int = 1, by: str) -> queue.Entry:
    """Put the next attempt of a run at the end of the queue: its first, or one that goes on."""
    return queue.enqueue(
        lab.store.root,
        run,
        device=device,
        threads=(recorded_threads(run.paths) if run.attempt else None) or threads,
        data_root=lab.data_root,
        catalog_folder=lab.folder,
        resume=run.attempt > 0,
        per_device=per_device,
        by=by,
    )


def wake_queue(lab: Lab) -> bool:
    """See to it that a queue runner is at work; whether one had to be started. Raises EnvironmentFault."""
    return ensure_runner(lab.store.root)


def wake_standing_queue(lab: Lab) -> str:
    """Have the queue go on that a killed runner, or a restart of the machine, left standing; lost runs with it.

    What goes on, for people; empty where nothing stood still. Raises EnvironmentFault.
    """
    root = lab.store.root
    if runner.is_at_work(root) or not lab.store.writable:
        return ""
    waiting = runner.standing(root)
    lost = len(to_be_resumed(root, lab.store.scan())) if runner.resumes_lost(os.environ) else 0
    if not waiting and not lost:
        return ""
    wake_queue(lab)
    parts = [
        f"{waiting} waiting" if waiting else "",
        f"{lost} lost or killed, from the last checkpoint" if lost else "",
    ]
    return f"the queue goes on: {', '.join(part for part in parts if part)}"


def go_on(lab: Lab, run: Run, *, by: str) -> queue.Entry:
    """Queue what a run still needs, on the device that it was on: another try of what could not be started from the
    queue, else its next attempt, from the last checkpoint; `wake_queue` then sees to it that it starts.

    Raises UsageError for a run that needs nothing, and EnvironmentFault where it cannot be queued.
    """
    require_resumable(run)
    root = lab.store.root
    for entry in queue.failed(root):
        if entry.run == run.id and entry.ticket is not None and entry.ticket.attempt == run.attempt + 1:
            return queue.retry(root, entry, by=by)
    wish = run.launch.device.partition(":")[0] if run.launch is not None else "auto"
    return enqueue_again(lab, run, device=wish, threads=threads_per_run(1, usable_cores()), by=by)


def require_resumable(run: Run) -> None:
    """Raises UsageError for a run that cannot go on, with what can be done instead."""
    if run.foreign or run.read_only or run.spec is None:
        raise UsageError(f"{run.id} was not made by this labtui or is damaged: it is only read. {run.damage}".rstrip())
    if run.state is State.FINISHED:
        raise UsageError(f"{run.id} is finished: there is nothing to go on with.")
    if run.state.is_active:
        raise UsageError(f"{run.id} is {run.state} already.", advice=f"labtui logs {run.id} -f")


def take_out(lab: Lab, entry: queue.Entry) -> bool:
    """Take an entry out of the queue; a run that never started goes to the trash. False where it was gone already."""
    if not queue.remove(entry):
        return False
    try:
        run = lab.store.get(entry.run)
    except UsageError:  # moved or removed by hand: the entry is all there was
        return True
    if not run.attempt:
        lab.store.remove(run)
    return True


def discard(lab: Lab, run: Run) -> Path:
    """Move a run to the trash, out of the queue first; its place there. Raises UsageError for one that is active."""
    for entry in (*queue.entries(lab.store.root), *queue.failed(lab.store.root)):
        if entry.run == run.id:
            queue.remove(entry)
    return lab.store.remove(run)

"""What can be done to runs: start, queue, stop, resume, take out of the queue, move to the trash."""

import os
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from labtui import datasets
from labtui.api.lab import Lab
from labtui.api.looks import announce, record_removal
from labtui.api.placement import estimated_memory, place_runs
from labtui.api.planning import LaunchPlan, PlannedRun
from labtui.api.trust import require_current_code, require_trust
from labtui.errors import LabError, UsageError
from labtui.launch import launcher
from labtui.launch.devices import Device
from labtui.launch.launcher import Interpreter, recorded_threads
from labtui.launch.queue import entries, order, runner
from labtui.launch.queue.entries import QueueEntry, failed_entries, remove_entry, retry_entry, waiting_entries
from labtui.launch.queue.requeue import runs_to_requeue
from labtui.launch.queue.runner import ensure_runner
from labtui.launch.seal import sealed
from labtui.launch.slots import Slot
from labtui.launch.stop import OPEN_ITS_FOLDER, Stage, StageTimeouts
from labtui.launch.stop import stop as stop_in_stages
from labtui.spec import RunSpec, Spec
from labtui.store.lock import probe
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.words import plural

AT_ONCE = 16
"""Runs that are created, or taken out of the queue, at a time."""


def start(
    lab: Lab,
    planned: PlannedRun,
    *,
    device: Device,
    threads: int,
    slot: Slot | None = None,
    interpreter: Interpreter | None = None,
) -> Run:
    """Create the run's folder and start it now, detached: it outlives the calling process.

    The run holds `slot` until its last process has ended; the caller closes its own copy. `interpreter` defaults to the
    current one. Raises a LabError if the run cannot be started, and leaves no folder behind.
    """
    run = create(lab, planned)
    try:
        launcher.start(
            run.folder,
            device=device,
            threads=planned.threads or threads,
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
    """Resume a run now from its last checkpoint, with the threads of its first attempt.

    `take_over` treats an attempt on another host that never reported its end as ended. Raises a LabError if the run
    cannot be started.
    """
    launcher.start(
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


def create(lab: Lab, planned: PlannedRun) -> Run:
    """Create the run's folder with its spec, to be started later.

    Raises MachineError if that fails, and UsageError if it would execute code of somebody else's, or code that
    was edited since the catalog was read: `labtui.api.trust`.
    """
    require_trust(lab, [planned.spec])
    require_current_code(lab, [planned.spec])
    steps = planned.steps or None
    return lab.store.create(
        planned.spec,
        data_fingerprint=_data_fingerprint(planned.spec),
        planned_steps=steps,
        continues=planned.continues,
        keep_best=planned.keep_best,
        seal=sealed,
    )


def _data_fingerprint(spec: Spec) -> str | None:
    if isinstance(spec, RunSpec) and spec.data.fingerprint is not None:
        return spec.data.fingerprint
    if isinstance(spec, RunSpec) and spec.data.source is not None:
        return None
    return datasets.get(spec.dataset).fingerprint if spec.dataset else None


def enqueue(lab: Lab, planned: PlannedRun, *, device: str, threads: int, per_device: int = 1, by: str) -> Run:
    """Create the run's folder and append the run to the queue; call `start_queue_runner` afterwards.

    `device` is the requested device and may be "auto". Raises MachineError if the run cannot be queued, and leaves
    no folder behind.
    """
    run = create(lab, planned)
    _append(lab, run, device=device, threads=planned.threads or threads, per_device=per_device, by=by)
    return run


def _append(lab: Lab, run: Run, *, device: str, threads: int, per_device: int, by: str) -> None:
    """Append a run that was just created to the queue; if that fails, its folder is removed."""
    try:
        enqueue_next_attempt(lab, run, device=device, threads=threads, per_device=per_device, by=by, is_new=True)
    except LabError:
        lab.store.remove(run)
        raise


def enqueue_plan(lab: Lab, plan: LaunchPlan, *, device: str, jobs: int | None = 1, by: str) -> Iterator[Run]:
    """Queue every run of a plan, yielding each one once it is queued; call `start_queue_runner` afterwards.

    Its seeds are announced first: they make one look together.

    `device` is the requested device; with `jobs` None the machine decides how many run at once. Raises MachineError
    if there is no such device, or if a run cannot be queued; runs queued before that stay in the queue.
    """
    memory = estimated_memory(planned.spec for planned in plan.runs)
    placement = place_runs(device, runs=len(plan.runs), jobs=jobs, memory=memory)
    announce(lab, (planned.spec for planned in plan.runs))
    with closing(_created(lab, plan.runs)) as created:
        for planned, run in created:
            threads = planned.threads or placement.threads
            _append(lab, run, device=device, threads=threads, per_device=placement.per_device, by=by)
            yield run


def _created(lab: Lab, planned_runs: Sequence[PlannedRun]) -> Generator[tuple[PlannedRun, Run]]:
    """The folders of planned runs, the first at once and then several at a time, since each waits for the disk.

    What was created and not taken when the caller stops, or when a folder cannot be created, is removed again.
    """
    batches = [planned_runs[:1], *(planned_runs[at : at + AT_ONCE] for at in range(1, len(planned_runs), AT_ONCE))]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for batch in batches:
            futures = [pool.submit(create, lab, planned) for planned in batch]
            taken = 0
            try:
                for planned, future in zip(batch, futures, strict=True):
                    run = future.result()
                    taken += 1
                    yield planned, run
            finally:
                for future in futures[taken:]:
                    if future.exception() is None:
                        lab.store.remove(future.result())


def enqueue_next_attempt(
    lab: Lab, run: Run, *, device: str, threads: int, per_device: int = 1, by: str, is_new: bool = False
) -> QueueEntry:
    """Append the next attempt of a run to the queue: its first one, or one that resumes it."""
    return entries.enqueue(
        lab.store.root,
        run,
        device=device,
        threads=(recorded_threads(run.paths) if run.attempt else None) or threads,
        data_root=lab.data_root,
        catalog_folder=lab.folder,
        resume=run.attempt > 0,
        per_device=per_device,
        by=by,
        is_new=is_new,
    )


def enqueue_resume(lab: Lab, run: Run, *, by: str) -> QueueEntry:
    """Queue a run to resume from its last checkpoint on the kind of device it used before; call `start_queue_runner`
    afterwards. An attempt that could not be started from the queue is tried again instead.

    Raises UsageError if there is nothing to resume, and MachineError if the run cannot be queued.
    """
    require_resumable(run)
    root = lab.store.root
    for entry in failed_entries(root):
        if entry.run == run.id and entry.ticket is not None and entry.ticket.attempt == run.attempt + 1:
            return retry_entry(root, entry, by=by)
    requested_device = run.launch.device.partition(":")[0] if run.launch is not None else "auto"
    threads = place_runs("cpu", runs=1).threads
    return enqueue_next_attempt(lab, run, device=requested_device, threads=threads, by=by)


def require_resumable(run: Run) -> None:
    """Raises UsageError for a run that cannot be resumed, with what can be done instead."""
    if run.behind_link:
        raise UsageError(f"{run.id} cannot be resumed: {run.behind_link}.", advice=OPEN_ITS_FOLDER)
    if run.foreign or run.read_only or run.spec is None:
        raise UsageError(f"{run.id} is read-only: labtui did not create it, or it is damaged. {run.damage}".rstrip())
    if run.state is State.FINISHED:
        raise UsageError(f"{run.id} has finished: there is nothing to resume.")
    if run.state.is_active:
        raise UsageError(f"{run.id} is already {run.state}.", advice=f"labtui logs {run.id} -f")


def start_queue_runner(lab: Lab) -> bool:
    """Make sure that a queue runner is running. Returns whether a new one was started. Raises MachineError."""
    return ensure_runner(lab.store.root)


def restart_stalled_queue(lab: Lab) -> str:
    """Start a queue runner if runs are waiting or were lost because the last one was killed or the machine restarted.

    Returns a message for the user; empty if there was nothing to restart. Raises MachineError.
    """
    root = lab.store.root
    if runner.is_running(root) or not lab.store.writable:
        return ""
    waiting = runner.count_unattended(root)
    lost = len(runs_to_requeue(root, lab.store.scan())) if runner.should_requeue_lost(os.environ) else 0
    if not waiting and not lost:
        return ""
    start_queue_runner(lab)
    parts = [
        f"{plural(waiting, 'run')} waiting" if waiting else "",
        f"{plural(lost, 'run')} lost or killed, queued to resume from the last checkpoint" if lost else "",
    ]
    return f"queue restarted: {', '.join(part for part in parts if part)}"


def toggle_pause(lab: Lab, *, by: str) -> bool:
    """Pause the queue of this user on this machine, or continue it; returns whether it is paused now.

    Continuing starts a queue runner if runs wait. Raises MachineError.
    """
    root = lab.store.root
    if order.unpause(root):
        if waiting_entries(root):
            start_queue_runner(lab)
        return False
    return order.pause(root, by=by)


def stop(
    lab: Lab,
    run: Run,
    *,
    by: str,
    say: Callable[[str], None],
    timeouts: StageTimeouts | None = None,
    until: Stage = Stage.KILLED,
) -> bool:
    """Stop a run and return whether it has ended.

    A run that waits in the queue is removed from it. An active one is asked to finish its step and save, then gets
    SIGTERM, then SIGKILL, stage after stage up to `until`; this blocks meanwhile. `say` is called with every message
    for the user. Raises LabError if the run cannot be asked.
    """
    if run.state is State.QUEUED:
        (left,) = take_out_of_queue(lab, [run], say=lambda _, text: say(text)) or (None,)
        if left is None:
            return True
        run = left
    if not run.state.is_active:
        say(f"already {run.state}")
        return True
    return stop_in_stages(run, by=by, timeouts=timeouts, report=say, until=until)


def take_out_of_queue(lab: Lab, runs: Sequence[Run], *, say: Callable[[Run, str], None]) -> list[Run]:
    """Remove queued runs from the queue, with one look at it, and return those that were started in the meantime.

    Several are removed at a time, since each waits for the disk. `say` is called with every run and what became of it.
    """
    waiting: dict[str, list[QueueEntry]] = defaultdict(list)
    for entry in waiting_entries(lab.store.root):
        waiting[entry.run].append(entry)

    def take_out(run: Run) -> str:
        """What became of it; empty if it was started."""
        if entries := waiting.get(run.id):
            return "removed from the queue" if remove_all_from_queue(lab, entries) else ""
        if lab.store.get(run.id).state is State.QUEUED:
            return f"not started, and not in the queue. `labtui rm {run.id}` moves it to the trash."
        return ""

    started = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for run, text in zip(runs, pool.map(take_out, runs), strict=True):
            if text:
                say(run, text)
            else:
                started.append(lab.store.get(run.id))
    return started


def remove_all_from_queue(lab: Lab, entries: Iterable[QueueEntry]) -> bool:
    """Remove entries from the queue, whatever becomes of each; whether all of them were still there."""
    removed = [remove_from_queue(lab, entry) for entry in entries]
    return all(removed)


def remove_from_queue(lab: Lab, entry: QueueEntry) -> bool:
    """Remove an entry from the queue; a run that never started goes to the trash. Returns False if it was gone, or if a
    queue runner was just starting it."""
    if not remove_entry(entry):
        return False
    try:
        run = lab.store.get(entry.run)
    except UsageError:  # the run's folder was moved or removed by hand: the entry is all there was
        return True
    if run.attempt:
        return True
    try:
        lab.store.remove(run)
    except UsageError:
        if probe(run.paths.lock) != "held" and not lab.store.get(entry.run).attempt:
            raise
        return False  # it was being started between two looks: its folder stays
    return True


def move_to_trash(lab: Lab, run: Run) -> Path:
    """Remove a run from the queue and move its folder to the trash. Returns its new path.

    Raises UsageError for an active run.
    """
    for entry in (*waiting_entries(lab.store.root), *failed_entries(lab.store.root)):
        if entry.run == run.id:
            remove_entry(entry)
    trashed = lab.store.remove(run)
    record_removal(lab, run)
    return trashed

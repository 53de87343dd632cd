"""`labtui verify`: train the first epoch of a run again from its spec and compare it point by point."""

import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.options import complete_runs, existing_runs_options, json_option
from labtui.cli.streams import put, put_json, say
from labtui.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, LabError, MachineError, UsageError
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import step_unit
from labtui.text.spans import Span
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab
    from labtui.api.reproduce import Verification
    from labtui.cli.interrupts import Interrupts

POLL = 0.2
BY = "labtui verify"
_STYLES = {"bit-exact": "good", "close": "warn", "different": "bad"}


@click.command(cls=LabCommand, examples=("labtui verify last", "labtui verify dropout --json"))
@click.argument("run", shell_complete=complete_runs)
@click.option("--keep", is_flag=True, help="Keep the temporary folder, and print its path.")
@json_option
@existing_runs_options
def verify(lab: "Lab", *, run: str, keep: bool, json: bool) -> int:
    """Train the first epoch of a run again, and compare it.

    Trains in a temporary folder with the same spec, seed, device and threads, and reports whether the epoch is
    bit-exact, close or different. Exits with 1 if it is different, and lists what has changed since.
    """
    from labtui.api.reproduce import Reproducibility
    from labtui.cli.interrupts import Interrupts

    found = lab.store.find(run)
    original = _first_epoch(lab, found)
    scratch = Path(tempfile.mkdtemp(prefix="labtui-verify-"))
    try:
        with Interrupts() as interrupts:
            again = _train(lab, found, scratch, interrupts)
        if interrupts.any:
            return EXIT_TERMINATED if interrupts.terminated else EXIT_INTERRUPTED
        verification = _compare(original, _first_epoch(lab, again))
        _put(found, again, verification, json=json)
        return LabError.exit_code if verification.grade is Reproducibility.DIFFERENT else 0
    finally:
        if keep:
            say(f"The repeated run is in {scratch}.")
        else:
            shutil.rmtree(scratch, ignore_errors=True)


def _first_epoch(lab: "Lab", run: Run) -> dict[str, dict[int, float]]:
    from labtui.api.data_info import data_info
    from labtui.api.reproduce import first_epoch_points
    from labtui.spec import RunSpec, steps_per_epoch
    from labtui.store.reader import read_curves

    if not isinstance(run.spec, RunSpec):
        raise UsageError(
            f"{run.id} was not trained by labtui's engine, or is damaged: there is no recipe to train from."
        )
    if run.spec.data.source is None:
        steps = steps_per_epoch(run.spec, data_info(lab, run.spec.data).train_images)
    else:
        steps = -(-(run.result.train_images if run.result else 0) // run.spec.training.batch_size)
    points = first_epoch_points(read_curves(run.folder), run.spec, steps)
    if not any(step_unit(tag).value == "epoch" for tag in points):
        raise UsageError(f"{run.id} has no complete first epoch to compare with.")
    return points


def _train(lab: "Lab", run: Run, scratch: Path, interrupts: "Interrupts") -> Run:
    """Train the spec again until its first epoch is complete, then stop; the schedule is that of the whole run."""
    from labtui.cli.follow import Follower
    from labtui.cli.logs import last_lines
    from labtui.launch.seal import is_own, sealed
    from labtui.launch.stop import Stage, request_stop, stop
    from labtui.spec import uses_lab_code
    from labtui.store.store import Store

    assert run.spec is not None
    store = Store(scratch)
    file = run.spec_file
    own = file is not None and (not uses_lab_code(run.spec) or is_own(file))
    again = store.create(run.spec, planned_steps=file.planned_steps if file else None, seal=sealed if own else None)
    if not _start(lab, run, again, interrupts):
        return again
    follower, stop_requested = Follower.of(again), False
    while not (again := store.get(again.id)).state.is_over:
        done = any(epoch.number >= 1 for epoch in follower.update(again).new_epochs)
        if interrupts.any:
            stop(again, BY, report=say, until=Stage.KILLED)
        elif done and not stop_requested:
            stop_requested = request_stop(again, BY).sent
        time.sleep(POLL)
    if again.state in (State.FAILED, State.LOST):
        log = "\n".join(f"  | {line}" for line in last_lines(again, 5))
        raise MachineError(
            f"The repeated run is {again.state}: {again.reason}\n{log}", advice="Use --keep to keep its folder."
        )
    return again


def _start(lab: "Lab", run: Run, again: Run, interrupts: "Interrupts") -> bool:
    """Start the repeated run as the run was started, once a slot is free; False if interrupted before."""
    from labtui.launch.devices import choose
    from labtui.launch.environment import usable_cores
    from labtui.launch.launcher import recorded_threads, start
    from labtui.launch.slots import wait_for_slot

    device = choose(run.launch.device if run.launch is not None else "auto")
    threads = recorded_threads(run.paths) or usable_cores()
    placed = wait_for_slot([device], threads, keep_waiting=lambda: not interrupts.any)
    if placed is None:
        return False
    with placed[1] as slot:
        start(
            again.folder, device=device, threads=threads, data_root=lab.data_root, catalog_folder=lab.folder, slot=slot
        )
    name, where = f"{run.display_title}, seed {run.seed}", f"{device.name} with {plural(threads, 'thread')}"
    say(f"Training the first epoch of {name}, again on {where}.")
    return True


def _compare(original: dict[str, dict[int, float]], repeated: dict[str, dict[int, float]]) -> "Verification":
    from labtui.api.reproduce import compare_first_epochs

    return compare_first_epochs(original, repeated, {tag: step_unit(tag) for tag in original.keys() | repeated.keys()})


def _put(run: Run, again: Run, verification: "Verification", *, json: bool) -> None:
    from labtui.api.reproduce import Reproducibility, environment_changes

    changes = environment_changes(run.launch, again.launch)
    if json:
        put_json({"run": run.id, **asdict(verification), "changed": changes})
        return
    equal = verification.points - verification.unequal
    grade = Span(verification.grade.value, _STYLES[verification.grade.value])
    put(grade, f": {equal} of {verification.points} points of the first epoch are identical")
    if verification.worst:
        put(f"  largest difference: {verification.worst}")
    if verification.missing:
        put(f"  {verification.missing} points are in only one of the two runs")
    if verification.grade is not Reproducibility.EXACT:
        for line in changes or (
            "no recorded part of the environment has changed; GPU kernels may add in a different order",
        ):
            put(f"  changed since: {line}" if changes else f"  {line}")

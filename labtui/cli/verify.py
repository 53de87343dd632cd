"""`labtui verify`: the first epoch of a run trained again from its spec, and compared point by point."""

import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.options import complete_runs, json_option, lab_options
from labtui.cli.streams import Painted, put, put_json, say
from labtui.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, EnvironmentFault, LabError, UsageError
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import step_unit

if TYPE_CHECKING:
    from labtui.api import Lab
    from labtui.api.reproduce import Verification
    from labtui.cli.interrupts import Interrupts

POLL = 0.2
BY = "labtui verify"
COLORS = {"bit-exact": "green", "close": "yellow", "different": "red"}


@click.command(cls=LabCommand, examples=("labtui verify last", "labtui verify dropout --json"))
@click.argument("run", shell_complete=complete_runs)
@click.option("--keep", is_flag=True, help="Keep the scratch folder, and say where it is.")
@json_option
@lab_options
def verify(lab: "Lab", *, run: str, keep: bool, json: bool) -> int:
    """Train the first epoch of a run again, in a scratch folder, and grade it: bit-exact, close or different.

    Same spec, seed, device and threads. Different ends with 1; what has changed since then is listed as the reason.
    """
    from labtui.api.reproduce import Reproducibility
    from labtui.cli.interrupts import Interrupts

    found = lab.store.find(run)
    original = _first_epoch(found)
    scratch = Path(tempfile.mkdtemp(prefix="labtui-verify-"))
    try:
        with Interrupts() as interrupts:
            again = _train(lab, found, scratch, interrupts)
        if interrupts.any:
            return EXIT_TERMINATED if interrupts.terminated else EXIT_INTERRUPTED
        verification = _graded(original, _first_epoch(again))
        _put(found, again, verification, json=json)
        return LabError.exit_code if verification.grade is Reproducibility.DIFFERENT else 0
    finally:
        if keep:
            say(f"The repetition is in {scratch}.")
        else:
            shutil.rmtree(scratch, ignore_errors=True)


def _first_epoch(run: Run) -> dict[str, dict[int, float]]:
    from labtui import datasets
    from labtui.api.reproduce import first_epoch_points
    from labtui.spec import steps_per_epoch
    from labtui.store.reader import read_curves

    if run.spec is None:
        raise UsageError(f"{run.id} was made by another tool or is damaged: there is no spec to train from.")
    steps = steps_per_epoch(run.spec, datasets.get(run.spec.data.name).train_images)
    points = first_epoch_points(read_curves(run.folder), run.spec, steps)
    if not any(step_unit(tag).value == "epoch" for tag in points):
        raise UsageError(f"{run.id} has no complete first epoch to compare with.")
    return points


def _train(lab: "Lab", run: Run, scratch: Path, interrupts: "Interrupts") -> Run:
    """Train the run's spec anew until its first epoch is there, and stop; the schedule is that of the whole run."""
    from labtui.cli.follow import Follower
    from labtui.cli.logs import last_lines
    from labtui.launch.stop import Stage, request_stop, stop
    from labtui.store.store import Store

    assert run.spec is not None
    store = Store(scratch)
    again = store.create(run.spec, planned_steps=run.spec_file.planned_steps if run.spec_file is not None else None)
    if not _start(lab, run, again, interrupts):
        return again
    follower, asked = Follower.of(again), False
    while not (again := store.get(again.id)).state.is_over:
        done = any(epoch.number >= 1 for epoch in follower.look(again).new_epochs)
        if interrupts.any:
            stop(again, BY, tell=say, until=Stage.KILLED)
        elif done and not asked:
            asked = request_stop(again, BY).sent
        time.sleep(POLL)
    if again.state in (State.FAILED, State.LOST):
        told = "\n".join(f"  | {line}" for line in last_lines(again, 5))
        raise EnvironmentFault(
            f"The repetition {again.state}: {again.reason}\n{told}", advice="--keep keeps its folder."
        )
    return again


def _start(lab: "Lab", run: Run, again: Run, interrupts: "Interrupts") -> bool:
    """Start the repetition where and as the run was started, once there is room; False if asked to leave before."""
    from labtui.launch.devices import choose
    from labtui.launch.environment import usable_cores
    from labtui.launch.launcher import recorded_threads, start
    from labtui.launch.slots import wait_for

    device = choose(run.launch.device if run.launch is not None else "auto")
    threads = recorded_threads(run.paths) or usable_cores()
    placed = wait_for([device], threads, waiting=lambda: not interrupts.any)
    if placed is None:
        return False
    with placed[1] as slot:
        start(
            again.folder, device=device, threads=threads, data_root=lab.data_root, catalog_folder=lab.folder, slot=slot
        )
    say(f"Training the first epoch of {run.display_title} s{run.seed} again on {device.name}, with {threads} threads.")
    return True


def _graded(original: dict[str, dict[int, float]], repeated: dict[str, dict[int, float]]) -> "Verification":
    from labtui.api.reproduce import compare_first_epochs

    return compare_first_epochs(original, repeated, {tag: step_unit(tag) for tag in original.keys() | repeated.keys()})


def _put(run: Run, again: Run, verification: "Verification", *, json: bool) -> None:
    from labtui.api.reproduce import Reproducibility, environment_changes

    why = environment_changes(run.launch, again.launch)
    if json:
        put_json({"run": run.id, **asdict(verification), "changed": why})
        return
    equal = verification.points - verification.unequal
    word = Painted(verification.grade.value, COLORS[verification.grade.value])
    put(word, f": {equal} of {verification.points} points of the first epoch are equal to the bit")
    if verification.worst:
        put(f"  furthest apart: {verification.worst}")
    if verification.missing:
        put(f"  {verification.missing} points are in only one of the two")
    if verification.grade is not Reproducibility.EXACT:
        for line in why or ("nothing that is recorded has changed: a GPU's kernels may add in another order",):
            put(f"  changed since: {line}" if why else f"  {line}")

"""More epochs for finished runs, and keeping the best epoch's checkpoint.

A finished run is never changed: a new run starts from a copy of its last checkpoint. Its recipe says so, so that it is
no seed of a row that was trained in one go.
"""

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from labtui import datasets
from labtui.api.data_info import spec_data
from labtui.api.lab import Lab
from labtui.api.metrics import MetricBook
from labtui.api.planning import LaunchPlan, PlannedRun, planned_run, same_recipe
from labtui.errors import MachineError, UsageError
from labtui.spec import Continued, RunSpec, Spec, recipe_hash
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import REPORT_TEST_LOSS, TEST_LOSS, VAL_ACCURACY, VAL_LOSS


def plan_continuations(lab: Lab, runs: Sequence[Run], epochs: int, *, device: str = "") -> LaunchPlan:
    """A new run for each of these finished ones, which trains on to `epochs` epochs in all; each with its own seed.

    Raises UsageError for a run that cannot be continued, and MachineError if its data set is not on this machine.
    """
    past = lab.store.scan()
    planned: list[PlannedRun] = []
    for run in runs:
        before = require_continuable(run, epochs)
        spec = continued_spec(before, epochs)
        own_data = spec.data.name in datasets.OWN_KINDS
        if not own_data and not datasets.is_present(spec.data.name, lab.data_root):
            title, advice = datasets.get(spec.data.name).title, f"labtui data get {spec.data.name}"
            raise MachineError(f"{title}, on which {run.id} was trained, is not on this machine.", advice=advice)
        one = planned_run(spec, past, same_recipe(spec, past), device, info=spec_data(lab, spec))
        left = (epochs - before.training.epochs) / epochs
        estimate = one.estimate * left if one.estimate is not None else None
        planned.append(
            replace(one, continues=run, estimate=estimate, threads=run.launch.threads if run.launch else None)
        )
    return LaunchPlan(tuple(planned), ())


def require_continuable(run: Run, epochs: int) -> RunSpec:
    """The spec of a run that can be trained on to `epochs` epochs. Raises UsageError for any other run."""
    spec = run.spec
    if not isinstance(spec, RunSpec) or run.damage:
        raise UsageError(f"{run.id} is a program's or another tool's run, or damaged: labtui cannot continue it.")
    if run.state is not State.FINISHED:
        raise UsageError(f"{run.id} is {run.state}, not finished.", advice=f"labtui resume {run.id}")
    if spec.training.early_stopping is not None:
        raise UsageError(f"{run.id} stops early by itself: with more epochs it would have ended at the same one.")
    done = spec.training.epochs
    if epochs <= done:
        raise UsageError(
            f"{run.id} already has {done} epochs.", advice=f"--epochs is the number in all: more than {done}."
        )
    if not run.paths.checkpoint.is_file():
        raise UsageError(f"{run.id} has no checkpoint to continue from.")
    return spec


def continued_spec(spec: RunSpec, epochs: int) -> RunSpec:
    """The spec of a run that continues one of this spec to `epochs` epochs in all. Pure."""
    return msgspec.structs.replace(
        spec,
        training=msgspec.structs.replace(spec.training, epochs=epochs),
        overrides={**spec.overrides, "training.epochs": epochs},
        continued=Continued(epochs=spec.training.epochs, recipe=recipe_hash(spec)),
    )


def keeping_best(lab: Lab, plan: LaunchPlan) -> LaunchPlan:
    """The plan with every run keeping the checkpoint of its best epoch, by the metric that its entry is judged by.

    Only values on the images held out count, never those of the test set. Raises UsageError for a run that holds none
    out.
    """
    metrics = MetricBook(lab)
    return replace(plan, runs=tuple(replace(one, keep_best=_best_tag(metrics, one.spec)) for one in plan.runs))


def _best_tag(metrics: MetricBook, spec: Spec) -> str:
    if not isinstance(spec, RunSpec):
        raise UsageError(f"{spec.display_title} is a program, which keeps checkpoints as it likes.")
    if spec.protocol != "standard":
        raise UsageError(
            f"{spec.display_title} holds no images out that an epoch could be chosen on.",
            advice='Use the standard protocol: --set protocol=standard, or `protocol = "standard"` in the catalog.',
        )
    declared = metrics.of(None, spec.name).tag
    return VAL_LOSS if declared in (VAL_LOSS, TEST_LOSS, REPORT_TEST_LOSS) else VAL_ACCURACY

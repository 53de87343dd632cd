"""Plans runs: resolves every spec, and looks up its size, an estimate of its duration, and earlier finished runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from labtui import datasets
from labtui.api.data_info import spec_data
from labtui.api.dataset_choice import DatasetChooser, Progress
from labtui.api.lab import Lab
from labtui.catalog import override
from labtui.datasets import DatasetInfo
from labtui.program import planned_steps
from labtui.spec import ProgramSpec, Spec, recipe_hash, samples_per_epoch, steps_per_epoch
from labtui.store.run import Run
from labtui.store.state import State

MAX_NAMED = 3
"""Finished runs listed one by one in the notices; if there are more, only their number is given."""

ESTIMATE_RUNS = 5
"""Past runs that an estimate is the median of: only the newest ones, since machines and code change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One run that could start now."""

    spec: Spec
    images: int
    """Training samples per epoch; 0 for a program."""
    steps: int
    """Optimizer steps in total; 0 where a program's are not known."""
    present: bool = True
    """Whether the data set is on this machine; if not, the first run downloads it."""
    finished: Run | None = None
    """The newest finished run with the same recipe and seed."""
    pending: Run | None = None
    """A run with the same recipe and seed that is queued or has not ended."""
    threads: int | None = None
    """CPU threads, whatever the placement says: as many as the newest earlier run of the same recipe has, because
    another number changes the last bits of a result; or what the user asked for."""
    continues: Run | None = None
    """The finished run whose checkpoint it starts from."""
    keep_best: str = ""
    """The tag by which the checkpoint of the best epoch is kept; empty if none is."""
    estimate: float | None = None
    """Seconds, from the newest runs of the same model on the same kind of device; None if there are none."""


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """Runs in the order in which they would start, and messages for the user."""

    runs: tuple[PlannedRun, ...]
    notices: tuple[str, ...]

    @property
    def estimate(self) -> float | None:
        """Seconds for all runs one after the other; None if one of them has no estimate."""
        known = [planned.estimate for planned in self.runs if planned.estimate is not None]
        return sum(known) if known and len(known) == len(self.runs) else None


def plan_runs(
    lab: Lab,
    names: Sequence[str],
    *,
    seeds: Sequence[int] | None = None,
    overrides: Mapping[str, Any] | Sequence[str] = (),
    dataset: str | None = None,
    fetch: bool = True,
    device: str = "",
    mention_finished: bool = True,
    progress: Progress | None = None,
) -> LaunchPlan:
    """Plan every seed of the named experiments or members; no names means the whole catalog.

    `overrides` are `key=value` texts, or a mapping; `dataset` pins a data set and disables the fallback; `device`
    restricts the past runs that estimates are taken from; `mention_finished` adds notices about runs that have finished
    before. With `fetch`, missing data sets are downloaded now; without, nothing touches the network. Raises UsageError
    for wrong names, data sets and overrides, and MachineError if data is not available and there is no fallback.
    """
    chooser = DatasetChooser(lab, pinned=dataset, fetch=fetch, progress=progress)
    past = lab.store.scan()
    planned: list[PlannedRun] = []
    for variant in lab.catalog.select(names) if names else lab.catalog.variants:
        experiment = lab.catalog.experiment(variant.spec.experiment)
        spec, present = chooser.resolve(
            variant, override(variant.spec, overrides, lab.catalog.code), experiment.offline_dataset
        )
        seeded = [msgspec.structs.replace(spec, seed=seed) for seed in (experiment.seeds if seeds is None else seeds)]
        same = same_recipe(spec, past)  # once for all seeds: every run of the experiment is hashed
        info = spec_data(lab, spec)
        planned += [planned_run(one, past, same, device, present=present, info=info) for one in seeded]
    finished = _finished_notices(planned) if mention_finished else ()
    return LaunchPlan(tuple(planned), (*catalog_notices(lab), *chooser.notices, *finished))


def catalog_notices(lab: Lab) -> tuple[str, ...]:
    """A warning about a catalog in which some entries have problems; empty if there are none."""
    count = len(lab.catalog.problems)
    if not count:
        return ()
    problems = "1 problem" if count == 1 else f"{count} problems"
    return (f"{lab.catalog.path} has {problems}; valid entries are used. `labtui config validate` shows details.",)


def planned_run(
    spec: Spec,
    past: Sequence[Run] = (),
    same: Sequence[Run] = (),
    device: str = "",
    *,
    present: bool = True,
    info: DatasetInfo | None = None,
) -> PlannedRun:
    """The size of a run, and from the `past` runs, newest first, an estimate and whether it has finished before.

    `same` are those of its recipe, `info` describes its data set if that is not one of the registry.
    """
    images, steps = _size(spec, info)
    same_seed = [run for run in same if run.spec is not None and run.spec.seed == spec.seed]
    return PlannedRun(
        spec=spec,
        images=images,
        steps=steps,
        present=present,
        finished=next((run for run in same_seed if run.state is State.FINISHED), None),
        pending=next((run for run in same_seed if run.is_pending), None),
        threads=next((run.launch.threads for run in same if run.launch and _is_on(run, device)), None),
        estimate=_estimate(spec, images, past, same, device),
    )


def _size(spec: Spec, info: DatasetInfo | None) -> tuple[int, int]:
    """The training samples of an epoch and the steps of the whole run; 0 where they are not known."""
    if isinstance(spec, ProgramSpec):
        return 0, planned_steps(spec) or 0
    if spec.data.source is not None:
        return 0, 0  # the user's own code decides, and planning executes none
    train_images = (info or datasets.get(spec.dataset)).train_images
    return samples_per_epoch(spec, train_images), spec.epochs * steps_per_epoch(spec, train_images)


def _estimate(spec: Spec, images: int, past: Sequence[Run], same: Sequence[Run], device: str) -> float | None:
    """Seconds that a run will take: of a program, what the newest runs of its recipe took."""
    if isinstance(spec, ProgramSpec):
        ended = [
            run.result.seconds for run in same if run.result and run.state is State.FINISHED and _is_on(run, device)
        ]
        return _median(ended[:ESTIMATE_RUNS])
    rate = _seconds_per_image(spec, past, device)
    return None if rate is None else rate * images * spec.epochs


def same_recipe(spec: Spec, past: Iterable[Run]) -> list[Run]:
    """The runs with the same recipe, whatever their seed; `past` is newest first, and so is the result."""
    hashed = recipe_hash(spec)
    return [
        run
        for run in past
        if run.spec is not None and run.spec.experiment == spec.experiment and recipe_hash(run.spec) == hashed
    ]


def _seconds_per_image(spec: Spec, past: Iterable[Run], device: str) -> float | None:
    """Median wall-clock seconds per training image of the newest comparable runs."""
    rates: list[float] = []
    for run in past:
        if len(rates) == ESTIMATE_RUNS:
            break
        if run.result is not None and run.result.images_seen and _is_comparable(run, spec, device):
            rates.append(run.result.seconds / run.result.images_seen)
    return _median(rates)


def _median(numbers: Sequence[float]) -> float | None:
    if not numbers:
        return None
    from statistics import median  # deferred: imports fractions and decimal, which most commands do not need

    return median(numbers)


def _is_comparable(run: Run, spec: Spec, device: str) -> bool:
    """Whether a past run's speed predicts that of this spec: same model, same data, same kind of device."""
    if run.spec is None or run.launch is None:
        return False
    if isinstance(spec, ProgramSpec) or isinstance(run.spec, ProgramSpec):
        return False
    return (
        type(run.spec.model) is type(spec.model)
        and (run.spec.dataset, run.spec.data.path) == (spec.dataset, spec.data.path)
        and (run.spec.data.augment is None) == (spec.data.augment is None)
        and run.spec.training.precision == spec.training.precision
        and _is_on(run, device)
    )


def _is_on(run: Run, device: str) -> bool:
    """Whether a run was launched on this kind of device; true of any if none is named."""
    kind = device.partition(":")[0]
    return not kind or (run.launch is not None and run.launch.device.partition(":")[0] == kind)


def _finished_notices(planned_runs: Sequence[PlannedRun]) -> tuple[str, ...]:
    done = [(planned.spec, planned.finished) for planned in planned_runs if planned.finished is not None]
    if len(done) > MAX_NAMED:
        return (f"{len(done)} of these {len(planned_runs)} runs have already finished; the newest of each counts.",)
    return tuple(
        f"{spec.display_title} with seed {spec.seed} has already finished ({run.id}); the newest counts."
        for spec, run in done
    )


def threads_notice(plan: LaunchPlan, threads: int) -> str:
    """A message about runs that train with other CPU threads than `threads`, because of earlier runs; often empty."""
    others = sorted({planned.threads for planned in plan.runs if planned.threads not in (None, threads)})
    if not others:
        return ""
    number = sum(planned.threads in others for planned in plan.runs)
    runs = f"{number} run" + ("s train" if number > 1 else " trains")
    numbers = " or ".join(map(str, others))
    return (
        f"{runs} with {numbers} CPU threads, like earlier runs of the same recipe; a different number ({threads} "
        "here) changes the last bits of a result. Set it with --threads."
    )

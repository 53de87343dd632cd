"""What would run: every spec resolved, its size, how long the like of it took, and whether it was done before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from labtui import datasets
from labtui.api.dataset_choice import DataChoice, Progress
from labtui.api.lab import Lab
from labtui.catalog import override
from labtui.spec import RunSpec, recipe_hash, samples_per_epoch, steps_per_epoch
from labtui.store.run import Run
from labtui.store.state import State

NAMED_AT_MOST = 3
"""Finished runs named one by one in the notices; of more, the number is enough."""

ESTIMATED_FROM = 5
"""Past runs that an estimate is the median of: the newest ones, since machines and code change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One run that could start now."""

    spec: RunSpec
    images: int
    """Training samples of one epoch."""
    steps: int
    """Optimizer steps in all."""
    present: bool = True
    """Whether the data set lies here; if not, a run fetches it first."""
    finished: Run | None = None
    """The newest finished run of the very same recipe and seed."""
    estimate: float | None = None
    """Seconds, from the newest runs of the same model on the same kind of device; None where there is none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Runs in the order in which they would start, and what a person should know before."""

    runs: tuple[Planned, ...]
    notices: tuple[str, ...]

    @property
    def estimate(self) -> float | None:
        """Seconds that all would take one after the other; None where one of them has no estimate."""
        known = [planned.estimate for planned in self.runs if planned.estimate is not None]
        return sum(known) if known and len(known) == len(self.runs) else None


def plan_runs(
    lab: Lab,
    names: Sequence[str],
    *,
    seeds: Sequence[int] | None = None,
    overrides: Sequence[str] = (),
    dataset: str | None = None,
    fetch: bool = True,
    device: str = "",
    progress: Progress | None = None,
) -> Plan:
    """Plan every seed of the named experiments or members; no name means all of the catalog.

    `overrides` are `key=value`; `dataset` pins a data set, from which nothing falls back; `device` narrows the runs
    that estimates are taken from. With `fetch`, data sets that are not here are fetched now; without, nothing touches
    the network. Raises UsageError for names, data sets and overrides, EnvironmentFault where data cannot be had and
    nothing may stand in.
    """
    choice = DataChoice(lab, pinned=dataset, fetch=fetch, progress=progress)
    past = lab.store.scan()
    planned: list[Planned] = []
    for variant in lab.catalog.select(names) if names else lab.catalog.variants:
        experiment = lab.catalog.experiment(variant.spec.experiment)
        spec, present = choice.resolve(variant, override(variant.spec, overrides), experiment.offline_dataset)
        seeded = [msgspec.structs.replace(spec, seed=seed) for seed in (experiment.seeds if seeds is None else seeds)]
        planned += [_planned(one, past, device, present=present) for one in seeded]
    return Plan(tuple(planned), (*catalog_notices(lab), *choice.notices, *_done_notices(planned)))


def catalog_notices(lab: Lab) -> tuple[str, ...]:
    """What to say about a catalog with faults before its good entries are used."""
    count = len(lab.catalog.faults)
    if not count:
        return ()
    faults = "a fault" if count == 1 else f"{count} faults"
    return (f"{lab.catalog.path} has {faults}; the good entries are used. `labtui config validate` shows them.",)


def _planned(spec: RunSpec, past: Sequence[Run], device: str, *, present: bool) -> Planned:
    train_images = datasets.get(spec.data.name).train_images
    images = samples_per_epoch(spec, train_images)
    rate = _seconds_per_image(spec, past, device)
    return Planned(
        spec=spec,
        images=images,
        steps=spec.training.epochs * steps_per_epoch(spec, train_images),
        present=present,
        finished=_finished_twin(spec, past),
        estimate=None if rate is None else rate * images * spec.training.epochs,
    )


def _finished_twin(spec: RunSpec, past: Iterable[Run]) -> Run | None:
    """The newest finished run of the same recipe and seed; `past` is newest first."""
    wanted = recipe_hash(spec)
    for run in past:
        same = run.spec is not None and run.spec.seed == spec.seed and run.spec.experiment == spec.experiment
        if same and run.state is State.FINISHED and run.spec is not None and recipe_hash(run.spec) == wanted:
            return run
    return None


def _seconds_per_image(spec: RunSpec, past: Iterable[Run], device: str) -> float | None:
    """Median seconds per training image of the newest like runs, everything counted in."""
    rates: list[float] = []
    for run in past:
        if len(rates) == ESTIMATED_FROM:
            break
        if run.result is not None and run.result.images_seen and _is_like(run, spec, device):
            rates.append(run.result.seconds / run.result.images_seen)
    if not rates:
        return None
    from statistics import median  # deferred: it brings fractions and decimals, for nothing in most commands

    return median(rates)


def _is_like(run: Run, spec: RunSpec, device: str) -> bool:
    """Whether a past run's speed tells something about this spec: same network, same kind of data and of device."""
    if run.spec is None or run.launch is None:
        return False
    kind = device.partition(":")[0]
    return (
        type(run.spec.model) is type(spec.model)
        and run.spec.data.name == spec.data.name
        and (run.spec.data.augment is None) == (spec.data.augment is None)
        and run.spec.training.precision == spec.training.precision
        and (not kind or run.launch.device.partition(":")[0] == kind)
    )


def _done_notices(planned: Sequence[Planned]) -> tuple[str, ...]:
    done = [(one, one.finished) for one in planned if one.finished is not None]
    if len(done) > NAMED_AT_MOST:
        return (f"{len(done)} of these {len(planned)} runs have finished before; the newest of each counts.",)
    return tuple(
        f"{one.spec.display_title} with seed {one.spec.seed} has finished before ({run.id}); the newest counts."
        for one, run in done
    )

"""Cells: the runs that differ in nothing but the seed, and what they recorded about themselves."""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labtui.compare.model import Budget, RunRequest, SeedCounts, SeedValue
from labtui.compare.outcomes import (
    NO_VALUE,
    STOPPED,
    SeedOutcome,
    has_failed,
    last_value,
    open_outcome,
    seed_outcome,
)
from labtui.spec import RunSpec, Spec, Variant, flatten, recipe, recipe_hash
from labtui.store import tags
from labtui.store.state import State
from labtui.text.clean import clean_line

if TYPE_CHECKING:
    from labtui.store.records import LastValue, Result
    from labtui.store.run import Run


_TIMED = (tags.TRAIN_LOSS, tags.TRAIN_ACCURACY, tags.LEARNING_RATE)
"""Recorded at times that the clock decides: even bitwise equal runs end with different points of these."""

_NO_OVERRIDES: Mapping[str, Any] = {}
_NO_CLASSES: Mapping[str, int] = {}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Runs of one experiment, recipe and kind of device: they differ in nothing but the seed.

    On a CPU the number of threads matters too: it changes how sums are split, and so the last bits.
    """

    name: str
    recipe: str
    device: str
    """`cpu`, `cuda`, `mps`; empty if nothing was launched yet."""
    threads: int | None
    """On a CPU only."""
    spec: Spec
    """The newest run's; its seed has no meaning here."""
    runs: tuple["Run", ...]
    """The newest finished run of each seed, by seed."""
    superseded: tuple["Run", ...] = field(default=())
    """Earlier finished runs of the same seeds, newest first."""
    unfinished: tuple["Run", ...] = field(default=())
    """Runs of seeds without a finished run: queued, running, stopped, diverged, …"""
    other_tries: tuple["Run", ...] = field(default=())
    """Tries of the seeds that did not finish although another did, and those on other devices: failed ones count."""
    classes: int | None = None
    """Number of classes of the data; None if it is not known."""
    known_outcomes: Mapping[str, tuple[SeedOutcome, ...]] = field(default_factory=dict)
    """Outcomes by tag where they are not those of the runs as they ended: at an equal budget."""
    short_of: str = ""
    """Why it has no values at an equal budget; empty if it has."""
    _outcomes: dict[str, tuple[SeedOutcome, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def key(self) -> str:
        """Identifies the cell."""
        return f"{self.name}/{self.recipe}/{self.device}/{self.threads or '-'}"

    @property
    def engine_spec(self) -> RunSpec | None:
        """The spec of a run of labtui's own engine; None for programs."""
        return self.spec if isinstance(self.spec, RunSpec) else None

    @property
    def title(self) -> str:
        """The title with its overrides: `Dropout [epochs=1]`."""
        return clean_line(self.spec.display_title, 60)

    @cached_property
    def flat(self) -> dict[str, Any]:
        """The recipe as one flat dict of dotted keys."""
        return flatten(recipe(self.spec))

    @cached_property
    def ends(self) -> dict[int, dict[str, "LastValue"]]:
        """Per seed the last value of each tag, without those recorded by the clock. Equal bits give equal values."""
        return {
            run.spec.seed: {tag: end for tag, end in run.result.last.items() if tag not in _TIMED}
            for run in self.runs
            if run.spec and run.result
        }

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the finished runs."""
        return tuple(run.spec.seed for run in self.runs if run.spec)

    @property
    def has_ended_seeds(self) -> bool:
        """Whether any seed has finished or failed."""
        return bool(self.runs) or any(has_failed(run) for run in self.unfinished)

    def outcomes(self, tag: str) -> tuple[SeedOutcome, ...]:
        """What became of each seed that finished, failed or was stopped by a person, by seed."""
        if tag in self.known_outcomes:
            return self.known_outcomes[tag]
        if tag not in self._outcomes:
            self._outcomes[tag] = _outcomes(self, tag)
        return self._outcomes[tag]

    def without_seeds(self, seeds: Collection[int]) -> "Cell":
        """The cell with no run of these seeds."""

        def rest(runs: "tuple[Run, ...]") -> "tuple[Run, ...]":
            return tuple(run for run in runs if run.seed not in seeds)

        return replace(
            self,
            runs=rest(self.runs),
            superseded=rest(self.superseded),
            unfinished=rest(self.unfinished),
            other_tries=rest(self.other_tries),
        )

    @property
    def place(self) -> tuple[str, int | None]:
        """Device kind and threads."""
        return self.device, self.threads


def cells(runs: Iterable["Run"], classes: Mapping[str, int] = _NO_CLASSES) -> tuple[Cell, ...]:
    """Gather runs into cells, in the order in which their first run was made.

    Runs without a readable spec are left out. A run that was never launched has no device yet; it joins the largest
    cell of its recipe. `classes` are the numbers of classes by data set, for runs that did not record them.
    """
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in sorted((run for run in runs if run.spec), key=_age):
        if run.spec:
            groups[run.spec.name, recipe_hash(run.spec)].append(run)
    return tuple(
        replace(cell, classes=_recorded_classes(cell) or classes.get(cell.spec.dataset))
        for (name, recipe), group in groups.items()
        for cell in _by_place(name, recipe, group)
    )


def _recorded_classes(cell: Cell) -> int | None:
    """What the engine recorded."""
    numbers = [run.result.facts.get("classes") for run in reversed(cell.runs) if run.result]
    return next((number for number in numbers if isinstance(number, int) and number > 1), None)


def _outcomes(cell: Cell, tag: str) -> tuple[SeedOutcome, ...]:
    here: dict[int, list[Run]] = defaultdict(list)
    elsewhere: dict[int, list[Run]] = defaultdict(list)
    for run in (*cell.runs, *cell.superseded, *cell.unfinished, *cell.other_tries):
        if run.spec:
            (here if _is_of(run, cell) else elsewhere)[run.spec.seed].append(run)
    found = [_outcome(seed, here[seed], elsewhere[seed], tag, cell.classes) for seed in sorted({*here, *elsewhere})]
    outcomes = tuple(one for one in found if one is not None)
    if any(one.failure != NO_VALUE for one in outcomes):
        return outcomes
    return ()  # the metric was never recorded, which is no failure of a seed


def _outcome(seed: int, here: list["Run"], elsewhere: list["Run"], tag: str, classes: int | None) -> SeedOutcome | None:
    """The outcome of a seed; one that failed on another device has failed."""
    tries = sorted(here, key=_age, reverse=True)
    own = seed_outcome(seed, tries, tag, classes)
    other = seed_outcome(seed, sorted(elsewhere, key=_age, reverse=True), tag, classes) if own else None
    if own and own.value is not None and other and other.value is None:
        return other
    return own or open_outcome(seed, tries)


def _is_of(run: "Run", cell: Cell) -> bool:
    return run.launch is None or _place(run) == cell.place


def empty_cell(variant: Variant) -> Cell:
    """A cell of a variant that was never run."""
    return Cell(
        name=variant.spec.name, recipe=recipe_hash(variant.spec), device="", threads=None, spec=variant.spec, runs=()
    )


def run_requests(
    cells: Iterable[Cell], seeds: tuple[int, ...], overrides: Mapping[str, Any] = _NO_OVERRIDES
) -> tuple[RunRequest, ...]:
    """The runs of these cells with these seeds, cells with equal overrides in one request.

    There is none for the runs of other tools. `overrides` are set on top of the cells' own. A cell on a replacement
    data set asks for that data set.
    """
    requests: list[tuple[dict[str, Any], dict[str, None]]] = []
    for cell in cells:
        if cell.spec.is_foreign:
            continue
        own = {**cell.spec.overrides, **overrides}
        if cell.spec.fallback_from:
            own["data.name"] = cell.spec.dataset
        names = next((names for known, names in requests if known == own), None)
        if names is None:
            names = {}
            requests.append((own, names))
        names[cell.name] = None
    return tuple(RunRequest(names=tuple(names), seeds=seeds, overrides=own) for own, names in requests)


def _by_place(name: str, recipe: str, runs: list["Run"]) -> list[Cell]:
    places: dict[tuple[str, int | None], list[Run]] = defaultdict(list)
    for run in runs:
        places[_place(run)].append(run)
    unlaunched = places.pop(("", None), [])
    if not places:
        return [_cell(name, recipe, ("", None), unlaunched)]
    largest = max(places, key=lambda place: sum(run.state is State.FINISHED for run in places[place]))
    places[largest] = sorted([*places[largest], *unlaunched], key=_age)
    launched = [run for group in places.values() for run in group if run.launch is not None]
    return [
        _cell(name, recipe, place, group, [run for run in launched if _place(run) != place])
        for place, group in places.items()
    ]


def _cell(
    name: str, recipe: str, place: tuple[str, int | None], runs: list["Run"], elsewhere: Sequence["Run"] = ()
) -> Cell:
    newest: dict[int, Run] = {}
    superseded: list[Run] = []
    for run in runs:
        if run.state is State.FINISHED and run.spec and run.result:
            if before := newest.get(run.spec.seed):
                superseded.insert(0, before)
            newest[run.spec.seed] = run
    unfinished = [run for run in runs if run.spec and run.spec.seed not in newest]
    others = [run for run in runs if run.spec and run.spec.seed in newest and run.state is not State.FINISHED]
    spec = next(run.spec for run in reversed(runs) if run.spec)
    return Cell(
        name=name,
        recipe=recipe,
        device=place[0],
        threads=place[1],
        spec=spec,
        runs=tuple(newest[seed] for seed in sorted(newest)),
        superseded=tuple(superseded),
        unfinished=tuple(unfinished),
        other_tries=(*others, *elsewhere),
    )


def _place(run: "Run") -> tuple[str, int | None]:
    if run.launch is None:
        return "", None
    kind = clean_line(run.launch.device, 20).partition(":")[0]
    return kind, run.launch.threads if kind == "cpu" else None


def _age(run: "Run") -> tuple[float, str]:
    return run.created, run.id


def final_values(cell: Cell, tag: str) -> tuple[SeedValue, ...]:
    """The last value of a tag per seed that did not fail."""
    return tuple(
        SeedValue(seed=one.seed, run=one.run, value=one.value) for one in cell.outcomes(tag) if one.value is not None
    )


def seed_counts(cell: Cell, tag: str) -> SeedCounts:
    """How many seeds reached a value of a tag, and how many did not."""
    outcomes = cell.outcomes(tag)
    learned = sum(one.value is not None for one in outcomes)
    stopped = sum(one.failure == STOPPED for one in outcomes)
    return SeedCounts(learned=learned, failed=len(outcomes) - learned - stopped, stopped=stopped)


def mean(numbers: Iterable[float]) -> float | None:
    """The mean; None without numbers."""
    collected = list(numbers)
    return sum(collected) / len(collected) if collected else None


def mean_and_sd(numbers: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and standard deviation (n - 1); None for what the numbers are too few for."""
    middle = mean(numbers)
    if middle is None or len(numbers) < 2:
        return middle, None
    return middle, math.sqrt(sum((number - middle) ** 2 for number in numbers) / (len(numbers) - 1))


def mean_of(cell: Cell, tag: str) -> float | None:
    """The mean of the last value of a tag over the seeds that did not fail; if all did, over those with a value."""
    values = [value.value for value in final_values(cell, tag)]
    return mean(values or (value for run in cell.runs if (value := last_value(run, tag)) is not None))


def budget(cell: Cell) -> Budget:
    """What a run of the cell costs."""
    models = [run.result.model for run in cell.runs if run.result and run.result.model]
    return Budget(
        epochs=_mean(cell, lambda result: result.epochs),
        steps=_mean(cell, lambda result: result.steps),
        images_seen=_mean(cell, lambda result: result.images_seen),
        train_images=_mean(cell, lambda result: result.train_images),
        test_images=plain_test_images(cell),
        seconds=_mean(cell, lambda result: result.train_seconds or result.seconds),
        images_per_second=_mean(cell, lambda result: result.images_per_second),
        parameters=models[-1].parameters if models else None,
        flops_per_image=models[-1].flops_per_image if models else None,
    )


def plain_train_images(cell: Cell) -> int | None:
    """Training images before any augmented ones are appended."""
    images = train_samples(cell)
    augment = cell.engine_spec.data.augment if cell.engine_spec else None
    return images // 2 if images and augment and augment.mode == "append" else images


def train_samples(cell: Cell) -> int | None:
    """Samples of one epoch, including appended ones."""
    return _latest(cell, lambda result: result.train_images)


def report_test_images(cell: Cell) -> int | None:
    """Images of the report's test set, including appended ones."""
    images, spec = plain_test_images(cell), cell.engine_spec
    augment = spec.data.augment if spec else None
    appends = spec and spec.protocol == "report" and augment and augment.test and augment.mode == "append"
    return 2 * images if images and appends else images


def plain_test_images(cell: Cell) -> int | None:
    """Images of the plain test set."""
    return _latest(cell, lambda result: result.test_images)


def _mean(cell: Cell, fact: Callable[["Result"], float]) -> float | None:
    return mean(fact(run.result) for run in cell.runs if run.result and fact(run.result))


def _latest(cell: Cell, fact: Callable[["Result"], int]) -> int | None:
    return next((fact(run.result) for run in reversed(cell.runs) if run.result and fact(run.result)), None)

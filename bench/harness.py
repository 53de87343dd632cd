"""Contenders in interleaved rounds, and what the rounds say: medians, spreads, ratios to a reference.

All contenders of a race are made ready first; then every round asks each of them once, in turn (A B C A B C …), so
that whatever else the machine does hits all alike. The first round warms up and is dropped. A ratio is taken within
each round, against the reference of that round, and then its median: the load of the machine cancels out.
"""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Protocol


class Skipped(Exception):
    """A contender or a section that cannot be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round gave: so many units of work (images, points, or 1) in so many seconds."""

    units: float
    seconds: float

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.units / self.seconds

    @property
    def time(self) -> float:
        """Seconds for one unit."""
        return self.seconds / self.units


Round = Callable[[], Sample]


class Contender(Protocol):
    """Something that is measured, round by round."""

    @property
    def name(self) -> str:
        """How the table calls it."""
        ...

    def open(self) -> AbstractContextManager[Round]:
        """Make it ready. Raises Skipped where it cannot be had."""
        ...


class Progress(Protocol):
    """Receives the progress, for a person who waits."""

    def doing(self, what: str, done: int, of: int) -> None:
        """`done` of `of` measurements are over, and `what` is next."""
        ...


@dataclass(frozen=True, slots=True)
class Course:
    """The result of a race: the samples of each contender by name, without the warm-up; and why others were skipped."""

    samples: Mapping[str, tuple[Sample, ...]]
    skipped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values, the least and the greatest."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Raises ValueError where there are none."""
    if not values:
        raise ValueError("no values")
    return Spread(statistics.median(values), min(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a `share` (0..1) of the values lies at or below: one of them, never between two.

    Raises ValueError where there are none.
    """
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def ratios(values: Sequence[float], reference: Sequence[float], *, lower_is_better: bool = False) -> tuple[float, ...]:
    """How many times better than the reference, round by round. Raises ValueError for unequal numbers of rounds."""
    pairs = list(zip(values, reference, strict=True))
    return tuple(theirs / ours if lower_is_better else ours / theirs for ours, theirs in pairs)


def turns(names: Sequence[str], rounds: int, *, warm_up: bool = True) -> Iterator[tuple[int, str]]:
    """The order of a race: round 0, the warm-up, to round `rounds`, and in each of them every name once."""
    for number in range(0 if warm_up else 1, rounds + 1):
        for name in names:
            yield number, name


def race(
    contenders: Sequence[Contender], rounds: int, progress: Progress, title: str = "", *, warm_up: bool = True
) -> Course:
    """Run the rounds. A contender that cannot be had is left out, with its reason; a failure of one is raised.

    Without `warm_up` the first round counts: for rounds so long that what is warmed up does not show.
    """
    samples: dict[str, list[Sample]] = {}
    skipped: dict[str, str] = {}
    with ExitStack() as stack:
        ready: dict[str, Round] = {}
        steps = (rounds + 1 + warm_up) * len(contenders)
        for place, contender in enumerate(contenders):
            progress.doing(f"{title}: {contender.name}, getting ready", place, steps)
            try:
                ready[contender.name] = stack.enter_context(contender.open())
            except Skipped as reason:
                skipped[contender.name] = str(reason)
        steps = (rounds + 1 + warm_up) * len(ready)
        for done, (number, name) in enumerate(turns(tuple(ready), rounds, warm_up=warm_up), start=len(ready)):
            what = "warming up" if number == 0 else f"round {number} of {rounds}"
            progress.doing(f"{title}: {name}, {what}", done, steps)
            sample = ready[name]()
            if number:
                samples.setdefault(name, []).append(sample)
    return Course({name: tuple(some) for name, some in samples.items()}, skipped)

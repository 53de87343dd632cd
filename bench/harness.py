"""Runs contenders in interleaved rounds, and computes medians, spreads and ratios to a reference.

All contenders of a race are prepared first; then every round measures each of them once, in turn (A B C A B C …), so
that other load on the machine affects all alike. The first round is a warm-up and is dropped. A ratio is computed
within each round, against the reference of that round, and then its median is taken: the machine's load cancels out.
"""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Skipped(Exception):
    """A contender or a section is not available on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The measurement of one round: units of work (images, points, or 1) and the seconds they took."""

    units: float
    seconds: float

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.units / self.seconds

    @property
    def time(self) -> float:
        """Seconds per unit."""
        return self.seconds / self.units


Round = Callable[[], Sample]


class Contender(Protocol):
    """Something that is measured round by round."""

    @property
    def name(self) -> str:
        """Its name in the table."""
        ...

    def open(self) -> AbstractContextManager[Round]:
        """Prepare it, and return the function that measures one round. Raises Skipped if it is not available."""
        ...


class Progress(Protocol):
    """Shows the progress to the user."""

    def update(self, description: str, done: int, total: int) -> None:
        """`done` of `total` measurements are over, and `description` is next."""
        ...


@dataclass(frozen=True, slots=True)
class RaceResult:
    """The samples of each contender by name, without the warm-up, and the reasons of the skipped ones."""

    samples: Mapping[str, tuple[Sample, ...]]
    skipped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median, the minimum and the maximum of some values."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The spread of values. Raises ValueError if there are none."""
    if not values:
        raise ValueError("no values")
    return Spread(statistics.median(values), min(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least a `share` (0..1) of them does not exceed; no interpolation.

    Raises ValueError if there are none.
    """
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def ratios(values: Sequence[float], reference: Sequence[float], *, lower_is_better: bool = False) -> tuple[float, ...]:
    """How many times better than the reference, round by round. Raises ValueError for unequal numbers of rounds."""
    pairs = list(zip(values, reference, strict=True))
    return tuple(theirs / ours if lower_is_better else ours / theirs for ours, theirs in pairs)


def turns(names: Sequence[str], rounds: int, *, warm_up: bool = True) -> Iterator[tuple[int, str]]:
    """The order of a race: every name once per round, from round 0, the warm-up, to round `rounds`."""
    for number in range(0 if warm_up else 1, rounds + 1):
        for name in names:
            yield number, name


def race(
    contenders: Sequence[Contender], rounds: int, progress: Progress, title: str = "", *, warm_up: bool = True
) -> RaceResult:
    """Run the rounds. Contenders that are not available are skipped, with their reason; any failure is raised.

    Without `warm_up` the first round counts: for rounds so long that the warm-up is negligible.
    """
    samples: dict[str, list[Sample]] = {}
    skipped: dict[str, str] = {}
    with ExitStack() as stack:
        ready: dict[str, Round] = {}
        steps = (rounds + 1 + warm_up) * len(contenders)
        for index, contender in enumerate(contenders):
            progress.update(f"{title}: {contender.name}, preparing", index, steps)
            try:
                ready[contender.name] = stack.enter_context(contender.open())
            except Skipped as reason:
                skipped[contender.name] = str(reason)
        steps = (rounds + 1 + warm_up) * len(ready)
        for done, (number, name) in enumerate(turns(tuple(ready), rounds, warm_up=warm_up), start=len(ready)):
            stage = "warm-up" if number == 0 else f"round {number} of {rounds}"
            progress.update(f"{title}: {name}, {stage}", done, steps)
            sample = ready[name]()
            if number:
                samples.setdefault(name, []).append(sample)
    return RaceResult({name: tuple(own) for name, own in samples.items()}, skipped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to measure: how long, on which device, with which images."""

    rounds: int
    quick: bool
    threads: int
    """CPU threads of a contender that may use all cores."""
    device: str
    """`cpu` or `cuda`."""
    data: Path | None
    """The folder with the real CIFAR-10; None if there is none."""
    progress: Progress

    def race(self, title: str, contenders: Sequence[Contender], rounds: int | None = None) -> RaceResult:
        """Run the rounds of some contenders; by default as many as the settings say."""
        return race(contenders, rounds or self.rounds, self.progress, title)

    def size(self, full: int, quick: int) -> int:
        """One of two sizes."""
        return quick if self.quick else full

    @property
    def images(self) -> str:
        """A description of the images."""
        return "real CIFAR-10" if self.data else "random images of CIFAR-10's shape"

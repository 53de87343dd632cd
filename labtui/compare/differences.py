"""The difference of two cells: which seeds enter, how they are compared, and what the failed ones could change.

All seeds that finished enter, so that the difference is always that of the two means. Where a seed means the same on
both sides, the pairs narrow the interval. A failed seed has no value. A claim in favour of a side must hold again with
that side's failed seeds at the value of a network that learned nothing; the other side's are never given a value, since
a low one would speak for the first.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from labtui.compare import statistics
from labtui.compare.outcomes import SeedOutcome
from labtui.compare.statistics import Estimate

Method = Literal["paired", "partly paired", "welch", ""]

_FEWEST_PAIRS = 3
"""Pairs from which their correlation is used where some seeds have no partner."""

_FLOAT32 = 2.0**-23
"""The relative distance of neighbouring float32 numbers, which event files hold."""


class Difference(NamedTuple):
    """A row minus its baseline, before anything is claimed about it."""

    delta: float | None
    method: Method
    """Empty below two seeds on a side."""
    seeds: tuple[int, ...]
    """Of the pairs."""
    estimate: Estimate | None
    """Over the seeds that finished; None below two on a side."""
    n: int = 0
    """Seeds of the smaller side."""
    row_at_worst: Estimate | None = None
    """With the row's failed seeds at the worst value; None where none failed."""
    baseline_at_worst: Estimate | None = None
    """With the baseline's failed seeds at the worst value; None where none failed."""
    differences: tuple[float, ...] = ()
    """Of the pairs, if every seed has a partner."""
    sd: float | None = None
    """Of one difference: used to plan more seeds."""
    correlation: float | None = None
    """Of the two sides over their common seeds, if a seed means the same on both; None below three."""

    def at_worst(self, *, for_row: bool) -> Estimate | None:
        """What a claim in favour of the row, or of the baseline, must hold with as well; None where no seed failed."""
        return self.row_at_worst if for_row else self.baseline_at_worst


def difference(
    row: Iterable[SeedOutcome], baseline: Iterable[SeedOutcome], *, pairs: bool, worst: float | None
) -> Difference:
    """Compare what became of the seeds of two cells.

    `pairs` says whether a seed means the same on both sides. `worst` is what a failed seed counts in a claim for its
    own side: accuracy at chance, or the worst value seen in either cell.
    """
    ours, theirs = tuple(row), tuple(baseline)
    here, there = _values(ours), _values(theirs)
    found = _between(here, there, pairs=pairs)
    if found.estimate is None or worst is None:
        return found
    row_at_worst, baseline_at_worst = None, None
    if len(ours) > len(here):
        row_at_worst = _between(_values(ours, worst), there, pairs=pairs).estimate
    if len(theirs) > len(there):
        baseline_at_worst = _between(here, _values(theirs, worst), pairs=pairs).estimate
    return found._replace(row_at_worst=row_at_worst, baseline_at_worst=baseline_at_worst)


def has_spread(found: Difference, values: Iterable[float], resolution: float) -> bool:
    """Whether the seeds spread by more than rounding does.

    `resolution` is the smallest step of the metric: 100 / images for an accuracy in percent, 0 where it has none. A
    standard error below half of it over the root of the number of seeds is rounding; so is one of a few float32 steps.
    """
    if found.estimate is None:
        return False
    largest = max((abs(value) for value in values), default=0.0)
    return float(found.estimate.error) > max(0.5 * resolution, 4 * _FLOAT32 * largest) / math.sqrt(found.n)


def _between(here: Mapping[int, float], there: Mapping[int, float], *, pairs: bool) -> Difference:
    if not here or not there:
        return Difference(None, "", (), None)
    ours, theirs, n = [*here.values()], [*there.values()], min(len(here), len(there))
    delta = sum(ours) / len(ours) - sum(theirs) / len(theirs)
    if n < 2:
        return Difference(delta, "", (), None, n)
    common = tuple(seed for seed in here if seed in there) if pairs else ()
    sides = [here[seed] for seed in common], [there[seed] for seed in common]
    correlation = _correlation(*sides)
    if len(common) == len(here) == len(there):
        differences = tuple(a - b for a, b in zip(*sides, strict=True))
        estimate = statistics.paired(differences)
        sd = float(estimate.error) * math.sqrt(n)
        return Difference(delta, "paired", common, estimate, n, None, None, differences, sd, correlation)
    spreads = [float(statistics.mean_and_sd(side)[1]) for side in (ours, theirs)]
    if len(common) < _FEWEST_PAIRS or correlation is None:
        estimate, sd = statistics.welch(ours, theirs), math.hypot(*spreads)
        return Difference(delta, "welch", (), estimate, n, None, None, (), sd, correlation)
    estimate = statistics.partly_paired(ours, theirs, len(common), correlation)
    sd = math.sqrt(max(spreads[0] ** 2 + spreads[1] ** 2 - 2 * correlation * spreads[0] * spreads[1], 0.0))
    return Difference(delta, "partly paired", common, estimate, n, None, None, (), sd, correlation)


def _correlation(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    if len(ours) < _FEWEST_PAIRS or min(np.ptp(ours), np.ptp(theirs)) <= 0:
        return None
    return float(np.corrcoef(ours, theirs)[0, 1])


def _values(outcomes: Iterable[SeedOutcome], failed: float | None = None) -> dict[int, float]:
    """The values by seed, those of failed seeds being `failed`; without one they are left out."""
    values = {one.seed: failed if one.value is None else one.value for one in sorted(outcomes, key=_seed)}
    return {seed: value for seed, value in values.items() if value is not None}


def _seed(outcome: SeedOutcome) -> int:
    return outcome.seed

"""What became of each seed, and the difference of two cells in which some seeds failed.

A seed that diverged, ended in NaN or never learned says something about its recipe: without it, "2 of 5 seeds reach
62%" would read as "reaches 62%". Failed seeds therefore stay in n: a gain must hold over the seeds that finished, and
again with the row's failed seeds at the value of a network that learned nothing. Failed seeds of the baseline never get
a value, since a low one would speak for the row. Runs that ended for want of disk, memory or device, or that were
killed, say nothing about the recipe and are not outcomes.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from labtui.compare import statistics
from labtui.compare.statistics import Estimate


class SeedOutcome(NamedTuple):
    """The end of one seed of one cell."""

    seed: int
    value: float | None
    """The metric; None where the seed failed."""
    failure: str = ""
    """`diverged`, `NaN`, `never learned`; empty where the seed finished."""
    run: str = ""
    """The id of the run that counts."""


class Difference(NamedTuple):
    """A row minus its baseline, over the seeds that finished and with the failed ones counted in."""

    finished: Estimate
    imputed: Estimate | None
    """With the row's failed seeds at the worst value; None where none failed."""
    row_failed: int
    baseline_failed: int


def difference(
    row: Iterable[SeedOutcome], baseline: Iterable[SeedOutcome], *, paired: bool, worst: float
) -> Difference | None:
    """The difference of two cells; None where fewer than two seeds (or pairs) finished.

    `worst` is what a failed seed of the row counts: accuracy at chance, or the worst value seen in either cell. Paired
    differences are taken over the seeds that both sides have.
    """
    ours, theirs = {one.seed: one for one in row}, {one.seed: one for one in baseline}
    if paired:
        common = ours.keys() & theirs.keys()
        ours = {seed: one for seed, one in ours.items() if seed in common}
        theirs = {seed: one for seed, one in theirs.items() if seed in common}
    finished = _estimate(_values(ours.values(), None), _values(theirs.values(), None), paired=paired)
    if finished is None:
        return None
    failed = sum(one.value is None for one in ours.values())
    imputed = (
        _estimate(_values(ours.values(), worst), _values(theirs.values(), None), paired=paired) if failed else None
    )
    return Difference(finished, imputed, failed, sum(one.value is None for one in theirs.values()))


def worst_value(outcomes: Iterable[SeedOutcome], *, higher_is_better: bool, chance: float | None) -> float | None:
    """What a failed seed counts: `chance` where the metric has such a value, else the worst seen; None without any."""
    if chance is not None:
        return chance
    values = [one.value for one in outcomes if one.value is not None]
    return None if not values else min(values) if higher_is_better else max(values)


def _values(outcomes: Iterable[SeedOutcome], failed: float | None) -> dict[int, float]:
    values = {one.seed: one.value if one.value is not None else failed for one in outcomes}
    return {seed: value for seed, value in sorted(values.items()) if value is not None}


def _estimate(ours: dict[int, float], theirs: dict[int, float], *, paired: bool) -> Estimate | None:
    if paired:
        differences: Sequence[float] = [value - theirs[seed] for seed, value in ours.items() if seed in theirs]
        return statistics.paired(differences) if len(differences) > 1 else None
    here, there = np.array([*ours.values()]), np.array([*theirs.values()])
    return statistics.welch(here, there) if min(len(here), len(there)) > 1 else None

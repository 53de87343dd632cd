"""How many seeds an undecided comparison would take."""

import math

from labtui.compare.statistics import ALPHA

POWER = 0.8
"""The chance of seeing a difference that is there."""

MOST_SEEDS = 200
"""Beyond this the answer is "more than": nobody trains that many."""


def chance_to_see(effect: float, sd: float, seeds: int, *, paired: bool, alpha: float = ALPHA) -> float:
    """The chance that a two-sided t test with `seeds` per side sees a true difference of `effect`.

    `sd` is that of one difference: of the paired differences, or sqrt(sd1² + sd2²) of two independent sides. Beyond the
    noncentral t's far tail on the wrong side, which is counted as not seen.
    """
    from scipy.special import nctdtr, stdtrit  # deferred: 60 ms

    freedom = seeds - 1 if paired else 2 * (seeds - 1)
    threshold = stdtrit(freedom, 1 - alpha / 2)
    return 1 - float(nctdtr(freedom, abs(effect) / sd * math.sqrt(seeds), threshold))


def seeds_needed(effect: float, sd: float, *, paired: bool, alpha: float = ALPHA) -> int | None:
    """The fewest seeds per side that see a true difference of `effect` in four of five cases; None beyond 200."""
    if not (effect and math.isfinite(effect) and math.isfinite(sd)):
        return None
    if sd <= 0:
        return 2
    low, high = 1, MOST_SEEDS + 1
    while high - low > 1:
        middle = (low + high) // 2
        if chance_to_see(effect, sd, middle, paired=paired, alpha=alpha) >= POWER:
            high = middle
        else:
            low = middle
    return high if high <= MOST_SEEDS else None

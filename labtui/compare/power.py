"""How many seeds an undecided comparison would take."""

import math
from collections.abc import Callable

from labtui.compare.statistics import ALPHA

POWER = 0.8
"""The chance of seeing a difference that is there."""

MOST_SEEDS = 200
"""Beyond this the answer is "more than": nobody trains that many."""

_FAR = 30.0
"""Standard errors from which only the spread's own uncertainty counts; scipy's noncentral t has gaps beyond."""


def chance_to_see(effect: float, sd: float, seeds: int, alpha: float = ALPHA) -> float:
    """The chance that a two-sided t test with `seeds` per side sees a true difference of `effect`.

    `sd` is that of one difference: of the paired differences, or sqrt(sd1² + sd2²) of two independent sides. Of the
    latter it promises a little less than there is: Welch's degrees of freedom lie between those of one side, which are
    taken here, and of both. Only the right side counts: to see a loss where there is a gain is not to see it.
    """
    from scipy.special import chdtr, nctdtr, stdtrit  # deferred: 60 ms

    freedom = seeds - 1
    threshold, shift = stdtrit(freedom, 1 - alpha / 2), abs(effect) / sd * math.sqrt(seeds)
    if shift > _FAR:
        return float(chdtr(freedom, freedom * (shift / threshold) ** 2))
    return 1 - float(nctdtr(freedom, shift, threshold))


def chance_to_rule_out(smallest: float, effect: float, sd: float, seeds: int, alpha: float = ALPHA) -> float:
    """The chance that the interval at 1 - alpha lies within ± `smallest` where the true difference is `effect`.

    The spread is taken for known: F((smallest - effect) / error - t) + F((smallest + effect) / error - t) - 1 with
    Student's F, the usual plan of two one-sided tests.
    """
    from scipy.special import stdtr, stdtrit  # deferred: 60 ms

    freedom, error = seeds - 1, sd / math.sqrt(seeds)
    threshold = stdtrit(freedom, 1 - alpha / 2)
    sides = ((smallest - abs(effect)) / error, (smallest + abs(effect)) / error)
    return max(0.0, sum(float(stdtr(freedom, side - threshold)) for side in sides) - 1)


def seeds_needed(chance: Callable[[int], float]) -> int | None:
    """The fewest seeds per side with which a chance that rises with them is four in five; None beyond 200."""
    low, high = 1, MOST_SEEDS + 1
    while high - low > 1:
        middle = (low + high) // 2
        if chance(middle) >= POWER:
            high = middle
        else:
            low = middle
    return high if high <= MOST_SEEDS else None

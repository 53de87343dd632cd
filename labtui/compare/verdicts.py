"""The verdict: a difference, its interval, and what may be said once all rows are judged together."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from labtui.compare import statistics
from labtui.compare.baselines import FEWEST_SEEDS, seconds_per_seed
from labtui.compare.cells import Cell, final_values
from labtui.compare.deltas import paired_seeds
from labtui.compare.metrics import Metric
from labtui.compare.model import Comparison, Interval, Need, Verdict
from labtui.compare.render.commands import run_command
from labtui.compare.statistics import ALPHA, Estimate
from labtui.text import numbers
from labtui.text.durations import duration

FIRST_SIGN_FLIP = 6
"""Pairs from which the sign-flip test can reach p < 0.05 at all."""


class Difference(NamedTuple):
    """A row minus its baseline, before anything is said about it."""

    delta: float | None
    method: str
    seeds: tuple[int, ...]
    estimate: Estimate | None
    """None below two seeds on a side."""
    sd: float | None
    """Of one difference: what a plan of more seeds goes by."""
    differences: tuple[float, ...]
    """Of the pairs."""

    @property
    def interval(self) -> Interval | None:
        """95%, for this comparison alone."""
        return interval(self.estimate) if self.estimate else None

    @property
    def p(self) -> float | None:
        """Two-sided; None without a spread to judge by."""
        p = float(statistics.p_two_sided(self.estimate)) if self.estimate else math.nan
        return None if math.isnan(p) else p

    @property
    def sign_flip_p(self) -> float | None:
        """Exact; None below six pairs, where it cannot reach p < 0.05."""
        return statistics.sign_flip(self.differences) if len(self.differences) >= FIRST_SIGN_FLIP else None


def interval(estimate: Estimate, level: float = 1 - ALPHA) -> Interval:
    """The interval of an estimate as two numbers."""
    low, high = statistics.bounds(estimate, level)
    return float(low), float(high)


def difference(here: Cell, there: Cell, metric: Metric) -> Difference:
    """Paired over the common seeds where a seed means the same data order and weights on both sides, else Welch's."""
    ours = {one.seed: one.value for one in final_values(here, metric.tag)}
    theirs = {one.seed: one.value for one in final_values(there, metric.tag)}
    if seeds := paired_seeds(here, there, metric.tag):
        return _paired(tuple(ours[seed] - theirs[seed] for seed in seeds), seeds)
    return _welch(list(ours.values()), list(theirs.values()))


def _paired(differences: tuple[float, ...], seeds: tuple[int, ...]) -> Difference:
    estimate = statistics.paired(differences)
    sd = float(estimate.error) * math.sqrt(len(differences))
    return Difference(float(estimate.delta), "paired", seeds, estimate, sd, differences)


def _welch(ours: list[float], theirs: list[float]) -> Difference:
    if not ours or not theirs:
        return Difference(None, "", (), None, None, ())
    delta = float(np.mean(ours) - np.mean(theirs))
    if min(len(ours), len(theirs)) < 2:
        return Difference(delta, "", (), None, None, ())
    sd = math.hypot(*(float(statistics.mean_and_sd(side)[1]) for side in (ours, theirs)))
    return Difference(delta, "welch", (), statistics.welch(ours, theirs), sd, ())


class Pending(NamedTuple):
    """A comparison that waits for its verdict: Holm's level is known when all rows are."""

    comparison: Comparison
    difference: Difference
    here: Cell
    there: Cell


def why_not(here: Cell, there: Cell, found: Difference) -> str:
    """Why a difference cannot be judged, whatever its size; empty where it can."""
    if found.delta is None:
        return "no finished run"
    if found.estimate is None:
        single = here if len(here.runs) < 2 else there
        return "one seed" if single is here else f"one seed of {there.title}"
    if not float(found.estimate.error) > 0:
        return "no spread over seeds"
    return ""


def judge(pending: Sequence[Pending], metric: Metric, alpha: float = ALPHA) -> list[Comparison]:
    """Give every comparison its verdict; those marked `judged` share the chance of a false claim."""
    family = [one for one in pending if one.comparison.judged]
    if not family:
        return [_unjudged(one) for one in pending]
    adjusted = statistics.holm([one.difference.p or 0.0 for one in family], alpha)
    numbers = zip(family, adjusted.p.tolist(), adjusted.level.tolist(), strict=True)
    judged = {id(one.comparison): _judged(one, metric, p, level, len(family), alpha) for one, p, level in numbers}
    return [judged.get(id(one.comparison)) or _unjudged(one) for one in pending]


def _judged(one: Pending, metric: Metric, p: float, level: float, family: int, alpha: float) -> Comparison:
    estimate, effect = one.difference.estimate, one.comparison.smallest_effect
    if estimate is None:
        return _unjudged(one)
    low, high = interval(estimate, level)
    wide_low, wide_high = interval(estimate, 1 - alpha / family)
    better = 1 if metric.higher_is_better else -1
    why = ""
    if low > 0 or high < 0:
        verdict = Verdict.GAIN if (low > 0) == (better > 0) else Verdict.LOSS
        if effect and max(abs(low), abs(high)) < effect:
            why = f"smaller than the {numbers.decimal(effect)} {metric.delta_unit} that matter here"
    elif effect and -effect < wide_low and wide_high < effect:
        verdict = Verdict.NO_DIFFERENCE
    else:
        verdict = Verdict.UNDECIDED
    need = _more_seeds(one, metric, (1 - level, alpha / family)) if verdict is Verdict.UNDECIDED else None
    return msgspec.structs.replace(
        one.comparison, adjusted=(low, high), p_adjusted=p, verdict=verdict, why=why, need=need
    )


def _unjudged(one: Pending) -> Comparison:
    if one.difference.estimate is None and one.difference.delta is not None and not one.comparison.confounds:
        return msgspec.structs.replace(one.comparison, need=_first_seeds(one))
    return one.comparison


def _first_seeds(one: Pending) -> Need:
    seeds = tuple(range(FEWEST_SEEDS))
    seconds = _seconds(one, FEWEST_SEEDS)
    missing = [cell.title for cell in _sides(one, FEWEST_SEEDS)]
    text = f"one seed shows no spread: run {FEWEST_SEEDS} seeds of {' and '.join(missing)}{_time(seconds)}"
    return _need(one, FEWEST_SEEDS, None, seconds, text, seeds)


def _more_seeds(one: Pending, metric: Metric, alphas: tuple[float, float]) -> Need:
    """How many seeds would decide it, one way or the other, if the true difference were the observed one."""
    delta, sd, smallest = one.difference.delta or 0.0, one.difference.sd or 0.0, one.comparison.smallest_effect

    def decided(seeds: int) -> float:
        seen = chance_to_see(delta, sd, seeds, alphas[0]) if delta else 0.0
        return seen + (chance_to_rule_out(smallest, delta, sd, seeds, alphas[1]) if smallest else 0.0)

    seeds = seeds_needed(decided)
    really = f"were the difference really {numbers.signed(delta, metric.digits)} {metric.delta_unit}".rstrip()
    if seeds is None:
        text = f"more than {MOST_SEEDS} seeds per side would be needed to decide it, {really}"
        return Need(seeds=None, effect=abs(delta), seconds=None, text=text, keys=(), command="")
    seeds = max(seeds, min(len(one.here.runs), len(one.there.runs)) + 1)
    seconds = _seconds(one, seeds)
    text = f"{seeds} seeds per side would decide it in four of five cases, {really}{_time(seconds)}"
    return _need(one, seeds, abs(delta), seconds, text, tuple(range(seeds)))


def _need(
    one: Pending, seeds: int, effect: float | None, seconds: float | None, text: str, numbers: tuple[int, ...]
) -> Need:
    sides = _sides(one, seeds)
    keys, command = tuple(cell.key for cell in sides), run_command(sides, numbers)
    return Need(seeds=seeds, effect=effect, seconds=seconds, text=text, keys=keys, command=command)


def _sides(one: Pending, seeds: int) -> list[Cell]:
    """The cells that lack seeds."""
    return [cell for cell in (one.here, one.there) if len(cell.runs) < seeds] or [one.here]


def _seconds(one: Pending, seeds: int) -> float | None:
    each = [(max(0, seeds - len(cell.runs)), seconds_per_seed(cell)) for cell in (one.here, one.there)]
    return sum(missing * (seconds or 0.0) for missing, seconds in each) if all(seconds for _, seconds in each) else None


def _time(seconds: float | None) -> str:
    return f" (about {duration(seconds)} more)" if seconds else ""


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

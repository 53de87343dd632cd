"""Verdicts: a difference, its interval, what may be said once all rows are judged together, and the seeds missing."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from labtui.compare import statistics
from labtui.compare.baselines import FEWEST_SEEDS
from labtui.compare.cells import Cell, budget, final_values, mean, run_requests
from labtui.compare.deltas import paired_seeds
from labtui.compare.metrics import Metric
from labtui.compare.model import Comparison, Interval, SeedsNeeded, Verdict
from labtui.compare.statistics import ALPHA, Estimate
from labtui.text import numbers
from labtui.text.durations import duration

FIRST_SIGN_FLIP = 6
"""The fewest pairs with which the sign-flip test can reach p < 0.05."""

POWER = 0.8
"""The probability of detecting a true difference that a number of seeds is planned for."""

MOST_SEEDS = 200
"""The most seeds that are proposed."""


# --- Differences --------------------------------------------------------------------------------------------------


class Difference(NamedTuple):
    """A row minus its baseline, before anything is claimed about it."""

    delta: float | None
    method: str
    seeds: tuple[int, ...]
    estimate: Estimate | None
    """None below two seeds on a side."""
    sd: float | None
    """Of one difference: used to plan more seeds."""
    differences: tuple[float, ...]
    """Of the pairs."""

    @property
    def interval(self) -> Interval | None:
        """95%, for this comparison alone."""
        return interval(self.estimate) if self.estimate else None

    @property
    def p(self) -> float | None:
        """Two-sided; None without a spread over seeds."""
        p = float(statistics.p_two_sided(self.estimate)) if self.estimate else math.nan
        return None if math.isnan(p) else p

    @property
    def sign_flip_p(self) -> float | None:
        """Exact; None below six pairs, where it cannot reach p < 0.05."""
        return statistics.sign_flip(self.differences) if len(self.differences) >= FIRST_SIGN_FLIP else None


def interval(estimate: Estimate, level: float = 1 - ALPHA) -> Interval:
    """The interval of an estimate as two floats."""
    low, high = statistics.bounds(estimate, level)
    return float(low), float(high)


def difference(here: Cell, there: Cell, metric: Metric) -> Difference:
    """The difference of two cells: paired if a seed means the same on both sides, else between independent means."""
    ours = {value.seed: value.value for value in final_values(here, metric.tag)}
    theirs = {value.seed: value.value for value in final_values(there, metric.tag)}
    if seeds := paired_seeds(here, there, metric.tag):
        return _paired(tuple(ours[seed] - theirs[seed] for seed in seeds), seeds)
    return _welch(list(ours.values()), list(theirs.values()))


def _paired(differences: tuple[float, ...], seeds: tuple[int, ...]) -> Difference:
    estimate = statistics.paired(differences)
    sd = float(estimate.error) * math.sqrt(len(differences))
    return Difference(float(estimate.delta), "paired", seeds, estimate, sd, differences)


def _welch(ours: list[float], theirs: list[float]) -> Difference:
    here, there = mean(ours), mean(theirs)
    if here is None or there is None:
        return Difference(None, "", (), None, None, ())
    if min(len(ours), len(theirs)) < 2:
        return Difference(here - there, "", (), None, None, ())
    sd = math.hypot(*(float(statistics.mean_and_sd(side)[1]) for side in (ours, theirs)))
    return Difference(here - there, "welch", (), statistics.welch(ours, theirs), sd, ())


# --- Verdicts -----------------------------------------------------------------------------------------------------


class PendingComparison(NamedTuple):
    """A comparison without its verdict: Holm's levels depend on all rows."""

    comparison: Comparison
    difference: Difference
    here: Cell
    there: Cell


def why_not_judged(here: Cell, there: Cell, difference: Difference) -> str:
    """Why a difference cannot be judged, whatever its size; empty if it can."""
    if difference.delta is None:
        return "no finished run"
    if difference.estimate is None:
        return "one seed" if len(here.runs) < 2 else f"one seed of {there.title}"
    if not float(difference.estimate.error) > 0:
        return "no spread over seeds"
    return ""


def judge(pending: Sequence[PendingComparison], metric: Metric, alpha: float = ALPHA) -> list[Comparison]:
    """Give every comparison its verdict. Those marked `judged` share the chance `alpha` of a false claim."""
    family = [item for item in pending if item.comparison.judged]
    if not family:
        return [_not_judged(item) for item in pending]
    adjusted = statistics.holm([item.difference.p or 0.0 for item in family], alpha)
    levels = zip(family, adjusted.p.tolist(), adjusted.level.tolist(), strict=True)
    judged = {id(item.comparison): _judged(item, metric, p, level, len(family), alpha) for item, p, level in levels}
    return [judged.get(id(item.comparison)) or _not_judged(item) for item in pending]


def _judged(
    pending: PendingComparison, metric: Metric, p: float, level: float, family: int, alpha: float
) -> Comparison:
    estimate, effect = pending.difference.estimate, pending.comparison.smallest_effect
    if estimate is None:
        return _not_judged(pending)
    low, high = interval(estimate, level)
    equivalence_low, equivalence_high = interval(estimate, 1 - alpha / family)
    why = ""
    if low > 0 or high < 0:
        verdict = Verdict.GAIN if (low > 0) == metric.higher_is_better else Verdict.LOSS
        if effect and max(abs(low), abs(high)) < effect:
            why = f"smaller than the {numbers.decimal(effect)} {metric.delta_unit} that matter here"
    elif effect and -effect < equivalence_low and equivalence_high < effect:
        verdict = Verdict.NO_DIFFERENCE
    else:
        verdict = Verdict.UNDECIDED
    need = _more_seeds(pending, metric, (1 - level, alpha / family)) if verdict is Verdict.UNDECIDED else None
    return msgspec.structs.replace(
        pending.comparison, adjusted=(low, high), p_adjusted=p, verdict=verdict, why=why, need=need
    )


def _not_judged(pending: PendingComparison) -> Comparison:
    comparison, difference = pending.comparison, pending.difference
    if difference.estimate is None and difference.delta is not None and not comparison.confounds:
        return msgspec.structs.replace(comparison, need=_first_seeds(pending))
    return comparison


# --- Seeds needed -------------------------------------------------------------------------------------------------


def _first_seeds(pending: PendingComparison) -> SeedsNeeded:
    titles = " and ".join(cell.title for cell in _lacking(pending, FEWEST_SEEDS))
    return _seeds_needed(pending, FEWEST_SEEDS, None, f"one seed shows no spread: run {FEWEST_SEEDS} seeds of {titles}")


def _more_seeds(pending: PendingComparison, metric: Metric, alphas: tuple[float, float]) -> SeedsNeeded:
    """How many seeds would decide it, one way or the other, if the true difference is the observed one."""
    delta, sd = pending.difference.delta or 0.0, pending.difference.sd or 0.0
    smallest = pending.comparison.smallest_effect

    def power(seeds: int) -> float:
        detected = chance_to_see(delta, sd, seeds, alphas[0]) if delta else 0.0
        return detected + (chance_to_rule_out(smallest, delta, sd, seeds, alphas[1]) if smallest else 0.0)

    seeds = seeds_needed(power)
    assumed = f"if the true difference is {numbers.signed(delta, metric.digits)} {metric.delta_unit}".rstrip()
    if seeds is None:
        text = f"more than {MOST_SEEDS} seeds per side are needed for {POWER:.0%} power {assumed}"
        return SeedsNeeded(seeds=None, effect=abs(delta), seconds=None, text=text, keys=(), runs=())
    seeds = max(seeds, min(len(pending.here.runs), len(pending.there.runs)) + 1)
    return _seeds_needed(pending, seeds, abs(delta), f"{seeds} seeds per side would give {POWER:.0%} power {assumed}")


def _seeds_needed(pending: PendingComparison, seeds: int, effect: float | None, text: str) -> SeedsNeeded:
    cells, seconds = _lacking(pending, seeds), _seconds(pending, seeds)
    time = f" (about {duration(seconds)} more)" if seconds else ""
    return SeedsNeeded(
        seeds=seeds,
        effect=effect,
        seconds=seconds,
        text=f"{text}{time}",
        keys=tuple(cell.key for cell in cells),
        runs=run_requests(cells, tuple(range(seeds))),
    )


def _lacking(pending: PendingComparison, seeds: int) -> list[Cell]:
    """The cells that have fewer seeds."""
    return [cell for cell in (pending.here, pending.there) if len(cell.runs) < seeds] or [pending.here]


def _seconds(pending: PendingComparison, seeds: int) -> float | None:
    """Training time of the missing seeds; None if a side has no time to go by."""
    total = 0.0
    for cell in (pending.here, pending.there):
        per_seed = budget(cell).seconds
        if not per_seed:
            return None
        total += max(0, seeds - len(cell.runs)) * per_seed
    return total


_FAR = 30.0
"""Standard errors beyond which only the uncertainty of the spread counts, and scipy's noncentral t has gaps."""


def chance_to_see(effect: float, sd: float, seeds: int, alpha: float = ALPHA) -> float:
    """The chance that a two-sided t test with `seeds` per side sees a true difference of `effect`.

    `sd` is that of one difference: of the paired differences, or sqrt(sd1² + sd2²) of two independent sides. In the
    latter case the result is slightly too low: Welch's degrees of freedom lie between those of one side, which are
    used here, and those of both. Only the true direction counts: a loss seen where there is a gain is no detection.
    """
    from scipy.special import chdtr, nctdtr, stdtrit  # deferred: 60 ms

    freedom = seeds - 1
    threshold, shift = stdtrit(freedom, 1 - alpha / 2), abs(effect) / sd * math.sqrt(seeds)
    if shift > _FAR:
        return float(chdtr(freedom, freedom * (shift / threshold) ** 2))
    return 1 - float(nctdtr(freedom, shift, threshold))


def chance_to_rule_out(smallest: float, effect: float, sd: float, seeds: int, alpha: float = ALPHA) -> float:
    """The chance that the interval at 1 - alpha lies within ± `smallest` if the true difference is `effect`.

    The spread is treated as known: F((smallest - effect) / error - t) + F((smallest + effect) / error - t) - 1 with
    Student's F, the usual plan of two one-sided tests.
    """
    from scipy.special import stdtr, stdtrit  # deferred: 60 ms

    freedom, error = seeds - 1, sd / math.sqrt(seeds)
    threshold = stdtrit(freedom, 1 - alpha / 2)
    sides = ((smallest - abs(effect)) / error, (smallest + abs(effect)) / error)
    return max(0.0, sum(float(stdtr(freedom, side - threshold)) for side in sides) - 1)


def seeds_needed(chance: Callable[[int], float]) -> int | None:
    """The fewest seeds per side with which a power that rises with them reaches 80%; None beyond 200."""
    low, high = 1, MOST_SEEDS + 1
    while high - low > 1:
        middle = (low + high) // 2
        if chance(middle) >= POWER:
            high = middle
        else:
            low = middle
    return high if high <= MOST_SEEDS else None

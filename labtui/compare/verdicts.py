"""Verdicts: a difference, its interval, what may be said once all rows are judged together, and the seeds missing."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from labtui.compare import statistics
from labtui.compare.baselines import FEWEST_SEEDS
from labtui.compare.cells import (
    Cell,
    budget,
    final_values,
    plain_test_images,
    report_test_images,
    run_requests,
    seed_counts,
)
from labtui.compare.deltas import are_paired
from labtui.compare.differences import Difference, difference, has_spread
from labtui.compare.looks import FIRST_LOOK, LookState, Showing
from labtui.compare.metrics import TableMetric
from labtui.compare.model import Comparison, Interval, Look, RunRequest, SeedsNeeded, Verdict
from labtui.compare.outcomes import failed_seeds, worst_value
from labtui.compare.plans import Look as PlanLook
from labtui.compare.sequential import (
    CAP,
    Decision,
    always_valid_bounds,
    always_valid_p,
    average_seeds,
    first_always_valid,
)
from labtui.compare.statistics import ALPHA, Estimate
from labtui.text import numbers
from labtui.text.durations import duration
from labtui.text.words import ordinal, plural

FIRST_SIGN_FLIP = 6
"""The fewest pairs with which the sign-flip test can reach p < 0.05."""

LATER_SHARE = 0.2
"""The part of alpha that all looks after the first share: the first may have made a false claim with all of alpha.

With it, looking after each seed from 3 to 20 makes 5.3% false claims at most, with all of alpha 6.4%.
"""

POWER = 0.8
"""The probability of detecting a true difference that a number of seeds is planned for."""

MOST_SEEDS = 200
"""The most seeds that are proposed."""


# --- Differences --------------------------------------------------------------------------------------------------


def compare_seeds(here: Cell, there: Cell, metric: TableMetric) -> Difference:
    """The difference of two cells over the seeds that finished, and what the failed ones could change."""
    ours, theirs = here.outcomes(metric.tag), there.outcomes(metric.tag)
    worst = None
    if metric.higher_is_better is not None:
        chance = chance_value(metric, here.classes)
        worst = worst_value((*ours, *theirs), higher_is_better=metric.higher_is_better, chance=chance)
    return difference(ours, theirs, pairs=are_paired(here, there), worst=worst)


def entered(found: Difference, here: Cell, there: Cell, metric: TableMetric) -> str:
    """Which seeds have no partner, where others are compared in pairs; empty otherwise."""
    if found.method != "partly paired":
        return ""
    alone = [
        f"{numbers.seed_list(seeds)} of {cell.title}"
        for cell in (here, there)
        if (seeds := {value.seed for value in final_values(cell, metric.tag)} - set(found.seeds))
    ]
    return f"all: {numbers.seed_list(found.seeds)} in pairs, {' and '.join(alone)} without a partner"


def success_p(here: Cell, there: Cell, metric: TableMetric) -> float | None:
    """Fisher's exact test of the shares of seeds that learned; None where none failed or a side has no seed."""
    ours, theirs = (seed_counts(cell, metric.tag) for cell in (here, there))
    sides = (ours.learned, ours.failed), (theirs.learned, theirs.failed)
    if not (ours.failed or theirs.failed) or not all(map(sum, sides)):
        return None
    return statistics.fisher(*sides)


def chance_value(metric: TableMetric, classes: int | None) -> float | None:
    """What a network scores that learned nothing: 0 for an accuracy with an unknown number of classes.

    None for a metric without such a value.
    """
    if not metric.is_accuracy:
        return None
    return 100 / classes if classes else 0.0


def resolution(cell: Cell, metric: TableMetric) -> float:
    """The smallest step of the metric; 0 where it has none or it is not known."""
    if not metric.is_accuracy:
        return 0.0
    images = report_test_images(cell) if metric.is_report_test else plain_test_images(cell)
    return 100 / images if images and (metric.is_report_test or metric.is_plain_test) else 0.0


def p_value(found: Difference, state: LookState = FIRST_LOOK) -> float | None:
    """Two-sided; None without a spread over seeds, or where none may be shown. From the second look on, a p that holds
    however often one looks.
    """
    if found.estimate is None or state.showing in (Showing.WITHHELD, Showing.PLAN):
        return None
    if state.showing is Showing.ALWAYS_VALID:
        p = min(1.0, float(always_valid_p(found.estimate, found.n)) / LATER_SHARE)
    else:
        p = float(statistics.p_two_sided(found.estimate))
    return None if math.isnan(p) else p


def sign_flip_p(found: Difference) -> float | None:
    """Exact; None below six pairs, where it cannot reach p < 0.05."""
    return statistics.sign_flip(found.differences) if len(found.differences) >= FIRST_SIGN_FLIP else None


def interval(estimate: Estimate, level: float = 1 - ALPHA) -> Interval:
    """The interval of an estimate as two floats."""
    low, high = statistics.bounds(estimate, level)
    return float(low), float(high)


def interval_at_look(
    found: Difference, state: LookState, level: float = 1 - ALPHA, estimate: Estimate | None = None
) -> Interval | None:
    """The interval that may be shown at a look, of the difference or of another estimate over the same seeds.

    None where there is none: it is withheld, or an interval for any number of looks is infinite below five seeds.
    """
    estimate = estimate or found.estimate
    if estimate is None or state.showing is Showing.WITHHELD:
        return None
    if state.showing is Showing.PLAN:
        look = _plan_look(state)
        if look is None or estimate is found.estimate:
            return (look.low, look.high) if look and math.isfinite(look.high) else None
        return interval(estimate, 1 - state.plan.boundaries.rates(look.seeds)[0]) if state.plan else None
    if state.showing is Showing.FIXED:
        return interval(estimate, level)
    low, high = always_valid_bounds(estimate, found.n, LATER_SHARE * (1 - level))
    return (float(low), float(high)) if math.isfinite(float(high)) else None


def _plan_look(state: LookState) -> PlanLook | None:
    return state.planned.looks[-1] if state.planned and state.planned.looks else None


def look_of(state: LookState) -> Look:
    """What is known about the looks at a comparison, for those who read it."""
    newest = _plan_look(state)
    return Look(
        showing=state.showing.value,
        number=state.number,
        first_shown=state.first_shown,
        missing=state.missing,
        other_metrics=state.other_metrics,
        plan=state.plan.id if state.plan else "",
        seeds=newest.seeds if newest else None,
        cap=state.plan.cap if state.plan else None,
        row_seeds=state.seeds.row,
        baseline_seeds=state.seeds.baseline,
        values=state.seeds.values,
    )


# --- Verdicts -----------------------------------------------------------------------------------------------------


class PendingComparison(NamedTuple):
    """A comparison without its verdict: Holm's levels depend on all rows."""

    comparison: Comparison
    difference: Difference
    here: Cell
    there: Cell
    state: LookState = FIRST_LOOK

    @property
    def is_tried(self) -> bool:
        """Whether it shares the chance of a false claim: it is fair, and a seed of each side has learned."""
        return (
            not self.comparison.confounds
            and self.state.showing is not Showing.PLAN
            and self.comparison.baseline_seeds.learned > 0
            and self.comparison.row_seeds.learned > 0
        )


def why_not_judged(here: Cell, there: Cell, found: Difference, metric: TableMetric) -> str:
    """Why a difference cannot be judged, whatever its size; empty if it can."""
    if why := _too_few(here, metric) or _too_few(there, metric, f" of {there.title}"):
        return why
    values = [value.value for cell in (here, there) for value in final_values(cell, metric.tag)]
    return "" if has_spread(found, values, resolution(here, metric)) else "no spread over seeds"


def why_not_shown(state: LookState, found: Difference) -> str:
    """Why nothing may be said at this look; empty if something may."""
    if state.showing is Showing.WITHHELD and state.missing:
        return f"waits for {numbers.seed_list(state.missing)}"
    if state.showing is Showing.WITHHELD:
        removed = " and ".join(f"{numbers.seed_list(seeds)} of {name}" for name, seeds in state.removed)
        return f"{removed} removed: run again"
    if state.showing is Showing.PLAN and _plan_look(state) is None:
        return "the plan has not looked yet"
    if state.showing is Showing.ALWAYS_VALID and interval_at_look(found, state) is None:
        return _no_interval(state, ALPHA)
    return ""


def _no_interval(state: LookState, alpha: float) -> str:
    least = first_always_valid(LATER_SHARE * alpha)
    return f"no interval: the {ordinal(state.number)} look needs at least {least} seeds"


def _too_few(cell: Cell, metric: TableMetric, whose: str = "") -> str:
    outcomes = cell.outcomes(metric.tag)
    failed = len(failed_seeds(outcomes))
    learned = len(outcomes) - failed
    if learned > 1:
        return ""
    if failed:
        return f"{learned} of {len(outcomes)}{whose} learned"
    return f"one seed{whose}" if learned else f"no finished run{whose}"


class JudgedTable(NamedTuple):
    """All comparisons of a table with their verdicts."""

    comparisons: list[Comparison]
    levels: list[float]
    """At which each of the further tests is judged."""
    family: int
    """Tests that share the chance of a false claim."""


def judge(
    pending: Sequence[PendingComparison],
    metric: TableMetric,
    alpha: float = ALPHA,
    further: Sequence[float] = (),
    gone: int = 0,
) -> JudgedTable:
    """Give every comparison its verdict, and each of the further tests the level at which it is judged.

    All comparisons that were tried and the further tests, given by their p values, share the chance `alpha` of a false
    claim; so do `gone` comparisons whose runs are not there any more. Those of a plan are judged by their plan.
    """
    pending = _with_success_rates(pending, alpha)
    family = [item for item in pending if item.is_tried]
    size = len(family) + len(further) + gone
    ps = [_family_p(item) for item in family]
    adjusted = statistics.holm([*ps, *further, *[1.0] * gone], alpha) if size else None
    p_values, levels = (adjusted.p.tolist(), adjusted.level.tolist()) if adjusted else ([], [])
    ranked = {id(item.comparison): pair for item, *pair in zip(family, p_values, levels, strict=False)}
    comparisons = []
    for item in pending:
        p, level = ranked.get(id(item.comparison), (None, 1 - alpha))
        if not item.comparison.judged:
            one = _not_judged(item)
        elif item.state.showing is Showing.PLAN:
            one = _judged_by_plan(item, metric)
        else:
            one = _judged(item, metric, p, level, size, alpha)
        comparisons.append(_with_family(one, size if item.is_tried else _plan_size(item)))
    return JudgedTable(comparisons, levels[len(family) : len(family) + len(further)], size)


def _family_p(item: PendingComparison) -> float:
    """Of a comparison that cannot be judged now, 1: it takes its share and claims nothing."""
    p = p_value(item.difference, item.state) if item.comparison.judged else None
    return 1.0 if p is None else p


def _plan_size(item: PendingComparison) -> int:
    return item.state.plan.family if item.state.plan else 0


def _with_family(comparison: Comparison, size: int) -> Comparison:
    if comparison.look is None:
        return comparison
    return msgspec.structs.replace(comparison, look=msgspec.structs.replace(comparison.look, family=size))


def _with_success_rates(pending: Sequence[PendingComparison], alpha: float) -> list[PendingComparison]:
    """Holm over Fisher's tests of all fair comparisons; those without any failed seed have p = 1."""
    fair = [item for item in pending if not item.comparison.confounds and item.comparison.baseline_seeds.total]
    if not fair:
        return [*pending]
    ps = [1.0 if item.comparison.success_p is None else item.comparison.success_p for item in fair]
    adjusted = dict(zip(map(id, fair), statistics.holm(ps, alpha).p.tolist(), strict=True))
    return [
        item._replace(comparison=msgspec.structs.replace(item.comparison, success_p_adjusted=adjusted[id(item)]))
        if id(item) in adjusted and item.comparison.success_p is not None
        else item
        for item in pending
    ]


def _judged(
    pending: PendingComparison, metric: TableMetric, p: float | None, level: float, family: int, alpha: float
) -> Comparison:
    found, comparison, state = pending.difference, pending.comparison, pending.state
    if found.estimate is None:
        return _not_judged(pending)
    verdict, why = _verdict(pending, metric, level, 1 - 2 * alpha / family)
    if interval_at_look(found, state, level) is None:
        why = f"{_no_interval(state, 1 - level)} per side (corrected for {plural(family, 'comparison')})"
    need = _more_seeds(pending, metric, (1 - level, 2 * alpha / family)) if verdict is Verdict.UNDECIDED else None
    return msgspec.structs.replace(
        comparison,
        adjusted=interval_at_look(found, state, level),
        p_adjusted=p,
        verdict=verdict,
        why=why,
        need=need,
        **_at_worst(pending, level),
    )


def _at_worst(pending: PendingComparison, level: float) -> dict[str, Interval | None]:
    found, state = pending.difference, pending.state
    sides = {"row_at_worst": found.row_at_worst, "baseline_at_worst": found.baseline_at_worst}
    return {name: interval_at_look(found, state, level, one) if one else None for name, one in sides.items()}


def _judged_by_plan(pending: PendingComparison, metric: TableMetric) -> Comparison:
    """The verdict of the plan's newest look."""
    state, look = pending.state, _plan_look(pending.state)
    assert look is not None
    verdict, why = Verdict.UNDECIDED, ""
    if look.decision in (Decision.HIGHER, Decision.LOWER):
        is_gain = (look.decision is Decision.HIGHER) == metric.higher_is_better
        verdict = Verdict.GAIN if is_gain else Verdict.LOSS
    elif look.decision is Decision.NEGLIGIBLE:
        verdict = Verdict.NO_DIFFERENCE
    elif look.decision is Decision.FUTILE:
        why = f"its plan has ended at {look.seeds} seeds without a decision"
    else:
        why = "its plan has not ended"
    effect = state.planned.comparison.smallest_effect if state.planned else None
    going_on = look.decision is Decision.CONTINUE
    return msgspec.structs.replace(
        pending.comparison,
        need=_with_plan(pending, "its plan has not ended: the same command continues it", None, None)
        if going_on
        else None,
        adjusted=interval_at_look(pending.difference, state),
        verdict=verdict,
        why=why,
        smallest_effect=effect or pending.comparison.smallest_effect,
        **_at_worst(pending, 1 - ALPHA),
    )


def _verdict(
    pending: PendingComparison, metric: TableMetric, level: float, equivalence_level: float
) -> tuple[Verdict, str]:
    """The verdict and a remark on it. `equivalence_level` is that of the interval of two one-sided tests."""
    found, comparison, state = pending.difference, pending.comparison, pending.state
    effect = comparison.smallest_effect
    shown = interval_at_look(found, state, level)
    side = _side(shown)
    if side and shown:
        is_gain = (side > 0) == metric.higher_is_better
        worst = found.at_worst(for_row=is_gain)
        if worst is not None and _side(interval_at_look(found, state, level, worst)) != side:
            return (Verdict.GAIN_OF_FINISHED if is_gain else Verdict.LOSS_TO_FINISHED), ""
        small = effect and max(map(abs, shown)) < effect
        why = f"smaller than the {numbers.decimal(effect)} {metric.delta_unit} that matter here" if small else ""
        return (Verdict.GAIN if is_gain else Verdict.LOSS), why
    if effect and _is_within(interval_at_look(found, state, equivalence_level), effect):
        if comparison.row_seeds.failed or comparison.baseline_seeds.failed:
            return Verdict.UNDECIDED, f"{Verdict.NO_DIFFERENCE} among the finished seeds, but some seeds failed"
        return Verdict.NO_DIFFERENCE, ""
    return Verdict.UNDECIDED, ""


def _side(shown: Interval | None) -> int:
    """1 or -1 where the whole interval lies on one side of zero, else 0."""
    if shown is None:
        return 0
    return 1 if shown[0] > 0 else -1 if shown[1] < 0 else 0


def _is_within(bounds: Interval | None, effect: float) -> bool:
    return bounds is not None and -effect < bounds[0] and bounds[1] < effect


def _not_judged(pending: PendingComparison) -> Comparison:
    comparison, difference = pending.comparison, pending.difference
    if difference.estimate is None and difference.delta is not None and not comparison.confounds:
        return msgspec.structs.replace(comparison, need=_first_seeds(pending))
    again = pending.state.showing is Showing.ALWAYS_VALID and bool(why_not_shown(pending.state, difference))
    if again and comparison.why == why_not_shown(pending.state, difference):
        text = "a plan stays valid at every look and reuses the existing seeds"
        return msgspec.structs.replace(comparison, need=_with_plan(pending, text, None, None))
    return comparison


# --- Seeds needed -------------------------------------------------------------------------------------------------


def _first_seeds(pending: PendingComparison) -> SeedsNeeded:
    titles = " and ".join(cell.title for cell in _lacking(pending, FEWEST_SEEDS))
    return _seeds_needed(pending, FEWEST_SEEDS, None, f"one seed shows no spread: run {FEWEST_SEEDS} seeds of {titles}")


def _more_seeds(pending: PendingComparison, metric: TableMetric, alphas: tuple[float, float]) -> SeedsNeeded:
    """How many seeds would decide it if the true difference is the smallest that matters, else the observed one.

    From as many as the observed spread asks for to as many as the largest spread does that it does not contradict, and
    how many a plan that ends when it is decided takes on average.
    """
    delta, sd = pending.difference.delta or 0.0, pending.difference.sd or 0.0
    smallest = pending.comparison.smallest_effect
    effect = smallest or abs(delta)
    freedom = float(pending.difference.estimate.freedom) if pending.difference.estimate else 1.0

    def power(seeds: int, spread: float) -> float:
        detected = chance_to_see(effect, spread, seeds, alphas[0]) if effect else 0.0
        return detected + (chance_to_rule_out(smallest, effect, spread, seeds, alphas[1]) if smallest else 0.0)

    upper = upper_spread(sd, freedom)
    low, high = seeds_needed(lambda seeds: power(seeds, sd)), seeds_needed(lambda seeds: power(seeds, upper))
    least = min(ended for _, ended in _sides(pending)) + 1
    low, high = (None if seeds is None else max(seeds, least) for seeds in (low, high))
    matters = f"{numbers.decimal(effect, metric.digits)} {metric.delta_unit}".rstrip() + ", the smallest that matters"
    observed = f"{numbers.signed(delta, metric.digits)} {metric.delta_unit}".rstrip()
    text = f"{_seed_range(low, high)} 80% power if the true difference is {matters if smallest else observed}"
    return _with_plan(pending, text, high, effect)


def _seed_range(low: int | None, high: int | None) -> str:
    if low is None:
        return f"more than {MOST_SEEDS} seeds per side are needed for"
    if high is None:
        return f"{low} to more than {MOST_SEEDS} seeds per side would give"
    return f"{low}{f'-{high}' if high > low else ''} seeds per side would give"


def _with_plan(pending: PendingComparison, text: str, seeds: int | None, effect: float | None) -> SeedsNeeded:
    """Advice to train until it is decided, where the command line can make that plan; else that number of seeds."""
    command = _until_decided(pending)
    sd = pending.difference.sd
    if command is None:
        if seeds is None:
            return SeedsNeeded(seeds=None, effect=effect, seconds=None, text=text, keys=(), runs=())
        return _seeds_needed(pending, seeds, effect, text)
    average = (
        average_seeds(effect / sd, equivalence=bool(pending.comparison.smallest_effect)) if effect and sd else None
    )
    seconds = _seconds(pending, average) if average else None
    time = f" ({duration(seconds)} more)" if seconds else ""
    taken = f": {average} seeds on average, {CAP} at most{time}" if average else ""
    cells = _lacking(pending, seeds or CAP)
    return SeedsNeeded(
        seeds=seeds,
        effect=effect,
        seconds=seconds,
        text=f"{text}; or run --until decided{taken}",
        keys=tuple(cell.key for cell in cells),
        runs=(command,),
    )


def _until_decided(pending: PendingComparison) -> RunRequest | None:
    """The plan of this comparison; None where no plan can have its sides or its seeds.

    That is where they differ in what only `--set` says, and where the first seeds chose the row: a plan would count
    them.
    """
    if pending.comparison.choosing_seeds or pending.here.spec.is_foreign:
        return None
    here, there = pending.here.spec, pending.there.spec
    if here.overrides != there.overrides or here.name == there.name:
        return None
    (request,) = run_requests([pending.here], ())
    named = pending.comparison.matched or here.baseline not in (there.name, there.experiment)
    return msgspec.structs.replace(request, until=True, baseline=there.name if named else None)


def upper_spread(sd: float, freedom: float) -> float:
    """The standard deviation that the true one exceeds in one of five cases, if `sd` was estimated."""
    from scipy.special import chdtri  # deferred: 60 ms

    return sd * math.sqrt(freedom / float(chdtri(freedom, 0.8)))


def _seeds_needed(pending: PendingComparison, seeds: int, effect: float | None, text: str) -> SeedsNeeded:
    cells, seconds = _lacking(pending, seeds), _seconds(pending, seeds)
    time = f" (about {duration(seconds)} more)" if seconds else ""
    return SeedsNeeded(
        seeds=seeds,
        effect=effect,
        seconds=seconds,
        text=f"{text}{time}",
        keys=tuple(cell.key for cell in cells),
        runs=run_requests(cells, _seed_numbers(pending, seeds)),
    )


def _seed_numbers(pending: PendingComparison, seeds: int) -> tuple[int, ...]:
    """The first so many seeds that take part in the comparison."""
    left_out = pending.comparison.choosing_seeds
    return tuple(seed for seed in range(seeds + len(left_out)) if seed not in left_out)[:seeds]


def _lacking(pending: PendingComparison, seeds: int) -> list[Cell]:
    """The cells that have fewer seeds."""
    return [cell for cell, ended in _sides(pending) if ended < seeds] or [pending.here]


def _sides(pending: PendingComparison) -> tuple[tuple[Cell, int], tuple[Cell, int]]:
    """Both cells, each with the number of its seeds that have ended, failed ones included."""
    comparison = pending.comparison
    return (pending.here, comparison.row_seeds.total), (pending.there, comparison.baseline_seeds.total)


def _seconds(pending: PendingComparison, seeds: int) -> float | None:
    """Training time of the missing seeds; None if a side has no time to go by."""
    total = 0.0
    for cell, ended in _sides(pending):
        per_seed = budget(cell).seconds
        if not per_seed:
            return None
        total += max(0, seeds - ended) * per_seed
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

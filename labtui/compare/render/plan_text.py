"""What a plan says while it runs and when it has ended, as plain lines."""

from labtui.compare.metrics import metric as metric_of
from labtui.compare.model import Verdict
from labtui.compare.plans import ComparisonState, Look, Plan, PlannedComparison, PlanState
from labtui.compare.sequential import Decision
from labtui.text import numbers
from labtui.text.durations import duration
from labtui.text.words import plural


def plan_lines(plan: Plan) -> list[str]:
    """What was fixed before the first seed."""
    share = ""
    if plan.family > 1:
        share = f", shared by {plural(plan.family, 'comparison')}"
    if plan.family > len(plan.comparisons):
        share += " that were tried before the plan was made"
    head = (
        f"Plan {plan.id}: looks after each seed from {plan.boundaries.looks[0]} to {plan.cap}; the false-claim rate "
        f"over all looks is at most {100 * plan.alpha:g}%{share}."
    )
    return [head, *(f"  {pair_text(one)}, {_method(one)}{_effect(plan, one)}" for one in plan.comparisons)]


def look_line(plan: Plan, state: ComparisonState, look: Look) -> str:
    """One look: the repeated interval, what it decides, and the chance of a decision by the cap."""
    metric = metric_of(plan.declared or plan.metric, own=plan.own_metric)
    name = f"{pair_text(state.comparison)}, {plural(look.seeds, 'seed')}"
    failed = _failed(state.comparison, look)
    if look.delta is None:
        return f"{name}: fewer than two seeds finished{failed}"
    delta = f"{numbers.signed(look.delta, metric.digits)} {numbers.interval((look.low, look.high), metric.digits)}"
    return f"{name}: {delta} {metric.delta_unit}{failed}; {_course(plan, look)}"


def end_lines(state: PlanState, trained: int, seconds_per_training: float | None) -> list[str]:
    """The end of a plan: what was decided after how many seeds, and what looking early saved.

    `trained` counts the plan's runs that have an outcome.
    """
    plan, lines = state.plan, []
    for one in state.comparisons:
        look = one.looks[-1]
        lines.append(look_line(plan, one, look))
    stopped = any(one.decision in (Decision.HIGHER, Decision.LOWER) for one in state.comparisons)
    if stopped:
        lines.append(
            "Stopped when decided: the interval holds over all looks, but the estimated difference is, on average, "
            "slightly too far from zero."
        )
    lines.append(saved_text(plan, trained, seconds_per_training))
    return lines


def saved_text(plan: Plan, trained: int, seconds_per_training: float | None = None) -> str:
    """`Used 18 of at most 40 training runs, saved 22, about 1h of training.`"""
    saved = plan.cap * len(plan.sides) - trained
    time = f", about {duration(saved * seconds_per_training)} of training" if seconds_per_training and saved else ""
    return f"Used {trained:,} of at most {plural(plan.cap * len(plan.sides), 'training run')}, saved {saved:,}{time}."


def verdict_word(plan: Plan, decision: Decision) -> str:
    """A decision as a verdict about the row: gain, loss, …"""
    if decision in (Decision.HIGHER, Decision.LOWER):
        return Verdict.GAIN if (decision is Decision.HIGHER) == plan.higher_is_better else Verdict.LOSS
    return {Decision.NEGLIGIBLE: Verdict.NO_DIFFERENCE, Decision.CONTINUE: "not yet decided"}.get(
        decision, Verdict.UNDECIDED
    )


def pair_text(comparison: PlannedComparison) -> str:
    """`Dropout against Adam 0.001`."""
    return f"{comparison.row.title} against {comparison.baseline.title}"


def _course(plan: Plan, look: Look) -> str:
    if look.decision is Decision.FUTILE:
        if look.seeds >= plan.cap:
            return f"undecided at the cap of {plan.cap} seeds"
        chance = f" (chance {100 * look.chance:.0f}%)" if look.chance is not None else ""
        return f"undecided: unlikely to be decided by {plan.cap} seeds{chance}"
    if look.decision is not Decision.CONTINUE:
        return f"{verdict_word(plan, look.decision)}, decided at {look.seeds} of {plan.cap} seeds"
    edge = 100 * (1 - plan.boundaries.rates(look.seeds)[0])
    chance = f", chance of a decision by {plan.cap} seeds {100 * look.chance:.0f}%" if look.chance is not None else ""
    return f"not yet decided ({edge:.2f}% interval at this look{chance})"


def _failed(comparison: PlannedComparison, look: Look) -> str:
    parts = [
        f"{failed} of {look.seeds} seeds of {side.title} failed"
        for failed, side in ((look.row_failed, comparison.row), (look.baseline_failed, comparison.baseline))
        if failed
    ]
    return f" ({'; '.join(parts)})" if parts else ""


def _method(comparison: PlannedComparison) -> str:
    return "paired by seed" if comparison.method == "paired" else "unpaired (Welch)"


def _effect(plan: Plan, comparison: PlannedComparison) -> str:
    if not comparison.smallest_effect:
        return "; no smallest effect given, so it ends only with a claim or undecided"
    unit = metric_of(plan.declared or plan.metric, own=plan.own_metric).delta_unit
    return f"; {numbers.decimal(comparison.smallest_effect)} {unit} would matter".rstrip()

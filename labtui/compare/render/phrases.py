"""Verdicts as sentences, for readers who do not know the tool."""

from labtui.compare.metrics import TableMetric
from labtui.compare.model import (
    BUDGET_MARGIN,
    Comparison,
    ComparisonRow,
    ComparisonTable,
    Factorial,
    SearchBudget,
    Verdict,
)
from labtui.compare.statistics import correlation_interval
from labtui.text import numbers
from labtui.text.durations import duration
from labtui.text.words import enumeration, ordinal, plural


def verdict(row: ComparisonRow, metric: TableMetric) -> str:
    """What our runs show about a row, in a sentence or two."""
    if not row.values and row.failures:
        return f"None of its {plural(len(row.failures), 'seed')} learned."
    if not row.values:
        return "There is no finished run yet."
    if not row.comparisons:
        role = "It is what the others are compared with: " if row.is_baseline else "It has no baseline; its mean is "
        return f"{role}{_level(row, metric)}."
    return " ".join(_comparison(row, comparison, metric) for comparison in row.comparisons)


def pairing(comparison: Comparison) -> str:
    """How alike the two sides of the pairs are, and how little so few seeds say about it."""
    number, n = numbers.decimal(comparison.correlation), len(comparison.seeds)
    bounds = correlation_interval(comparison.correlation or 0.0, n)
    if bounds is None:
        return f"correlation {number} over {n} seeds, which are too few to say more: any value is possible"
    low, high = (numbers.decimal(bound) for bound in bounds)
    return f"correlation {number} over {n} seeds, 95% interval [{low}, {high}]"


def classes(row: ComparisonRow, comparison: Comparison) -> str:
    """The classes with the largest gain and loss: `by class, from +6.1 points (cat) to −0.8 points (truck)`."""
    if not comparison.per_class or len(comparison.per_class) != len(row.classes):
        return ""
    ordered = sorted(zip(comparison.per_class, row.classes, strict=True), reverse=True)
    best, worst = (
        f"{numbers.signed(delta, 1)} points ({class_name(name)})" for delta, name in (ordered[0], ordered[-1])
    )
    return f"by class, from {best} to {worst}"


def class_name(name: str) -> str:
    """A class as a name that is not mistaken for a value: `class 8`, `cat`."""
    return f"class {name}" if name.isdigit() else name


def factorial(result: Factorial, metric: TableMetric) -> list[str]:
    """The result of a 2x2 experiment: a headline, a line per effect, a conclusion."""
    title = f"{result.first} and {result.second}, alone and together, on {result.base}"
    if not result.effects:
        return [f"{title}: {result.text}"]
    lines = []
    for index, effect in enumerate(result.effects):
        name = f"{effect.title} on average" if index < 2 else effect.title
        delta, interval = numbers.signed(effect.delta, metric.digits), numbers.interval(effect.interval, metric.digits)
        lines.append(f"{name}: {delta} {interval}")
    return [f"{title} ({metric.delta_unit}, 95% each, {result.method})", *lines, result.text]


def adjusted(table: ComparisonTable) -> str:
    """How the intervals of a table are adjusted, as the end of a caption; empty if nothing else was tried."""
    if table.family > table.judged:
        return f", adjusted for all {table.family} comparisons that were tried, shown or not (Holm)"
    return f", adjusted so that all {table.judged} verdicts hold at once (Holm)" if table.judged > 1 else ""


def search(found: SearchBudget, metric: TableMetric) -> str:
    """`expected best of adam's 3 values of optimizer.lr: 50.12 after 1, 57.30 after 2, 60.21 after 3`."""
    shown = _shown_tries(len(found.expected))
    listed = ", ".join(f"{numbers.decimal(found.expected[k - 1], metric.digits)} after {k}" for k in shown)
    each = f" (about {duration(found.seconds)} a run)" if found.seconds else ""
    return f"expected best of {found.experiment}'s {len(found.values)} values of {found.key}: {listed}{each}"


def _shown_tries(most: int) -> tuple[int, ...]:
    """1, 2, 3, 5, 10, 20, … and the last."""
    steps = (1, 2, 3, 5, 10, 20, 50, 100)
    return (*(step for step in steps if step < most), most)


def looks(comparison: Comparison) -> list[str]:
    """Which interval a comparison has if it is not the usual one, and how many others were tried that are not shown."""
    look = comparison.look
    if look is None:
        return []
    lines = [text] if (text := interval_kind(comparison)) and comparison.judged else []
    if comparison.judged and not look.plan and look.family > look.shown:
        made = f"1 of {look.family} comparisons made so far"
        lines.append(f"{made}; corrected for all of them: {comparison.verdict.value}")
    if comparison.judged and look.other_metrics:
        lines.append(
            f"also compared by {', '.join(look.other_metrics)}: no verdict accounts for a choice among metrics"
        )
    return lines


def interval_kind(comparison: Comparison) -> str:
    """`third look: the interval is valid for any number of looks`; empty for the usual interval of a first look."""
    look = comparison.look
    if look is None or look.showing == "fixed":
        return ""
    if look.showing == "withheld" and not look.missing:
        return ""
    if look.showing == "withheld":
        return (
            f"no interval before {numbers.seed_list(look.missing)} {'have' if len(look.missing) > 1 else 'has'} ended"
        )
    if look.showing == "plan":
        plan = f"plan {look.plan}: the interval holds at all its looks, seeds {look.seeds} of at most {look.cap}"
        return plan if look.seeds else f"plan {look.plan} has not looked yet"
    return f"{ordinal(look.number)} look: the interval is valid for any number of looks"


def p_cell(comparison: Comparison) -> str:
    """Holm's p for a column of its own: `0.012`, `< 0.001`; empty without one."""
    return numbers.p_value(comparison.p_adjusted).removeprefix("p = ").removeprefix("p ")


def _comparison(row: ComparisonRow, comparison: Comparison, metric: TableMetric) -> str:
    if comparison.delta is None and comparison.baseline_seeds.total:
        return f"It cannot be compared with {comparison.against}, of which {comparison.baseline_seeds} seeds learned."
    if comparison.delta is None:
        return f"It cannot be compared with {comparison.against}, which has not been run."
    if comparison.verdict is Verdict.NOT_JUDGED:
        return _not_judged(comparison, metric)
    return _judged(row, comparison, metric)


def _judged(row: ComparisonRow, comparison: Comparison, metric: TableMetric) -> str:
    digits, unit = metric.digits, metric.delta_unit
    factor = " and ".join(row.factor) or "the factor"
    against = comparison.against + (f", from which it differs in {factor} alone" if comparison.matched else "")
    kind = interval_kind(comparison)
    interval = f"95% interval {numbers.interval(comparison.adjusted, digits)}{f', {kind}' if kind else ''}"
    seeds = plural(comparison.row_seeds.learned, "seed")
    delta = f"{_points(comparison.delta, digits, unit)} ({interval}, {seeds})"
    if comparison.verdict in (Verdict.GAIN, Verdict.LOSS):
        remark = f", {comparison.why}" if comparison.why else ""
        return f"Against {against}: {delta}. That is a {comparison.verdict.value}{remark}{_budget(comparison)}."
    if comparison.finished:
        is_gain = comparison.verdict is Verdict.GAIN_OF_FINISHED
        counted = "gain, finished seeds only" if is_gain else "loss, finished baseline seeds only"
        return f"Against {against}: {delta}. That is a {counted} ({comparison.finished})."
    if comparison.verdict is Verdict.NO_DIFFERENCE:
        least = f"{numbers.decimal(comparison.smallest_effect, digits)} {unit}".rstrip()
        return f"Against {against}: {delta}. The difference is smaller than the {least} that would matter."
    need = f" {comparison.need.text[0].upper()}{comparison.need.text[1:]}." if comparison.need else ""
    return f"Against {against}: {delta}. That leaves it undecided.{need}"


def _not_judged(comparison: Comparison, metric: TableMetric) -> str:
    delta = _points(comparison.delta, metric.digits, metric.delta_unit)
    difference = f"The difference of {delta} from {comparison.against}"
    if comparison.confounds:
        keys = [*dict.fromkeys(finding.key for finding in comparison.confounds)]
        verb = "differ" if len(keys) > 1 else "differs"
        return f"{difference} cannot be attributed to the factor, because {enumeration(keys)} {verb} as well."
    if comparison.why == "no spread over seeds":
        return f"{difference} cannot be judged: all seeds gave exactly the same number."
    if comparison.why == "baseline at chance":
        return f"{difference} means nothing, because {comparison.against} has learned nothing."
    need = f": {comparison.need.text}" if comparison.need else ""
    return f"{difference} is not judged{need}."


def _points(delta: float | None, digits: int, unit: str) -> str:
    """`−0.78 points`; without a unit the number alone."""
    return f"{numbers.signed(delta, digits)} {unit}".rstrip()


def _budget(comparison: Comparison) -> str:
    """How much more work the row did; empty if it did as much as its baseline."""
    if abs(comparison.budget - 1) <= BUDGET_MARGIN:
        return ""
    return f", with {numbers.ratio(comparison.budget).removeprefix(numbers.TIMES)} times as many images seen"


def _level(row: ComparisonRow, metric: TableMetric) -> str:
    spread = f" ± {numbers.decimal(row.sd, metric.digits)}" if row.sd is not None else ""
    return f"{numbers.decimal(row.mean, metric.digits)}{spread} {metric.unit} over {plural(row.n, 'seed')}"

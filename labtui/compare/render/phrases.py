"""Verdicts in plain words, for readers who have never seen the tool."""

from labtui.compare.metrics import Metric
from labtui.compare.model import BUDGET_MARGIN, Comparison, Factorial, ImageTest, Row, Verdict
from labtui.text import numbers


def verdict(row: Row, metric: Metric) -> str:
    """What our runs say about a row, in a sentence or two."""
    if not row.values:
        return "There is no finished run yet."
    if not row.comparisons:
        role = "It is what the others are compared with: " if row.is_baseline else "It is compared with nothing: "
        return f"{role}{_level(row, metric)}."
    return " ".join(comparison(row, one, metric) for one in row.comparisons)


def comparison(row: Row, one: Comparison, metric: Metric) -> str:
    """What one comparison says."""
    if one.delta is None:
        return f"It cannot be compared with {one.against}, which has not been run."
    if one.verdict is Verdict.NOT_JUDGED:
        return _unjudged(one, metric)
    return _judged(row, one, metric)


def _judged(row: Row, one: Comparison, metric: Metric) -> str:
    digits, unit = metric.digits, metric.delta_unit
    which = f"{one.against}, from which it differs in {_factor(row)} alone" if one.matched else one.against
    interval = f"95% interval {numbers.interval(one.adjusted, digits)}"
    difference = f"{numbers.signed(one.delta, digits)} {unit} ({interval}, {_seeds(row)})"
    if one.verdict in (Verdict.GAIN, Verdict.LOSS):
        extra = f", {one.why}" if one.why else ""
        extra += _budget(one)
        return f"Against {which}: {difference}. That is a {one.verdict.value}{extra}."
    if one.verdict is Verdict.NO_DIFFERENCE:
        least = numbers.decimal(one.smallest_effect, digits)
        return f"Against {which}: {difference}. The difference is smaller than the {least} {unit} that would matter."
    need = f" {one.need.text[0].upper()}{one.need.text[1:]}." if one.need else ""
    return f"Against {which}: {difference}. That leaves it undecided.{need}"


def _unjudged(one: Comparison, metric: Metric) -> str:
    seen = f"{numbers.signed(one.delta, metric.digits)} {metric.delta_unit} against {one.against}"
    if one.confounds:
        keys = " and ".join(dict.fromkeys(finding.key for finding in one.confounds))
        return f"The {seen} cannot be put down to the factor, because {keys} differs as well."
    if one.why == "no spread over seeds":
        return f"The {seen} cannot be judged: all seeds gave exactly the same number."
    if one.why == "baseline at chance":
        return f"The {seen} say nothing, because {one.against} has learned nothing."
    need = f": {one.need.text}" if one.need else ""
    return f"The {seen} are not judged{need}."


def image_test(one: ImageTest, against: str) -> str:
    """What two networks do on the same images."""
    fixes, breaks = numbers.count(one.fixes), numbers.count(one.breaks)
    right = f"{fixes} of {numbers.count(one.images)} test images right that {against} gets wrong"
    test = f"exact McNemar {numbers.p_value(one.p)}"
    ends = "it speaks of these two networks, not of the method"
    return f"seed {one.seed} gets {right}, {breaks} the other way round ({test}); {ends}"


def classes(row: Row, one: Comparison) -> str:
    """The classes that gain and lose most: `cat +6.1, …, truck −0.8`; empty without predictions."""
    if not one.per_class or len(one.per_class) != len(row.classes):
        return ""
    ordered = sorted(zip(one.per_class, row.classes, strict=True), reverse=True)
    best, worst = (f"{name} {numbers.signed(delta, 1)}" for delta, name in (ordered[0], ordered[-1]))
    return f"by class from {best} to {worst} points"


def factorial(one: Factorial, metric: Metric) -> list[str]:
    """The readout of a 2x2 experiment, a line per effect."""
    title = f"{one.first} and {one.second}, alone and together, on {one.base}"
    if not one.effects:
        return [f"{title}: {one.text}"]
    names = [f"{effect.title} on average" if index < 2 else effect.title for index, effect in enumerate(one.effects)]
    lines = [
        f"{name}: {numbers.signed(effect.delta, metric.digits)} {numbers.interval(effect.interval, metric.digits)}"
        for name, effect in zip(names, one.effects, strict=True)
    ]
    return [f"{title} ({metric.delta_unit}, 95% each, {one.method})", *lines, one.text]


def _budget(one: Comparison) -> str:
    """With how much more work; empty where it is as much as the baseline's."""
    if abs(one.budget - 1) <= BUDGET_MARGIN:
        return ""
    return f", made with {numbers.ratio(one.budget).removeprefix(numbers.TIMES)} times the images seen"


def _level(row: Row, metric: Metric) -> str:
    spread = f" ± {numbers.decimal(row.sd, metric.digits)}" if row.sd is not None else ""
    return f"{numbers.decimal(row.mean, metric.digits)}{spread} {metric.unit} over {_seeds(row)}"


def _seeds(row: Row) -> str:
    return f"{row.n} seed{'s' if row.n != 1 else ''}"


def _factor(row: Row) -> str:
    return " and ".join(row.factor) or "the factor"

"""Two factors, alone and together: what each does on average, and whether they simply add up."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, islice
from typing import NamedTuple

import numpy as np

from labtui.compare import statistics
from labtui.compare.cells import Cell, final_values
from labtui.compare.deltas import are_paired
from labtui.compare.findings.confounds import confounds
from labtui.compare.metrics import TableMetric
from labtui.compare.model import Effect, Factorial
from labtui.compare.spec_diff import changes
from labtui.compare.statistics import Estimate
from labtui.compare.verdicts import interval
from labtui.text.numbers import seed_ranges

_CONTRASTS = ((-0.5, 0.5, -0.5, 0.5), (-0.5, -0.5, 0.5, 0.5), (1.0, -1.0, -1.0, 1.0))
"""Weights of base, first, second, both: main effect of the first, of the second, interaction."""


class Square(NamedTuple):
    """Four cells: base, base with one change, base with another, base with both."""

    base: Cell
    first: Cell
    second: Cell
    both: Cell


def squares(cells: Sequence[Cell], factors: Mapping[str, tuple[str, ...]]) -> list[Square]:
    """Every 2x2 experiment that the declared factors form, each with its matched base.

    `factors` is the declared factor per cell key. One cell declares what two others declare separately, and its changes
    to the base are the changes of these two together.
    """
    declared = {cell.key: set(factors.get(cell.key, ())) for cell in cells}
    with_factor = [cell for cell in cells if cell.runs and declared[cell.key]]
    result = []
    for both in with_factor:
        parts = [cell for cell in with_factor if declared[cell.key] < declared[both.key]]
        for first, second in combinations(parts, 2):
            bases = (cell for cell in cells if cell.runs and _adds_up(Square(cell, first, second, both)))
            result += [Square(base, first, second, both) for base in islice(bases, 1)]
    return result


class Contrast(NamedTuple):
    """A 2x2 experiment before anything is claimed about it."""

    square: Square
    estimates: tuple[Estimate, ...]
    """Main effect of the first, of the second, interaction; empty if the four rows are not comparable."""
    other_scale: Estimate | None
    """The interaction on a scale without a ceiling: logit of an accuracy, logarithm of a positive value."""
    method: str
    why: str
    """Why there are no estimates."""

    def without_estimates(self) -> "Contrast":
        """The same, where its rows were looked at before or are awaited: their effects have no valid intervals."""
        why = self.why or "no intervals: one of its rows was shown before with other seeds, or is waiting for seeds"
        return self._replace(estimates=(), other_scale=None, why=why)

    @property
    def interaction_p(self) -> float | None:
        """Two-sided; None without an estimate or without spread."""
        p = float(statistics.p_two_sided(self.estimates[2])) if self.estimates else math.nan
        return None if math.isnan(p) else p


def contrast(square: Square, metric: TableMetric) -> Contrast:
    """The effects of a 2x2 experiment over the seeds that finished."""
    if why := _why_not_comparable(square, metric):
        return Contrast(square, (), None, "", why)
    groups = [{value.seed: value.value for value in final_values(cell, metric.tag)} for cell in square]
    same_seeds = all(group.keys() == groups[0].keys() for group in groups)
    paired = same_seeds and all(are_paired(cell, square.base) for cell in square[1:])
    numbers = [[*group.values()] for group in groups]
    if min(map(len, numbers)) < 2:
        why = "one seed: the effects have no intervals; run three seeds of all four experiments"
        return Contrast(square, (), None, "", why)
    estimates = tuple(_contrast(weights, numbers, paired=paired) for weights in _CONTRASTS)
    other = [_unbounded(group, metric) for group in numbers]
    scaled = [group for group in other if group is not None]
    other_scale = _contrast(_CONTRASTS[2], scaled, paired=paired) if len(scaled) == len(numbers) else None
    method = f"paired over seeds {seed_ranges(tuple(groups[0]))}" if paired else "Welch"
    return Contrast(square, estimates, other_scale, method, "")


def factorial(found: Contrast, metric: TableMetric, level: float | None) -> Factorial:
    """The result of a 2x2 experiment: main effects and interaction, each with its 95% interval alone.

    What is said about the interaction holds at `level`, together with all judged lines of the table.
    """
    square = found.square
    names = (square.first.title, square.second.title, "interaction")
    effects = tuple(
        Effect(
            title=name,
            delta=float(estimate.delta),
            interval=interval(estimate),
            p=float(statistics.p_two_sided(estimate)),
        )
        for name, estimate in zip(names, found.estimates, strict=bool(found.estimates))
    )
    titles = [cell.title for cell in square]
    text = found.why or _interaction_text(found, metric, level)
    return Factorial(
        base=titles[0],
        first=titles[1],
        second=titles[2],
        both=titles[3],
        effects=effects,
        method=found.method,
        text=text,
    )


def _contrast(weights: Sequence[float], numbers: Sequence[Sequence[float]], *, paired: bool) -> Estimate:
    if paired:
        return statistics.paired(np.tensordot(weights, np.array(numbers), 1))
    return statistics.contrast(weights, numbers)


def _unbounded(values: Sequence[float], metric: TableMetric) -> list[float] | None:
    """The values on a scale on which effects near a bound are not squeezed; None if there is none."""
    if metric.is_accuracy:
        shares = [min(max(value / 100, 1e-4), 1 - 1e-4) for value in values]
        return [math.log(share / (1 - share)) for share in shares]
    return [math.log(value) for value in values] if min(values) > 0 else None


def _why_not_comparable(square: Square, metric: TableMetric) -> str:
    for cell in square[1:]:
        factor = tuple(change.key for change in changes(cell.spec, square.base.spec))
        if findings := confounds(cell, square.base, factor, metric):
            return f"the four rows are not comparable. {cell.title}: {findings[0].text}"
    return ""


def _interaction_text(found: Contrast, metric: TableMetric, level: float | None) -> str:
    side = _side(found.estimates[2], level)
    if not side:
        return "whether the two effects add up is undecided: the interval of the interaction contains 0"
    if metric.better is None:
        return "the two effects do not add up; which way is better is not declared"
    word = "better" if (side > 0) == metric.higher_is_better else "worse"
    if found.other_scale is None or _side(found.other_scale, level) == side:
        return f"the combined effect is {word} than the sum of the two"
    scale = "the logit scale, which has no ceiling" if metric.is_accuracy else "the logarithmic scale"
    unit = metric.delta_unit or metric.tag
    text = f"the combined effect is {word} than the sum of the two in {unit}, but not on {scale}"
    return f"{text}; the conclusion depends on the scale"


def _side(estimate: Estimate, level: float | None) -> int:
    """1 or -1 where the whole interval lies on one side of zero, else 0."""
    if level is None:
        return 0
    low, high = interval(estimate, level)
    return 1 if low > 0 else -1 if high < 0 else 0


def _adds_up(square: Square) -> bool:
    if len({cell.spec.dataset for cell in square}) > 1 or len({cell.place for cell in square}) > 1:
        return False
    first, second, both = (_steps(cell, square.base) for cell in square[1:])
    return bool(first and second) and not first & second and both == first | second


def _steps(cell: Cell, base: Cell) -> frozenset[tuple[str, str]]:
    return frozenset((change.key, repr(change.here)) for change in changes(cell.spec, base.spec))

"""Two factors, alone and together: what each does on average, and whether they simply add up."""

from collections.abc import Mapping, Sequence
from itertools import combinations, islice
from typing import NamedTuple

import numpy as np

from labtui.compare import statistics
from labtui.compare.cells import Cell, final_values
from labtui.compare.findings.confounds import confounds
from labtui.compare.metrics import Metric
from labtui.compare.model import Effect, Factorial
from labtui.compare.spec_diff import changes, draws_alike
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


def factorial(square: Square, metric: Metric) -> Factorial:
    """The result of a 2x2 experiment: main effects and interaction, each with its 95% interval."""
    titles = [cell.title for cell in square]
    effects, method, text = _effects(square, metric)
    return Factorial(
        base=titles[0], first=titles[1], second=titles[2], both=titles[3], effects=effects, method=method, text=text
    )


def _effects(square: Square, metric: Metric) -> tuple[tuple[Effect, ...], str, str]:
    if why := _why_not_comparable(square, metric):
        return (), "", why
    groups = [{value.seed: value.value for value in final_values(cell, metric.tag)} for cell in square]
    seeds = sorted(set.intersection(*(set(group) for group in groups)))
    same_draws = all(cell.place == square.base.place and draws_alike(cell.spec, square.base.spec) for cell in square)
    paired = same_draws and len(seeds) >= 2
    numbers = [[group[seed] for seed in seeds] if paired else list(group.values()) for group in groups]
    if min(map(len, numbers)) < 2:
        return (), "", "one seed: the effects have no intervals; run three seeds of all four"
    estimates = [
        statistics.paired(np.tensordot(weights, np.array(numbers), 1))
        if paired
        else statistics.contrast(weights, numbers)
        for weights in _CONTRASTS
    ]
    names = (square.first.title, square.second.title, "interaction")
    effects = tuple(
        Effect(
            title=name,
            delta=float(estimate.delta),
            interval=interval(estimate),
            p=float(statistics.p_two_sided(estimate)),
        )
        for name, estimate in zip(names, estimates, strict=True)
    )
    method = f"paired over seeds {seed_ranges(tuple(seeds))}" if paired else "Welch"
    return effects, method, _interaction_text(effects[2], metric)


def _why_not_comparable(square: Square, metric: Metric) -> str:
    for cell in square[1:]:
        factor = tuple(change.key for change in changes(cell.spec, square.base.spec))
        if findings := confounds(cell, square.base, factor, metric):
            return f"the four rows are not comparable. {cell.title}: {findings[0].text}"
    return ""


def _interaction_text(interaction: Effect, metric: Metric) -> str:
    low, high = interaction.interval
    if low <= 0 <= high:
        return "whether the two effects add up is undecided: the interval of the interaction contains 0"
    if metric.better is None:
        return "the two effects do not add up; which way is better is not declared"
    better = (low > 0) == metric.higher_is_better
    return "together they do more than the sum of both" if better else "together they do less than the sum of both"


def _adds_up(square: Square) -> bool:
    if len({cell.spec.data.name for cell in square}) > 1 or len({cell.place for cell in square}) > 1:
        return False
    first, second, both = (_steps(cell, square.base) for cell in square[1:])
    return bool(first and second) and not first & second and both == first | second


def _steps(cell: Cell, base: Cell) -> frozenset[tuple[str, str]]:
    return frozenset((change.key, repr(change.here)) for change in changes(cell.spec, base.spec))

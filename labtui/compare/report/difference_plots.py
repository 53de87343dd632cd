"""The figures of all rows: differences with their intervals, and accuracy per class."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from labtui.compare.model import Comparison, ComparisonRow, ComparisonTable, Verdict
from labtui.compare.render import phrases
from labtui.compare.report.figure_style import BLACK, BLUE, GREY, LIGHT, VERMILION, Drawing, sheet
from labtui.text import numbers

_COLOURS = {Verdict.GAIN: BLUE, Verdict.LOSS: VERMILION}
_MARKERS = {Verdict.GAIN: ">", Verdict.LOSS: "<", Verdict.NO_DIFFERENCE: "s"}

_LINEAR_TO = 4.0
"""If some differences lie far out, the axis is linear up to this many times the test-set noise."""

_FAR = 5.0
"""A difference lies far out if it is this many times that distance."""

_DELTA_LIMIT = 15.0
"""Points at which the colour scale of class differences ends."""


def compared(table: ComparisonTable) -> list[tuple[ComparisonRow, Comparison]]:
    """The rows with a difference to draw, each against its fair baseline."""
    return [(row, row.comparison) for row in table.rows if row.comparison and row.comparison.delta is not None]


def noise_band(table: ComparisonTable) -> float | None:
    """The test-set noise of the table's ruler, in points; None for a metric without it."""
    ruler = phrases.ruler(table)
    return ruler[1] if ruler else None


def linear_to(table: ComparisonTable) -> float | None:
    """Where the axis becomes logarithmic; None if all differences fit a linear axis."""
    near = _LINEAR_TO * (noise_band(table) or math.inf)
    far = max((abs(comparison.delta or 0.0) for _, comparison in compared(table)), default=0.0)
    return near if far > _FAR * near else None


def differences(table: ComparisonTable) -> Drawing:
    """Every row's difference to its fair baseline with its interval; confounded ones are hollow and grey."""
    rows = compared(table)
    figure, (axis,) = sheet(0.9 + 0.24 * len(rows))
    _bands(axis, table, rows)
    for place, (_, comparison) in enumerate(rows):
        _difference(axis, place, comparison, table.metric.digits)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_yticks(range(len(rows)), [f"{row.title} vs {comparison.against}" for row, comparison in rows])
    axis.set_xlabel(f"{table.metric.tag}: difference in {table.metric.delta_unit or table.metric.tag}")
    axis.grid(visible=False, axis="y")
    if edge := linear_to(table):
        _make_logarithmic(axis, edge)
    low, high = axis.get_xlim()
    if linear_to(table):
        axis.set_xlim(1.25 * low, 4 * high)  # room for the words
    else:
        axis.set_xlim(low, high + 0.25 * (high - low))
    return figure


def _make_logarithmic(axis: Drawing, edge: float) -> None:
    axis.set_xscale("symlog", linthresh=edge, linscale=1.5)
    ends = axis.get_xlim()
    ticks = [tick for tick in (-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50) if ends[0] <= tick <= ends[1]]
    axis.set_xticks(ticks, [numbers.signed(tick, 0) for tick in ticks])
    axis.minorticks_off()


def _bands(axis: Drawing, table: ComparisonTable, rows: Sequence[tuple[ComparisonRow, Comparison]]) -> None:
    if noise := noise_band(table):
        axis.axvspan(-noise, noise, color=LIGHT, alpha=0.45, linewidth=0)
    effects = {comparison.smallest_effect for _, comparison in rows if comparison.smallest_effect}
    for effect in effects if len(effects) == 1 else ():
        for side in (-effect, effect):
            axis.axvline(side, color=GREY, linewidth=0.6, linestyle=":")
    axis.axvline(0, color=BLACK, linewidth=0.7)


def _difference(axis: Drawing, place: int, comparison: Comparison, digits: int) -> None:
    delta = comparison.delta or 0.0
    low, high = comparison.shown_interval or (delta, delta)
    colour = _COLOURS.get(comparison.verdict, GREY if comparison.confounds else BLACK)
    face = "white" if comparison.verdict is Verdict.NOT_JUDGED else colour
    axis.plot([low, high], [place, place], color=colour, linewidth=1.2, solid_capstyle="butt")
    axis.plot(
        [delta], [place], marker=_MARKERS.get(comparison.verdict, "o"), color=colour, markerfacecolor=face, markersize=5
    )
    words = f"{numbers.signed(delta, digits)}  {comparison.label}"
    where: Any = {"textcoords": "offset points", "xytext": (7, 0), "va": "center"}
    axis.annotate(words, (max(high, delta), place), fontsize=7, color=colour, **where)


def with_classes(table: ComparisonTable) -> list[ComparisonRow]:
    """The rows that have predictions, of the data set that most of them are of."""
    rows = [row for row in table.rows if row.class_accuracy]
    names = [row.classes for row in rows]
    common = max(names, key=names.count, default=())
    return [row for row in rows if row.classes == common]


def class_accuracies(rows: Sequence[ComparisonRow]) -> Drawing:
    """Accuracy per class in percent, one line per row."""
    texts = [[numbers.decimal(value, 0) for value in row.class_accuracy] for row in rows]
    values = [row.class_accuracy for row in rows]
    return _heat_map([row.title for row in rows], rows[0].classes, values, texts, ("cividis", 0, 100))


def class_deltas(rows: Sequence[ComparisonRow]) -> Drawing:
    """Difference of the accuracy per class to the fair baseline, in points."""
    pairs = [(row, row.comparison) for row in rows if row.comparison and row.comparison.per_class]
    titles = [f"{row.title} vs {comparison.against}" for row, comparison in pairs]
    texts = [[numbers.signed(value, 1) for value in comparison.per_class] for _, comparison in pairs]
    values = [comparison.per_class for _, comparison in pairs]
    return _heat_map(titles, rows[0].classes, values, texts, ("PuOr", -_DELTA_LIMIT, _DELTA_LIMIT))


def _heat_map(
    titles: Sequence[str],
    classes: Sequence[str],
    values: Sequence[Sequence[float]],
    texts: Sequence[Sequence[str]],
    colours: tuple[str, float, float],
) -> Drawing:
    figure, (axis,) = sheet(0.55 + 0.23 * len(titles))
    name, low, high = colours
    image = axis.imshow(np.asarray(values), cmap=name, vmin=low, vmax=high, aspect="auto")
    axis.set_xticks(range(len(classes)), classes)
    axis.set_yticks(range(len(titles)), titles)
    axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)
    for place, line in enumerate(values):
        for column, value in enumerate(line):
            ink = "white" if math.isfinite(value) and _luminance(image.cmap(image.norm(value))) < 0.45 else BLACK
            axis.text(column, place, texts[place][column], ha="center", va="center", fontsize=6.5, color=ink)
    return figure


def _luminance(colour: Sequence[float]) -> float:
    red, green, blue = colour[:3]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

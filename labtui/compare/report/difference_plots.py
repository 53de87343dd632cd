"""The figures of all rows: every seed, differences with their intervals, and accuracy per class."""

import math
from collections.abc import Sequence

import numpy as np

from labtui.compare.metrics import TableMetric
from labtui.compare.model import Comparison, ComparisonRow, ComparisonTable, Interval, SearchBudget, SeedCounts, Verdict
from labtui.compare.render import phrases
from labtui.compare.report import broken_axis
from labtui.compare.report.broken_axis import Bar, Span
from labtui.compare.report.figure_style import (
    BLACK,
    BLUE,
    GREY,
    INK_ON_COLOUR,
    PAPER,
    VARIANTS,
    VERMILION,
    Drawing,
    sheet,
)
from labtui.text import numbers

_COLOURS = {Verdict.GAIN: BLUE, Verdict.LOSS: VERMILION}
_MARKERS = {Verdict.GAIN: ">", Verdict.LOSS: "<", Verdict.NO_DIFFERENCE: "s"}

_DELTA_LIMIT = 15.0
"""Points at which the colour scale of class differences ends."""

_TEXT_SHARE = 0.4
"""Share of a figure's width for the column of text."""

_SPREAD = 0.22
"""How far from the middle of its row the first and the last seed are drawn."""


# --- Every seed ---------------------------------------------------------------------------------------------------


def with_seeds(table: ComparisonTable, data: str) -> list[ComparisonRow]:
    """The rows on a data set that have seeds to show."""
    return [row for row in table.rows if row.data == data and (row.values or row.failures)]


def seed_spans(rows: Sequence[ComparisonRow]) -> tuple[Span, ...]:
    """The parts of the axis of `seeds`."""
    return broken_axis.parts([Bar(tuple(value.value for value in row.values), mean_interval(row)) for row in rows])


def mean_interval(row: ComparisonRow) -> Interval | None:
    """The 95% interval of a row's mean over seeds, mean ± t sd / sqrt(n); None below two seeds."""
    from scipy.special import stdtrit  # deferred: 60 ms

    if row.mean is None or row.sd is None or row.n < 2:
        return None
    half = float(stdtrit(row.n - 1, 0.975)) * row.sd / math.sqrt(row.n)
    return row.mean - half, row.mean + half


def seeds(table: ComparisonTable, rows: Sequence[ComparisonRow]) -> Drawing:
    """Every seed as a dot, with the mean of its row and the interval of the mean; failed seeds at the edge.

    Each seed has one height in all rows, so that an eye can follow it.
    """
    metric, known = table.metric, sorted({value.seed for row in rows for value in row.values})
    heights = {seed: _height(place, len(known)) for place, seed in enumerate(known)}
    drawing = broken_axis.rows([row.title for row in rows], seed_spans(rows), _TEXT_SHARE)
    for place, row in enumerate(rows):
        if row.mean is not None:
            if interval := mean_interval(row):
                drawing.draw_interval(place, interval, color=GREY, linewidth=1.0, solid_capstyle="butt")
            style = {"marker": "|", "markersize": 11, "markeredgewidth": 1.4, "color": BLACK}
            drawing.panel_of(row.mean).plot([row.mean], [place], **style)
        for value in row.values:
            style = {"marker": "o", "markersize": 3.6, "color": BLUE, "alpha": 0.75, "markeredgewidth": 0}
            drawing.panel_of(value.value).plot([value.value], [place + heights[value.seed]], **style)
        _failed(drawing, place, row, metric.higher_is_better)
        drawing.write(place, (_level(row, table), _seeds(row)), (0.02, 0.62), BLACK)
    drawing.write(-0.95, (f"mean ± sd{_unit(metric.unit)}", "seeds"), (0.02, 0.62), GREY)
    drawing.figure.supxlabel(f"{metric.tag}{f' in {metric.unit}' if metric.unit else ''}", fontsize=7.5)
    return drawing.figure


def _height(place: int, number: int) -> float:
    return 0.0 if number < 2 else _SPREAD * (2 * place / (number - 1) - 1)


def _failed(drawing: broken_axis.Rows, place: int, row: ComparisonRow, higher_is_better: bool | None) -> None:
    """A cross at the worse edge per failed seed."""
    panel, edge, step = (drawing.panels[-1], 1.0, -1) if higher_is_better is False else (drawing.panels[0], 0.0, 1)
    for index in range(len(row.failures)):
        style = {"marker": "x", "markersize": 4.5, "markeredgewidth": 1.3, "color": VERMILION, "clip_on": False}
        panel.plot([edge + step * 0.03 * (index + 1)], [place], transform=panel.get_yaxis_transform(), **style)


def _level(row: ComparisonRow, table: ComparisonTable) -> str:
    digits = table.metric.digits
    spread = f" ± {numbers.decimal(row.sd, digits)}" if row.sd is not None else ""
    return f"{numbers.decimal(row.mean, digits)}{spread}"


def _seeds(row: ComparisonRow) -> str:
    if not row.failures:
        return str(row.n)
    return f"{row.n + len(row.failures)}, {len(row.failures)} failed"


def _unit(unit: str) -> str:
    return f" [{unit}]" if unit else ""


# --- Differences --------------------------------------------------------------------------------------------------


def compared(table: ComparisonTable) -> list[tuple[ComparisonRow, Comparison]]:
    """The rows with a difference to draw, each against its fair baseline."""
    return [(row, row.comparison) for row in table.rows if row.comparison and row.comparison.delta is not None]


def other_images_of(comparison: Comparison) -> Interval | None:
    """The interval for other test images; None where it cannot be had."""
    return comparison.other_images.interval if comparison.other_images else None


def difference_spans(table: ComparisonTable) -> tuple[Span, ...]:
    """The parts of the axis of `differences`."""
    bars = [Bar((comparison.delta or 0.0,), comparison.shown_interval) for _, comparison in compared(table)]
    return broken_axis.parts(bars, (0.0, 0.0))


def differences(table: ComparisonTable) -> Drawing:
    """Every row's difference to its fair baseline with its interval; confounded ones are hollow and grey."""
    rows = compared(table)
    titles = [f"{row.title} vs {comparison.against}" for row, comparison in rows]
    drawing = broken_axis.rows(titles, difference_spans(table), _TEXT_SHARE)
    for panel in drawing.panels:
        _effects(panel, rows)
    for place, (_, comparison) in enumerate(rows):
        _difference(drawing, place, comparison, table.metric.digits)
    drawing.write(-0.95, ("Δ, 95% interval", "n", "verdict"), _COLUMNS, GREY)
    unit = table.metric.delta_unit
    drawing.figure.supxlabel(f"{table.metric.tag}: difference{f' in {unit}' if unit else ''}", fontsize=7.5)
    return drawing.figure


_COLUMNS = (0.02, 0.6, 0.7)

_BESIDE = 0.22
"""How far below a row's interval the one for other images lies, in rows."""


def _effects(axis: Drawing, rows: Sequence[tuple[ComparisonRow, Comparison]]) -> None:
    low, high = axis.get_xlim()
    effects = {comparison.smallest_effect for _, comparison in rows if comparison.smallest_effect}
    for effect in effects if len(effects) == 1 else ():
        for side in (-effect, effect):
            axis.axvline(side, color=GREY, linewidth=0.6, linestyle=":")
    axis.axvline(0, color=BLACK, linewidth=0.7)
    axis.set_xlim(low, high)


def _difference(drawing: broken_axis.Rows, place: int, comparison: Comparison, digits: int) -> None:
    delta = comparison.delta or 0.0
    colour = _COLOURS.get(comparison.verdict, GREY if comparison.confounds else BLACK)
    face = PAPER if comparison.verdict is Verdict.NOT_JUDGED else colour
    if wider := other_images_of(comparison):
        drawing.draw_interval(place + _BESIDE, wider, color=GREY, linewidth=0.6, solid_capstyle="butt")
    if comparison.shown_interval:
        drawing.draw_interval(place, comparison.shown_interval, color=colour, linewidth=1.2, solid_capstyle="butt")
    style = {"color": colour, "markerfacecolor": face, "markersize": 5}
    drawing.panel_of(delta).plot([delta], [place], marker=_MARKERS.get(comparison.verdict, "o"), **style)
    interval = f" {numbers.interval(comparison.shown_interval, digits)}" if comparison.shown_interval else ""
    texts = f"{numbers.signed(delta, digits)}{interval}", _counts(comparison.row_seeds), comparison.brief_label
    drawing.write(place, texts, _COLUMNS, colour)


def _counts(seeds: SeedCounts) -> str:
    return str(seeds.total) if seeds.learned == seeds.total else f"{seeds.learned}/{seeds.total}"


# --- Searches -----------------------------------------------------------------------------------------------------


def expected_best(searches: Sequence[SearchBudget], metric: TableMetric) -> Drawing:
    """The expected best of a search against the number of values that were tried, one line per search."""
    figure, (axis,) = sheet(2.4)
    for index, search in enumerate(searches):
        stroke = VARIANTS[index % len(VARIANTS)]
        tries = range(1, len(search.expected) + 1)
        style = {"color": stroke.colour, "linestyle": stroke.dash, "linewidth": stroke.width, "marker": "o"}
        axis.plot(tries, search.expected, label=search_title(search), markersize=3.5, **style)
    most = max(len(search.expected) for search in searches)
    axis.set_xticks(range(1, most + 1))
    axis.set_xlabel("values tried, drawn at random")
    axis.set_ylabel(f"expected best {metric.tag}{_unit(metric.unit)}")
    figure.legend(loc="outside upper center", ncols=min(len(searches), 3))
    return figure


def search_title(search: SearchBudget) -> str:
    """`adam: 3 values of optimizer.lr`."""
    return f"{search.experiment}: {len(search.values)} values of {search.key}"


# --- Classes ------------------------------------------------------------------------------------------------------


def with_classes(table: ComparisonTable) -> list[ComparisonRow]:
    """The rows that have predictions, of the data set that most of them are of."""
    rows = [row for row in table.rows if row.class_accuracy]
    names = [row.classes for row in rows]
    common = max(names, key=names.count, default=())
    return [row for row in rows if row.classes == common]


def class_accuracies(rows: Sequence[ComparisonRow]) -> Drawing:
    """Accuracy per class in percent with its standard error over seeds, one line per row."""
    texts = [_with_errors([numbers.decimal(value, 0) for value in row.class_accuracy], row.class_error) for row in rows]
    values = [row.class_accuracy for row in rows]
    titles = [f"{row.title} (n = {row.class_seeds})" for row in rows]
    return _heat_map(titles, rows[0].classes, values, texts, ("cividis", 0, 100))


def class_deltas(rows: Sequence[ComparisonRow]) -> Drawing:
    """Difference of the accuracy per class to the fair baseline with its standard error over seeds, in points."""
    pairs = [(row, row.comparison) for row in rows if row.comparison and row.comparison.per_class]
    titles = [f"{row.title} vs {comparison.against}" for row, comparison in pairs]
    texts = [
        _with_errors([numbers.signed(value, 1) for value in comparison.per_class], comparison.per_class_error)
        for _, comparison in pairs
    ]
    values = [comparison.per_class for _, comparison in pairs]
    return _heat_map(titles, rows[0].classes, values, texts, ("PuOr", -_DELTA_LIMIT, _DELTA_LIMIT))


def _with_errors(texts: Sequence[str], errors: Sequence[float]) -> list[str]:
    if len(errors) != len(texts):
        return list(texts)
    return [f"{text}\n±{numbers.decimal(error, 1)}" for text, error in zip(texts, errors, strict=True)]


def _heat_map(
    titles: Sequence[str],
    classes: Sequence[str],
    values: Sequence[Sequence[float]],
    texts: Sequence[Sequence[str]],
    colours: tuple[str, float, float],
) -> Drawing:
    figure, (axis,) = sheet(0.55 + 0.3 * len(titles))
    name, low, high = colours
    image = axis.imshow(np.asarray(values), cmap=name, vmin=low, vmax=high, aspect="auto")
    axis.set_xticks(range(len(classes)), [phrases.class_name(name) for name in classes])
    axis.set_yticks(range(len(titles)), titles)
    axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axis.grid(visible=False)
    for spine in axis.spines.values():
        spine.set_visible(False)
    for place, line in enumerate(values):
        for column, value in enumerate(line):
            dark = math.isfinite(value) and _luminance(image.cmap(image.norm(value))) < 0.45
            style = {"ha": "center", "va": "center", "fontsize": 6.2, "linespacing": 1.0}
            axis.text(column, place, texts[place][column], color="#fefefe" if dark else INK_ON_COLOUR, **style)
    return figure


def _luminance(colour: Sequence[float]) -> float:
    red, green, blue = colour[:3]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

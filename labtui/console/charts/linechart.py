"""A line chart as lines of spans: the plot area, axes with round ticks, labels at the ends of the lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labtui.console.charts.raster import height_of, paint, plot_rows, row_of
from labtui.console.charts.series import Frame, Series, View, drawable, x_range, y_range
from labtui.console.charts.ticks import Scale, Tick, linear_ticks, log_ticks, spaced
from labtui.console.ui.glyphs import UNICODE, Glyphs
from labtui.text.durations import local_time
from labtui.text.numbers import accuracy, loss
from labtui.text.spans import Line, Span, fit, text_width
from labtui.text.words import plural

AXIS_ROWS = 2
MIN_ACROSS, MIN_DOWN = 8, 2
"""Cells of the plot area; in less, nothing is drawn."""


@dataclass(frozen=True)
class Picture:
    """A drawn chart: `height` lines of `width` cells, and the frame that they show."""

    lines: tuple[Line, ...]
    frame: Frame | None


def draw(series: Sequence[Series], view: View, width: int, height: int, glyphs: Glyphs = UNICODE) -> Picture:
    """Draw a chart in exactly `height` lines of `width` cells, the first series on top."""
    down = height - AXIS_ROWS
    if width < MIN_ACROSS + 4 or down < MIN_DOWN:
        blank = (Span(" " * max(0, width)),)
        return Picture(tuple(blank for _ in range(max(0, height))), None)
    series = [drawable(line) for line in series]
    shown = x_range(series, view)
    values = y_range(series, view, shown, down)
    ticks = log_ticks(values, down / 2) if view.log_y else linear_ticks(values, max(2, down / 3))
    left = _left_margin(ticks, width)
    ends, margin = _ends(series, view, width - left)
    frame = Frame(shown, values, left, width - left - margin, down, view.log_y)
    rows = plot_rows(paint(series, view, frame), series, view, frame, glyphs)
    labels = end_labels(_label_places(series, ends, view, frame), down) if margin else {}
    marks = {row_of(tick.value, view, frame): tick.label for tick in ticks}
    lines = [
        (_left_axis(marks.get(row, ""), frame, glyphs), *rows[row], *_right(labels.get(row), margin))
        for row in range(down)
    ]
    return Picture((*lines, *_bottom_axis(view, frame, width, glyphs)), frame)


def notes(series: Sequence[Series], view: View) -> tuple[str, ...]:
    """Where series stop being numbers, and what cannot be placed on the axes, in words."""
    texts = []
    for line in series:
        name = line.label or line.name
        if line.unplaced:
            points = f"{plural(line.unplaced, 'point')} that {'has' if line.unplaced == 1 else 'have'} no time"
            texts.append(f"{name}: omitted {points}")
        if view.log_y and (left_out := int((np.isfinite(line.y) & (line.y <= 0)).sum())):
            texts.append(f"{name}: omitted {plural(left_out, 'value')} of 0 or less from the log axis")
        if view.x_scale is Scale.CLOCK and not all(local_time(float(x), "%Y") for x in _ends_of(line.x)):
            texts.append(f"{name}: its times are not valid dates")
        bad = np.flatnonzero(~np.isfinite(line.y if line.raw is None else line.raw))
        if bad.size:
            step = int(bad[0]) if line.steps is None else int(line.steps[bad[0]])
            texts.append(f"{name}: not a number from {line.unit} {step}")
    return tuple(texts)


def _ends_of(x: NDArray[np.float64]) -> tuple[float, ...]:
    """The first and last finite x."""
    finite = x[np.isfinite(x)]
    return (float(finite[0]), float(finite[-1])) if finite.size else ()


def _left_margin(ticks: Sequence[Tick], width: int) -> int:
    """Cells left of the plot area: for labels and axis, in a narrow chart for the axis alone."""
    cells = max([5, *(len(tick.label) for tick in ticks)]) + 2
    return cells if width - cells >= MIN_ACROSS else 1


def _end_text(line: Series, view: View) -> str:
    if not view.values or not line.y.size:
        return line.label
    write = accuracy if view.number == "accuracy" else loss
    return f"{line.label} {write(line.last)}".strip()


def _ends(series: Sequence[Series], view: View, width: int) -> tuple[list[str], int]:
    """The labels, and the cells for them: at most two fifths, in a narrow chart without values, then without labels."""
    for ends in ([_end_text(line, view) for line in series], [line.label for line in series]):
        longest = max((text_width(end) for end in ends), default=0)
        if longest and (longest + 1) * 5 <= width * 2:
            return ends, longest + 1
    return [], 0


# --- Axes and labels ----------------------------------------------------------------------------------------------


def _label_places(
    series: Sequence[Series], ends: Sequence[str], view: View, frame: Frame
) -> list[tuple[float, str, str]]:
    places = []
    for line, end in zip(series, ends, strict=True):
        finite = line.y[np.isfinite(line.y)]
        height = height_of(float(finite[-1]), view, frame) if finite.size else None
        if height is not None and end:
            places.append((height - 0.5, end, f"series{line.colour}"))
    return places


def _right(label: tuple[str, str] | None, margin: int) -> Line:
    if margin == 0:
        return ()
    if label is None:
        return (Span(" " * margin),)
    return fit((Span(" "), Span(*label)), margin)


def _left_axis(label: str, frame: Frame, glyphs: Glyphs) -> Span:
    stroke = glyphs.tick_left if label else glyphs.vertical
    return Span(stroke if frame.left == 1 else f"{label:>{frame.left - 2}} {stroke}", "axis")


def _bottom_axis(view: View, frame: Frame, width: int, glyphs: Glyphs) -> tuple[Line, Line]:
    ticks = _x_ticks(view, frame)
    rule = [glyphs.horizontal] * frame.across
    for tick in ticks:
        rule[_column(tick, frame)] = glyphs.tick_down
    under = [" "] * width
    for tick in ticks:
        start = min(max(0, frame.left + _column(tick, frame) - len(tick.label) // 2), width - len(tick.label))
        under[start : start + len(tick.label)] = tick.label
    if view.x_label and "".join(under[width - len(view.x_label) - 2 :]).isspace():
        under[width - len(view.x_label) :] = view.x_label
    axis = " " * (frame.left - 1) + glyphs.corner + "".join(rule)
    return (Span(axis.ljust(width), "axis"),), (Span("".join(under[:width]), "axis"),)


def _x_ticks(view: View, frame: Frame) -> list[Tick]:
    """The finest round ticks whose labels do not touch."""
    for count in (frame.across / 6, frame.across / 9, frame.across / 12, frame.across / 18, 2):
        ticks = linear_ticks(frame.x, min(count, 12), view.x_scale)
        labelled = spaced(ticks, {tick.value: _column(tick, frame) for tick in ticks})
        if len(labelled) == len(ticks):
            return ticks
    return labelled


def _column(tick: Tick, frame: Frame) -> int:
    return min(frame.across - 1, max(0, frame.column_of(tick.value)))


def spread_rows(wanted: Sequence[float], rows: int) -> list[int]:
    """A row of 0..rows-1 for each label, all different, in the order of the wanted rows and near them.

    Labels that would overlap are spread as a block around their common middle. Raises ValueError for more than `rows`
    labels.
    """
    if len(wanted) > rows:
        raise ValueError(f"{len(wanted)} labels do not fit into {rows} rows")
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    blocks: list[list[float]] = []
    for index in order:
        blocks.append([wanted[index], 1])
        while len(blocks) > 1 and _bottom(blocks[-2]) > _top(blocks[-1]):
            middle, size = blocks.pop()
            above, count = blocks[-1]
            blocks[-1] = [(above * count + middle * size) / (count + size), count + size]
    placed: list[int] = []
    for middle, size in blocks:
        first = round(middle - (size - 1) / 2)
        placed.extend(range(first, first + int(size)))
    _keep_inside(placed, rows)
    result = [0] * len(wanted)
    for index, row in zip(order, placed, strict=True):
        result[index] = row
    return result


def _top(block: list[float]) -> float:
    return block[0] - block[1] / 2


def _bottom(block: list[float]) -> float:
    return block[0] + block[1] / 2


def _keep_inside(placed: list[int], rows: int) -> None:
    """Separate neighbours that rounding or the edges brought together: downwards from the top, then upwards."""
    for k, row in enumerate(placed):
        placed[k] = max(row, placed[k - 1] + 1 if k else 0)
    for k in range(len(placed) - 1, -1, -1):
        placed[k] = min(placed[k], placed[k + 1] - 1 if k + 1 < len(placed) else rows - 1)


def end_labels(ends: Sequence[tuple[float, str, str]], rows: int) -> dict[int, tuple[str, str]]:
    """Row -> (text, style) for labels given as (wanted row, text, style), the most important first.

    If there are more labels than rows, the last row says how many are left out.
    """
    if rows <= 0 or not ends:
        return {}
    shown = ends if len(ends) <= rows else ends[: rows - 1]
    places = spread_rows([row for row, _, _ in shown], rows if len(shown) == len(ends) else rows - 1)
    labels = {place: (text, style) for place, (_, text, style) in zip(places, shown, strict=True)}
    if len(shown) < len(ends):
        labels[rows - 1] = (f"+{len(ends) - len(shown)} more", "muted")
    return labels

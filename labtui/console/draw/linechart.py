"""A line chart with axes as lines of spans: braille dots of all series OR-ed into cells, coloured by the topmost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labtui.console.draw import format as text
from labtui.console.draw import raster
from labtui.console.draw.glyphs import UNICODE, Glyphs
from labtui.console.draw.labels import end_labels
from labtui.console.draw.series import Frame, Series, View, x_range, y_range
from labtui.console.draw.spans import Line, Span, cells, fit
from labtui.console.draw.ticks import Tick, linear_ticks, log_ticks, spaced

AXIS_ROWS = 2
LEAST_ACROSS, LEAST_DOWN = 8, 2


@dataclass(frozen=True)
class Picture:
    """What a chart looks like: `height` lines of `width` cells, where it looked, and what it has to say aloud."""

    lines: tuple[Line, ...]
    frame: Frame | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Canvas:
    """Braille codes (rows, columns) and the ink of each cell as an index into `inks`, -1 where it is empty."""

    codes: NDArray[np.uint8]
    owner: NDArray[np.int16]
    inks: tuple[str, ...]


def draw(series: Sequence[Series], view: View, width: int, height: int, glyphs: Glyphs = UNICODE) -> Picture:
    """The chart in exactly `height` lines of `width` cells; the first series lies on top."""
    down = height - AXIS_ROWS
    if width < LEAST_ACROSS + 4 or down < LEAST_DOWN:
        blank = (Span(" " * max(0, width)),)
        return Picture(tuple(blank for _ in range(max(0, height))), None)
    shown = x_range(series, view)
    values = y_range(series, view, shown, down)
    ticks = log_ticks(values, down / 2) if view.log_y else linear_ticks(values, max(2, down / 3))
    left = _left_room(ticks, width)
    ends, margin = _ends(series, view, width - left)
    frame = Frame(shown, values, left, width - left - margin, down)
    canvas = _paint(series, view, frame)
    rows = _plot_rows(canvas, view, frame, glyphs, _gaps(series, view, frame))
    labels = end_labels(_label_places(series, ends, view, frame), down) if margin else {}
    lines = [
        (*_left_axis(ticks, row, view, frame, glyphs), *rows[row], *_right(labels.get(row), margin))
        for row in range(down)
    ]
    return Picture((*lines, *_bottom_axis(view, frame, width, glyphs)), frame, notes(series))


def notes(series: Sequence[Series]) -> tuple[str, ...]:
    """In words, where a series stops being a number."""
    said = []
    for one in series:
        bad = np.flatnonzero(~np.isfinite(one.y if one.raw is None else one.raw))
        if bad.size:
            step = int(bad[0]) if one.steps is None else int(one.steps[bad[0]])
            said.append(f"{one.label or one.name}: not a number from step {step}")
    return tuple(said)


def _left_room(ticks: Sequence[Tick], width: int) -> int:
    """Cells left of the plot area; in a chart so narrow that the labels would crowd it out, the bare axis."""
    room = max([5, *(len(tick.label) for tick in ticks)]) + 2
    return room if width - room >= LEAST_ACROSS else 1


def _end_text(one: Series, view: View) -> str:
    if not view.values or not one.y.size:
        return one.label
    write = text.accuracy if view.number == "accuracy" else text.loss
    return f"{one.label} {write(one.last)}".strip()


def _ends(series: Sequence[Series], view: View, room: int) -> tuple[list[str], int]:
    """The labels and the cells kept free for them, two fifths at most: in a narrow chart without values, then none."""
    for ends in ([_end_text(one, view) for one in series], [one.label for one in series]):
        longest = max((cells(end) for end in ends), default=0)
        if longest and (longest + 1) * 5 <= room * 2:
            return ends, longest + 1
    return [], 0


# --- The plot area ------------------------------------------------------------------------------------------------


def _paint(series: Sequence[Series], view: View, frame: Frame) -> _Canvas:
    """The raw values, then the lines, the first series last and so on top; bands only where no line is."""
    upward = list(reversed(series))
    bands = [(_band(one, view, frame), f"faint{one.ink}") for one in upward if one.band is not None]
    curves = [(_line(one, one.raw, view, frame), f"faint{one.ink}") for one in upward if one.raw is not None]
    curves += [(raster.dashed(_line(one, one.y, view, frame), one.dash), f"series{one.ink}") for one in upward]
    codes = np.zeros((frame.down, frame.across), dtype=np.uint8)
    owner = np.full((frame.down, frame.across), -1, dtype=np.int16)
    for index, (grid, _) in enumerate(curves):
        layer = raster.cells(grid)
        codes |= layer
        owner[layer != 0] = index
    free = codes == 0
    for index, (grid, _) in enumerate(bands, start=len(curves)):
        layer = np.where(free, raster.cells(grid), np.uint8(0))
        codes |= layer
        owner[layer != 0] = index
    return _Canvas(codes, owner, tuple(ink for _, ink in (*curves, *bands)))


def _line(one: Series, y: NDArray[np.float64], view: View, frame: Frame) -> raster.Dots:
    extent = _columns(one, y, view, frame)
    return raster.dots(extent, frame.y, frame.down * raster.DOTS_DOWN, log=view.log_y)


def _band(one: Series, view: View, frame: Frame) -> raster.Dots:
    assert one.band is not None  # the caller asked
    low, high = (_columns(one, edge, view, frame) for edge in one.band)
    area = raster.Columns(low.low, high.high, np.zeros_like(low.linked))
    return raster.shade(raster.dots(area, frame.y, frame.down * raster.DOTS_DOWN, log=view.log_y))


def _columns(one: Series, y: NDArray[np.float64], view: View, frame: Frame) -> raster.Columns:
    if view.log_y:
        y = np.where(y > 0, y, np.nan)
    return raster.columns(one.x, y, frame.x, frame.across * raster.DOTS_ACROSS)


def _gaps(series: Sequence[Series], view: View, frame: Frame) -> dict[tuple[int, int], str]:
    """(row, column) of the last number before each series' first gap."""
    marks: dict[tuple[int, int], str] = {}
    for one in series:
        y = one.y if one.raw is None else one.raw
        bad = np.flatnonzero(~np.isfinite(y))
        if bad.size == 0 or bad[0] == 0:
            continue
        at = int(bad[0]) - 1
        row, column = _row_of(float(one.y[at]), view, frame), frame.column_of(float(one.x[at]))
        if row is not None and 0 <= column < frame.across:
            marks[round(row), column] = "bad"
    return marks


def _plot_rows(
    canvas: _Canvas, view: View, frame: Frame, glyphs: Glyphs, gaps: dict[tuple[int, int], str]
) -> list[Line]:
    cursor = None if view.cursor is None else frame.column_of(view.cursor)
    rows = []
    for row in range(frame.down):
        codes = canvas.codes[row]
        drawn = list(raster.ascii_row(codes) if glyphs.ascii else raster.braille(codes))
        inks = [canvas.inks[owner] if owner >= 0 else "" for owner in canvas.owner[row].tolist()]
        if cursor is not None and 0 <= cursor < frame.across and drawn[cursor] == " ":
            drawn[cursor], inks[cursor] = glyphs.crosshair, "cursor"
        for (gap_row, column), ink in gaps.items():
            if gap_row == row:
                drawn[column], inks[column] = glyphs.gap, ink
        rows.append(_runs(drawn, inks))
    return rows


def _runs(drawn: list[str], inks: list[str]) -> Line:
    """Neighbouring cells of one ink as one span; blanks go with what is before them."""
    spans: list[Span] = []
    start, ink = 0, ""
    for column, (character, own) in enumerate(zip(drawn, inks, strict=True)):
        if character == " " or own == ink:
            continue
        if ink:
            spans.append(Span("".join(drawn[start:column]), ink))
            start = column
        ink = own
    spans.append(Span("".join(drawn[start:]), ink))
    return tuple(spans)


# --- Axes and labels ----------------------------------------------------------------------------------------------


def _row_of(value: float, view: View, frame: Frame) -> float | None:
    """The row of a value, from 0 on top; values beyond the range lie on its edge; None where there is no row."""
    if not math.isfinite(value) or (view.log_y and value <= 0):
        return None
    low, high = frame.y
    share = math.log(high / value) / math.log(high / low) if view.log_y else (high - value) / (high - low)
    return min(1.0, max(0.0, share)) * (frame.down - 1)


def _label_places(
    series: Sequence[Series], ends: Sequence[str], view: View, frame: Frame
) -> list[tuple[float, str, str]]:
    places = []
    for one, end in zip(series, ends, strict=True):
        finite = one.y[np.isfinite(one.y)]
        row = _row_of(float(finite[-1]), view, frame) if finite.size else None
        if row is not None and end:
            places.append((row, end, f"series{one.ink}"))
    return places


def _right(label: tuple[str, str] | None, margin: int) -> Line:
    if margin == 0:
        return ()
    if label is None:
        return (Span(" " * margin),)
    return fit((Span(" "), Span(*label)), margin)


def _left_axis(ticks: Sequence[Tick], row: int, view: View, frame: Frame, glyphs: Glyphs) -> Line:
    label = ""
    for tick in ticks:
        place = _row_of(tick.value, view, frame)
        if place is not None and round(place) == row:
            label = tick.label
    stroke = glyphs.tick_left if label else glyphs.vertical
    return (Span(stroke if frame.left == 1 else f"{label:>{frame.left - 2}} {stroke}", "axis"),)


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
    """The finest round ticks whose labels do not run into each other."""
    for count in (frame.across / 6, frame.across / 9, frame.across / 12, frame.across / 18, 2):
        ticks = linear_ticks(frame.x, min(count, 12), view.x_scale)
        kept = spaced(ticks, {tick.value: _column(tick, frame) for tick in ticks})
        if len(kept) == len(ticks):
            return ticks
    return kept


def _column(tick: Tick, frame: Frame) -> int:
    return min(frame.across - 1, max(0, frame.column_of(tick.value)))

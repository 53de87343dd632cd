"""Draws curves as braille cells: a line over a grid of 2 x 4 dots a cell, one vertical run of dots a column.

Ten thousand points fall on a few hundred columns: every column shows the least and the greatest value in it, so no
spike is lost, and neighbouring columns are joined, so a line stays a line. A value that is not finite is a gap. Cells
of several series are OR-ed and take the colour of the topmost; bands are a tint beneath.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labtui.console.charts.series import Frame, Series, View
from labtui.console.charts.ticks import Range
from labtui.console.ui.glyphs import Glyphs
from labtui.text.spans import Line, Span

DOTS_ACROSS, DOTS_DOWN = 2, 4

FAR = 1_000
"""Heights of the plot area beyond which a point is as good as anywhere outside."""

Dots = NDArray[np.bool_]
"""(dot rows, dot columns), row 0 on top."""

Floats = NDArray[np.float64]


class Columns(NamedTuple):
    """The extent of a curve per dot column, in data units, NaN where it has none: each (columns,)."""

    low: Floats
    high: Floats
    linked: Dots
    """Whether a column is connected with the next one: (columns - 1,)."""


def columns(x: Floats, y: Floats, ends: Range, count: int) -> Columns:
    """Least and greatest y per dot column of a curve with ascending x (n,) and y (n,). Empty columns are bridged."""
    x, y, piece = _window(x, y, ends)
    low = np.full(count, np.nan)
    high = low.copy()
    if x.size == 0:
        return Columns(low, high, np.zeros(count - 1, dtype=bool))
    place = np.clip(((x - ends.low) * (count / ends.span)).astype(np.int64), 0, count - 1)
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    used = place[starts]
    low[used] = np.minimum.reduceat(y, starts)
    high[used] = np.maximum.reduceat(y, starts)
    stops = np.append(starts[1:], x.size) - 1
    joined = piece[stops[:-1]] == piece[starts[1:]]
    _bridge(low, high, used, joined, y[stops], y[starts])
    linked = np.isfinite(low[:-1]) & np.isfinite(low[1:])
    linked[used[1:][~joined] - 1] = False
    return Columns(low, high, linked)


def _window(x: Floats, y: Floats, ends: Range) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """The finite points within the range, interpolated at its edges, each with the number of its gapless piece."""
    first = max(0, int(np.searchsorted(x, ends.low, "left")) - 1)
    last = int(np.searchsorted(x, ends.high, "right")) + 1
    x, y = x[first:last], y[first:last]
    finite = np.isfinite(y) & np.isfinite(x)
    piece = np.cumsum(~finite, dtype=np.int64)[finite]
    x, y = x[finite], y[finite]
    if x.size and x[0] < ends.low:
        x, y, piece = _cut(x, y, piece, ends.low, 0)
    if x.size and x[-1] > ends.high:
        x, y, piece = _cut(x, y, piece, ends.high, -1)
    return x, y, piece


def _cut(
    x: Floats, y: Floats, piece: NDArray[np.int64], edge: float, end: int
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Move the point beyond an edge onto it, along the line to its neighbour; drop it if it has none."""
    neighbour = 1 if end == 0 else -2
    if x.size < 2 or piece[end] != piece[neighbour] or (x[neighbour] < edge) == (x[end] < edge):
        keep = slice(1, None) if end == 0 else slice(None, -1)
        return x[keep], y[keep], piece[keep]
    share = (edge - x[end]) / (x[neighbour] - x[end])
    x, y = x.copy(), y.copy()
    y[end] += share * (y[neighbour] - y[end])
    x[end] = edge
    return x, y, piece


def _bridge(
    low: Floats, high: Floats, used: NDArray[np.int64], joined: NDArray[np.bool_], ends: Floats, starts: Floats
) -> None:
    """Fill the empty columns between two connected ones by linear interpolation."""
    inner = np.flatnonzero(joined & (np.diff(used) > 1))
    if inner.size == 0:
        return
    gaps = used[inner + 1] - used[inner] - 1
    which = np.repeat(inner, gaps)
    offset = np.arange(gaps.sum()) - np.repeat(np.cumsum(gaps) - gaps, gaps) + 1
    share = offset / (used[which + 1] - used[which])
    value = ends[which] + share * (starts[which + 1] - ends[which])
    at = used[which] + offset
    low[at] = value
    high[at] = value


def dots(extent: Columns, ends: Range, rows: int, *, log: bool = False) -> Dots:
    """The dots (rows, columns) of an extent on a grid whose top row is `ends.high`; connected columns touch."""
    low, high, linked = extent
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            low, high = np.log10(low), np.log10(high)
        ends = Range(float(np.log10(ends.low)), float(np.log10(ends.high)))
    scale = (rows - 1) / ends.span
    with np.errstate(over="ignore"):  # far outside of the range: clipped to a place just as invisible
        top = np.clip(np.rint((ends.high - high) * scale), -FAR * rows, FAR * rows)
        bottom = np.clip(np.rint((ends.high - low) * scale), -FAR * rows, FAR * rows)
    at = np.flatnonzero(linked)
    _meet(top, bottom, at, at + 1)
    _meet(top, bottom, at + 1, at)
    grid = np.arange(rows)[:, None]
    with np.errstate(invalid="ignore"):
        covered: Dots = (grid >= top) & (grid <= bottom)
    return covered


def _meet(top: Floats, bottom: Floats, lower: NDArray[np.int64], upper: NDArray[np.int64]) -> None:
    """Where a column lies below its neighbour, lengthen both until no row between them is empty."""
    empty = top[lower] - bottom[upper] - 1
    gap = empty > 0
    lower, upper, empty = lower[gap], upper[gap], empty[gap]
    half = np.floor(empty / 2)
    top[lower] -= half
    bottom[upper] += empty - half


DASHES = ((1, 0), (6, 3), (2, 3), (9, 3, 2, 3))
"""Lengths in dot columns, alternately drawn and empty: solid, dashed, dotted, dash-dot."""


def dashed(line: Dots, style: int) -> Dots:
    """The line with gaps, so that series can be distinguished without colour."""
    lengths = DASHES[style % len(DASHES)]
    if lengths[1] == 0:
        return line
    period = np.repeat(np.arange(len(lengths)) % 2 == 0, lengths)
    mask = np.resize(period, line.shape[1])
    result: Dots = line & mask[None, :]
    return result


_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def cells(grid: Dots) -> NDArray[np.uint8]:
    """The braille pattern of each cell (rows / 4, columns / 2), as eight bits to add to U+2800."""
    codes = np.zeros((grid.shape[0] // DOTS_DOWN, grid.shape[1] // DOTS_ACROSS), dtype=np.uint8)
    for row, bits in enumerate(_BITS):
        for column, bit in enumerate(bits):
            codes |= np.where(grid[row::DOTS_DOWN, column::DOTS_ACROSS], np.uint8(bit), np.uint8(0))
    return codes


def braille(codes: NDArray[np.uint8]) -> str:
    """One row of cells as text; an empty cell is a space."""
    points = np.where(codes == 0, 0x20, 0x2800 + codes.astype(np.uint16)).astype("<u2")
    return points.tobytes().decode("utf-16-le")


def ascii_row(codes: NDArray[np.uint8]) -> str:
    """One row of cells in ASCII: a slash where the line climbs through a cell, a dash where it stays."""
    return "".join(_ascii_table()[code] for code in codes)


_ASCII: list[str] = []


def _ascii_table() -> list[str]:
    if not _ASCII:
        _ASCII.extend(_ascii_cell(code) for code in range(256))
    return _ASCII


def _ascii_cell(code: int) -> str:
    rows = [[row for row in range(4) if code & _BITS[row][side]] for side in (0, 1)]
    both = rows[0] + rows[1]
    if not both:
        return " "
    if max(both) - min(both) >= 2:
        if not rows[0] or not rows[1] or abs(sum(rows[0]) / len(rows[0]) - sum(rows[1]) / len(rows[1])) < 1:
            return "|"
        return "\\" if sum(rows[0]) / len(rows[0]) < sum(rows[1]) / len(rows[1]) else "/"
    middle = sum(both) / len(both)
    return "'" if middle < 1 else ("-" if middle < 2.5 else ("." if not rows[0] or not rows[1] else "_"))


HALF_CELL = DOTS_ACROSS * DOTS_DOWN // 2


@dataclass(frozen=True, eq=False)
class Canvas:
    """Braille codes (rows, columns), and per cell the index of its style and of its band, -1 for none."""

    codes: NDArray[np.uint8]
    owner: NDArray[np.int16]
    styles: tuple[str, ...]
    band: NDArray[np.int16]
    bands: tuple[str, ...]


def paint(series: Sequence[Series], view: View, frame: Frame) -> Canvas:
    """Draw the raw values, and the lines over them, the first series on top."""
    upward = list(reversed(series))
    curves = [(_line(line, line.raw, view, frame), f"faint{line.colour}") for line in upward if line.raw is not None]
    curves += [(dashed(_line(line, line.y, view, frame), line.dash), f"series{line.colour}") for line in upward]
    codes = np.zeros((frame.down, frame.across), dtype=np.uint8)
    owner = np.full((frame.down, frame.across), -1, dtype=np.int16)
    for index, (grid, _) in enumerate(curves):
        layer = cells(grid)
        codes |= layer
        owner[layer != 0] = index
    banded = [line for line in upward if line.band is not None]
    band = np.full((frame.down, frame.across), -1, dtype=np.int16)
    for index, line in enumerate(banded):
        band[_band(line, view, frame)] = index
    return Canvas(
        codes, owner, tuple(style for _, style in curves), band, tuple(f"band{line.colour}" for line in banded)
    )


def plot_rows(canvas: Canvas, series: Sequence[Series], view: View, frame: Frame, glyphs: Glyphs) -> list[Line]:
    """The rows of the plot area, with the crosshair behind the curves and a mark where a curve stops being a number."""
    cursor = None if view.cursor is None else frame.column_of(view.cursor)
    gaps = _gaps(series, view, frame)
    rows = []
    for row in range(frame.down):
        codes = canvas.codes[row]
        drawn = list(ascii_row(codes) if glyphs.ascii else braille(codes))
        styles = [canvas.styles[owner] if owner >= 0 else "" for owner in canvas.owner[row].tolist()]
        if cursor is not None and 0 <= cursor < frame.across and drawn[cursor] == " ":
            drawn[cursor], styles[cursor] = glyphs.crosshair, "cursor"
        for column in (column for gap_row, column in gaps if gap_row == row):
            drawn[column], styles[column] = glyphs.gap, "bad"
        tints = [f" on {canvas.bands[band]}" if band >= 0 else "" for band in canvas.band[row].tolist()]
        rows.append(_runs(drawn, styles, tints))
    return rows


def height_of(value: float, view: View, frame: Frame) -> float | None:
    """The position of a value in rows from 0 on top; outside of the range, that of its edge; None if it has none."""
    if not math.isfinite(value) or (view.log_y and value <= 0):
        return None
    low, high = frame.y
    share = math.log(high / value) / math.log(high / low) if view.log_y else (high - value) / (high - low)
    return min(1.0, max(0.0, share)) * (frame.down - 1 / DOTS_DOWN)


def row_of(value: float, view: View, frame: Frame) -> int | None:
    """The row with the dot of a value; None if it has none."""
    height = height_of(value, view, frame)
    return None if height is None else round(height * DOTS_DOWN) // DOTS_DOWN


def _line(line: Series, y: NDArray[np.float64], view: View, frame: Frame) -> Dots:
    return dots(_columns(line, y, view, frame), frame.y, frame.down * DOTS_DOWN, log=view.log_y)


def _band(line: Series, view: View, frame: Frame) -> NDArray[np.bool_]:
    """The cells of which the area between the band's edges covers half or more."""
    assert line.band is not None  # as the caller checked
    low, high = (_columns(line, edge, view, frame) for edge in line.band)
    area = Columns(low.low, high.high, np.zeros_like(low.linked))
    covered = dots(area, frame.y, frame.down * DOTS_DOWN, log=view.log_y)
    blocks = covered.reshape(frame.down, DOTS_DOWN, frame.across, DOTS_ACROSS)
    enough: NDArray[np.bool_] = blocks.sum(axis=(1, 3)) >= HALF_CELL
    return enough


def _columns(line: Series, y: NDArray[np.float64], view: View, frame: Frame) -> Columns:
    if view.log_y:
        y = np.where(y > 0, y, np.nan)
    return columns(line.x, y, frame.x, frame.across * DOTS_ACROSS)


def _gaps(series: Sequence[Series], view: View, frame: Frame) -> set[tuple[int, int]]:
    """(row, column) of the last number before the first gap of each series."""
    places: set[tuple[int, int]] = set()
    for line in series:
        bad = np.flatnonzero(~np.isfinite(line.y if line.raw is None else line.raw))
        if bad.size and bad[0] > 0:
            at = int(bad[0]) - 1
            row, column = row_of(float(line.y[at]), view, frame), frame.column_of(float(line.x[at]))
            if row is not None and 0 <= column < frame.across:
                places.add((row, column))
    return places


def _runs(drawn: list[str], styles: list[str], tints: list[str]) -> Line:
    """Neighbouring cells of the same style and tint as one span; blanks belong to the span before."""
    spans: list[Span] = []
    start, style, tint = 0, "", tints[0] if tints else ""
    for column, character in enumerate(drawn):
        blank = character == " " or styles[column] == style
        if tints[column] == tint and (blank or not style):
            style = style if blank else styles[column]
            continue
        spans.append(Span("".join(drawn[start:column]), style + tint))
        start, style, tint = column, "" if character == " " else styles[column], tints[column]
    spans.append(Span("".join(drawn[start:]), style + tint))
    return tuple(span for span in spans if span.text)

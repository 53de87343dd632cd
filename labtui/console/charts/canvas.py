"""The plot area of a chart: all series as braille cells, OR-ed, coloured by the topmost; bands as a tint beneath."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labtui.console.charts import raster
from labtui.console.charts.series import Frame, Series, View
from labtui.console.draw.spans import Line, Span
from labtui.console.ui.glyphs import Glyphs

HALF_A_CELL = raster.DOTS_ACROSS * raster.DOTS_DOWN // 2


@dataclass(frozen=True, eq=False)
class Canvas:
    """Braille codes (rows, columns), and per cell the index of its ink and of its band; -1 where there is none."""

    codes: NDArray[np.uint8]
    owner: NDArray[np.int16]
    inks: tuple[str, ...]
    band: NDArray[np.int16]
    bands: tuple[str, ...]


def paint(series: Sequence[Series], view: View, frame: Frame) -> Canvas:
    """Raw values, then the lines over them, the first series on top."""
    upward = list(reversed(series))
    curves = [(_line(one, one.raw, view, frame), f"faint{one.ink}") for one in upward if one.raw is not None]
    curves += [(raster.dashed(_line(one, one.y, view, frame), one.dash), f"series{one.ink}") for one in upward]
    codes = np.zeros((frame.down, frame.across), dtype=np.uint8)
    owner = np.full((frame.down, frame.across), -1, dtype=np.int16)
    for index, (grid, _) in enumerate(curves):
        layer = raster.cells(grid)
        codes |= layer
        owner[layer != 0] = index
    banded = [one for one in upward if one.band is not None]
    band = np.full((frame.down, frame.across), -1, dtype=np.int16)
    for index, one in enumerate(banded):
        band[_band(one, view, frame)] = index
    return Canvas(codes, owner, tuple(ink for _, ink in curves), band, tuple(f"band{one.ink}" for one in banded))


def plot_rows(canvas: Canvas, series: Sequence[Series], view: View, frame: Frame, glyphs: Glyphs) -> list[Line]:
    """The rows of the plot area, with the crosshair behind the curves and a sign where a curve's numbers end."""
    cursor = None if view.cursor is None else frame.column_of(view.cursor)
    gaps = _gaps(series, view, frame)
    rows = []
    for row in range(frame.down):
        codes = canvas.codes[row]
        drawn = list(raster.ascii_row(codes) if glyphs.ascii else raster.braille(codes))
        inks = [canvas.inks[owner] if owner >= 0 else "" for owner in canvas.owner[row].tolist()]
        if cursor is not None and 0 <= cursor < frame.across and drawn[cursor] == " ":
            drawn[cursor], inks[cursor] = glyphs.crosshair, "cursor"
        for column in (column for gap_row, column in gaps if gap_row == row):
            drawn[column], inks[column] = glyphs.gap, "bad"
        tints = [f" on {canvas.bands[band]}" if band >= 0 else "" for band in canvas.band[row].tolist()]
        rows.append(_runs(drawn, inks, tints))
    return rows


def height_of(value: float, view: View, frame: Frame) -> float | None:
    """Where a value lies, in rows from 0 on top; beyond the range, on its edge; None where it has no place."""
    if not math.isfinite(value) or (view.log_y and value <= 0):
        return None
    low, high = frame.y
    share = math.log(high / value) / math.log(high / low) if view.log_y else (high - value) / (high - low)
    return min(1.0, max(0.0, share)) * (frame.down - 1 / raster.DOTS_DOWN)


def row_of(value: float, view: View, frame: Frame) -> int | None:
    """The row in which the dot of a value is."""
    height = height_of(value, view, frame)
    return None if height is None else round(height * raster.DOTS_DOWN) // raster.DOTS_DOWN


def _line(one: Series, y: NDArray[np.float64], view: View, frame: Frame) -> raster.Dots:
    return raster.dots(_columns(one, y, view, frame), frame.y, frame.down * raster.DOTS_DOWN, log=view.log_y)


def _band(one: Series, view: View, frame: Frame) -> NDArray[np.bool_]:
    """The cells that the area between the band's edges covers by half or more."""
    assert one.band is not None  # the caller asked
    low, high = (_columns(one, edge, view, frame) for edge in one.band)
    area = raster.Columns(low.low, high.high, np.zeros_like(low.linked))
    covered = raster.dots(area, frame.y, frame.down * raster.DOTS_DOWN, log=view.log_y)
    blocks = covered.reshape(frame.down, raster.DOTS_DOWN, frame.across, raster.DOTS_ACROSS)
    enough: NDArray[np.bool_] = blocks.sum(axis=(1, 3)) >= HALF_A_CELL
    return enough


def _columns(one: Series, y: NDArray[np.float64], view: View, frame: Frame) -> raster.Columns:
    if view.log_y:
        y = np.where(y > 0, y, np.nan)
    return raster.columns(one.x, y, frame.x, frame.across * raster.DOTS_ACROSS)


def _gaps(series: Sequence[Series], view: View, frame: Frame) -> set[tuple[int, int]]:
    """(row, column) of the last number before each series' first gap."""
    places: set[tuple[int, int]] = set()
    for one in series:
        bad = np.flatnonzero(~np.isfinite(one.y if one.raw is None else one.raw))
        if bad.size and bad[0] > 0:
            at = int(bad[0]) - 1
            row, column = row_of(float(one.y[at]), view, frame), frame.column_of(float(one.x[at]))
            if row is not None and 0 <= column < frame.across:
                places.add((row, column))
    return places


def _runs(drawn: list[str], inks: list[str], tints: list[str]) -> Line:
    """Neighbouring cells of one ink and tint as one span; blanks go with what is before them."""
    spans: list[Span] = []
    start, ink, tint = 0, "", tints[0] if tints else ""
    for column, character in enumerate(drawn):
        blank = character == " " or inks[column] == ink
        if tints[column] == tint and (blank or not ink):
            ink = ink if blank else inks[column]
            continue
        spans.append(Span("".join(drawn[start:column]), ink + tint))
        start, ink, tint = column, "" if character == " " else inks[column], tints[column]
    spans.append(Span("".join(drawn[start:]), ink + tint))
    return tuple(span for span in spans if span.text)

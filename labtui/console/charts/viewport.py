"""The crosshair and the window of a chart: what each key changes. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from labtui.console.charts.crosshair import neighbour
from labtui.console.charts.options import Look
from labtui.console.charts.series import Frame, Series
from labtui.console.charts.ticks import Range


def cursor_moved(look: Look, series: Sequence[Series], frame: Frame, direction: int) -> Look:
    """The crosshair on the next point to the right (1) or left (-1), at least one cell away; without one it begins at
    the last point that is in sight. The window follows it."""
    if look.cursor is None:
        return cursor_at(look, series, frame, frame.x.high)
    column = frame.column_of(look.cursor)
    found = neighbour(series, look.cursor, direction)
    if found is not None and frame.column_of(found) == column:
        edge = frame.x.low + (column + (1 if direction > 0 else 0)) / max(1, frame.across) * frame.x.span
        # Many points share the cell: go on to the next one beyond its edge, or stay on the last of them.
        found = neighbour(series, edge, direction) or found
    return look if found is None else _in_sight(replace(look, cursor=found), frame)


def cursor_at(look: Look, series: Sequence[Series], frame: Frame, x: float) -> Look:
    """The crosshair on the point nearest to x, of all series."""
    sides = [found for direction in (-1, 1) if (found := neighbour(series, x, direction)) is not None]
    exact = [x] if any(bool((one.x == x).any()) for one in series) else sides
    return look if not exact else _in_sight(replace(look, cursor=min(exact, key=lambda one: abs(one - x))), frame)


def cursor_to_end(look: Look, series: Sequence[Series], frame: Frame, *, last: bool) -> Look:
    """The crosshair on the first or the last point of all series."""
    ends = [float(one.x[-1 if last else 0]) for one in series if one.x.size]
    return look if not ends else _in_sight(replace(look, cursor=max(ends) if last else min(ends)), frame)


def _in_sight(look: Look, frame: Frame) -> Look:
    """With a window that holds the crosshair; the whole axis stays whole."""
    if look.x is None or look.cursor is None or look.x.low <= look.cursor <= look.x.high:
        return look
    return replace(look, x=panned(look.x, (look.cursor - (look.x.low + look.x.high) / 2) / frame.x.span))


def x_zoomed(look: Look, frame: Frame, whole: Range, factor: float, about: float | None = None) -> Look:
    """Closer (below 1) or farther, about the crosshair or the window's middle; never wider than the whole axis."""
    wanted = zoomed(frame.x, factor, look.cursor if about is None else about)
    return replace(look, x=None if wanted.span >= whole.span else within(wanted, whole))


def x_panned(look: Look, frame: Frame, whole: Range, share: float) -> Look:
    """The window moved; where all is in sight there is nothing to move."""
    return look if look.x is None else replace(look, x=within(panned(frame.x, share), whole))


def y_zoomed(look: Look, frame: Frame, factor: float) -> Look:
    """Closer or farther in y."""
    return replace(look, y=log_zoomed(frame.y, factor) if look.log_y else zoomed(frame.y, factor))


def y_panned(look: Look, frame: Frame, share: float) -> Look:
    """Up (positive) or down."""
    return replace(look, y=log_panned(frame.y, share) if look.log_y else panned(frame.y, share))


def whole_axis(before: Range | None, look: Look, frame: Frame, series: Sequence[Series]) -> Range:
    """The x range without a window, as last seen, and longer where a run has gone on since."""
    if look.x is None or before is None:
        return frame.x
    last = max((float(one.x[-1]) for one in series if one.x.size), default=before.high)
    return Range(before.low, max(before.high, last))


LEAST = 1e-9
"""Of the axis's length: closer than this, floats run out."""


def zoomed(ends: Range, factor: float, about: float | None = None) -> Range:
    """The stretch `factor` times as long (below 1 is closer), with `about` (or the middle) staying where it is."""
    middle = (ends.low + ends.high) / 2 if about is None else min(ends.high, max(ends.low, about))
    low, high = (middle + (end - middle) * factor for end in ends)
    scale = max(abs(ends.low), abs(ends.high), 1e-300)
    return Range(low, high) if high - low > LEAST * scale else ends


def panned(ends: Range, share: float) -> Range:
    """The stretch moved by a share of its length: to the right, or up, where positive."""
    return Range(ends.low + share * ends.span, ends.high + share * ends.span)


def within(ends: Range, whole: Range) -> Range:
    """The stretch moved and, if it must be, cut so that it lies in `whole`."""
    if ends.span >= whole.span:
        return whole
    if ends.low < whole.low:
        return Range(whole.low, whole.low + ends.span)
    if ends.high > whole.high:
        return Range(whole.high - ends.span, whole.high)
    return ends


def log_zoomed(ends: Range, factor: float) -> Range:
    """As `zoomed` about the middle, on a logarithmic axis of positive ends."""
    middle = (ends.low * ends.high) ** 0.5
    half = (ends.high / ends.low) ** (factor / 2)
    return Range(middle / half, middle * half) if half > 1 + LEAST else ends


def log_panned(ends: Range, share: float) -> Range:
    """As `panned`, on a logarithmic axis of positive ends."""
    move = (ends.high / ends.low) ** share
    return Range(ends.low * move, ends.high * move)

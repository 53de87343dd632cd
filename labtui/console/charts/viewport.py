"""Moves the crosshair and the window (the visible ranges) of a chart. Pure."""

import math
from collections.abc import Sequence
from dataclasses import replace

from labtui.console.charts.crosshair import neighbour
from labtui.console.charts.options import ChartOptions
from labtui.console.charts.series import Frame, Series
from labtui.console.charts.ticks import LARGEST, Range, usable_log


def cursor_moved(options: ChartOptions, series: Sequence[Series], frame: Frame, direction: int) -> ChartOptions:
    """The crosshair moved to the next point on the right (1) or left (-1), at least one cell away.

    Without a crosshair, it begins at the last visible point. The window follows the crosshair.
    """
    if options.cursor is None:
        return cursor_at(options, series, frame, frame.x.high)
    column = frame.column_of(options.cursor)
    x = neighbour(series, options.cursor, direction)
    if x is not None and frame.column_of(x) == column:
        edge = frame.x.low + (column + (1 if direction > 0 else 0)) / max(1, frame.across) * frame.x.span
        # Many points share the cell: take the next one beyond its edge, or else the last one within it.
        x = neighbour(series, edge, direction) or x
    return options if x is None else _following_cursor(replace(options, cursor=x), frame)


def cursor_at(options: ChartOptions, series: Sequence[Series], frame: Frame, x: float) -> ChartOptions:
    """The crosshair at the point of any series that is nearest to x."""
    sides = [near for direction in (-1, 1) if (near := neighbour(series, x, direction)) is not None]
    nearest = [x] if any(bool((line.x == x).any()) for line in series) else sides
    if not nearest:
        return options
    return _following_cursor(replace(options, cursor=min(nearest, key=lambda near: abs(near - x))), frame)


def cursor_to_end(options: ChartOptions, series: Sequence[Series], frame: Frame, *, last: bool) -> ChartOptions:
    """The crosshair at the first or last point of all series."""
    ends = [float(line.x[-1 if last else 0]) for line in series if line.x.size]
    return options if not ends else _following_cursor(replace(options, cursor=max(ends) if last else min(ends)), frame)


def _following_cursor(options: ChartOptions, frame: Frame) -> ChartOptions:
    """With the window moved so that it contains the crosshair; a whole axis stays as it is."""
    if options.x is None or options.cursor is None or options.x.low <= options.cursor <= options.x.high:
        return options
    return replace(options, x=panned(options.x, (options.cursor - (options.x.low + options.x.high) / 2) / frame.x.span))


def x_zoomed(
    options: ChartOptions, frame: Frame, whole: Range, factor: float, about: float | None = None
) -> ChartOptions:
    """Zoomed in (factor below 1) or out, about `about`, the crosshair or the middle; at most to the whole axis."""
    window = zoomed(frame.x, factor, options.cursor if about is None else about)
    return replace(options, x=None if window.span >= whole.span else within(window, whole))


def x_panned(options: ChartOptions, frame: Frame, whole: Range, share: float) -> ChartOptions:
    """The window moved by a share of its length; without a window, unchanged."""
    return options if options.x is None else replace(options, x=within(panned(frame.x, share), whole))


def y_zoomed(options: ChartOptions, frame: Frame, factor: float) -> ChartOptions:
    """Zoomed in (factor below 1) or out in y."""
    return replace(options, y=log_zoomed(frame.y, factor) if options.log_y else zoomed(frame.y, factor))


def y_panned(options: ChartOptions, frame: Frame, share: float) -> ChartOptions:
    """Moved up (positive) or down by a share of the range."""
    return replace(options, y=log_panned(frame.y, share) if options.log_y else panned(frame.y, share))


def whole_axis(before: Range | None, options: ChartOptions, frame: Frame, series: Sequence[Series]) -> Range:
    """The x range without a window: the last one, extended to points that have come since."""
    if options.x is None or before is None:
        return frame.x
    last = max((float(line.x[-1]) for line in series if line.x.size), default=before.high)
    return Range(before.low, max(before.high, last))


MIN_SHARE = 1e-9
"""Of an axis's length: below it, floats are too coarse."""


def zoomed(ends: Range, factor: float, about: float | None = None) -> Range:
    """The range `factor` times as long (below 1 zooms in), with `about` (or the middle) fixed."""
    middle = (ends.low + ends.high) / 2 if about is None else min(ends.high, max(ends.low, about))
    low, high = (middle + (end - middle) * factor for end in ends)
    return _if_usable(Range(low, high), ends)


def _if_usable(wanted: Range, ends: Range) -> Range:
    """The wanted range, if floats can tell its points apart; else the one of before."""
    scale = max(abs(wanted.low), abs(wanted.high), 1e-80)
    return wanted if MIN_SHARE * scale < wanted.span and scale <= LARGEST else ends


def panned(ends: Range, share: float) -> Range:
    """The range moved by a share of its length: to the right or up if positive."""
    return _if_usable(Range(ends.low + share * ends.span, ends.high + share * ends.span), ends)


def within(ends: Range, whole: Range) -> Range:
    """The range moved, and shortened if necessary, so that it lies in `whole`."""
    if ends.span >= whole.span:
        return whole
    if ends.low < whole.low:
        return Range(whole.low, whole.low + ends.span)
    if ends.high > whole.high:
        return Range(whole.high - ends.span, whole.high)
    return ends


def log_zoomed(ends: Range, factor: float) -> Range:
    """As `zoomed` about the middle, on a logarithmic axis of positive ends."""
    ends = usable_log(ends)
    middle, half = (ends.low * ends.high) ** 0.5, math.log(ends.high / ends.low) * factor / 2
    return _if_log(math.log(middle) - half, math.log(middle) + half, ends) if half > MIN_SHARE else ends


def log_panned(ends: Range, share: float) -> Range:
    """As `panned`, on a logarithmic axis of positive ends."""
    ends = usable_log(ends)
    move = math.log(ends.high / ends.low) * share
    return _if_log(math.log(ends.low) + move, math.log(ends.high) + move, ends)


def _if_log(low: float, high: float, ends: Range) -> Range:
    """The range between two natural logarithms, if a logarithmic axis can have it; else the one of before."""
    most = math.log(LARGEST)
    return Range(math.exp(low), math.exp(high)) if -most < low < high < most else ends

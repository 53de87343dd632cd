"""Looking closer at a stretch of an axis."""

from labtui.console.charts.ticks import Range

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

"""Progress bars, and bars to both sides of a zero line."""

from labtui.console.draw.spans import Line, Span
from labtui.console.ui.glyphs import UNICODE, Glyphs


def progress(fraction: float, room: int, glyphs: Glyphs = UNICODE, ink: str = "bar") -> Line:
    """A bar of `room` cells filled to `fraction` (clamped to 0..1), to half a cell."""
    fraction = min(1.0, max(0.0, fraction)) if fraction == fraction else 0.0
    full, part = divmod(round(fraction * room * 2), 2)
    text = glyphs.done * full + glyphs.half * part
    rest = glyphs.rest * (room - len(text))
    return tuple(span for span in (Span(text, ink), Span(rest, "rest")) if span.text)


def both_sides(value: float, largest: float, room: int, glyphs: Glyphs = UNICODE) -> Line:
    """A bar from the middle of `room` cells: to the right in "good" for gains, to the left in "bad" for losses."""
    half = (room - 1) // 2
    share = 0.0 if not largest or value != value else max(-1.0, min(1.0, value / largest))
    size = round(abs(share) * half)
    block = glyphs.block
    left, right = (size, 0) if share < 0 else (0, size)
    return (
        Span(" " * (half - left)),
        Span(block * left, "bad"),
        Span(glyphs.vertical, "axis"),
        Span(block * right, "good"),
        Span(" " * (room - 1 - half - right)),
    )

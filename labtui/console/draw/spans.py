"""What a renderer gives: lines made of spans, each with the name of an ink.

An ink is a word ("muted", "series2", "bad"); the theme knows its colour, the renderer does not.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size


class Span(NamedTuple):
    """A piece of text in one ink."""

    text: str
    ink: str = ""


Line = tuple[Span, ...]


def line(*parts: str | Span) -> Line:
    """A line of plain strings and spans."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts)


def plain(spans: Iterable[Span]) -> str:
    """The text alone."""
    return "".join(span.text for span in spans)


@lru_cache(4_096)
def cells(text: str) -> int:
    """Terminal cells that a text takes; wide characters take two."""
    return cell_len(text)


def width(spans: Iterable[Span]) -> int:
    """Terminal cells that a line takes."""
    return sum(cells(span.text) for span in spans)


def cut(text: str, room: int, ellipsis: str = "…") -> str:
    """The text in at most `room` cells, its end replaced by an ellipsis where it does not fit."""
    if cells(text) <= room:
        return text
    if room <= cells(ellipsis):
        return set_cell_size(text, max(0, room))
    return set_cell_size(text, room - cells(ellipsis)).rstrip() + ellipsis


def shorten(spans: Iterable[Span], room: int, ellipsis: str = "…") -> Line:
    """The line in at most `room` cells; spans beyond that are cut or dropped."""
    kept: list[Span] = []
    left = room
    for span in spans:
        size = cells(span.text)
        if size > left:
            if left > 0:
                kept.append(Span(cut(span.text, left, ellipsis), span.ink))
            break
        kept.append(span)
        left -= size
    return tuple(kept)


def fit(spans: Iterable[Span], room: int, *, right: bool = False, ellipsis: str = "…") -> Line:
    """The line in exactly `room` cells: cut where too long, padded on the right (or left) where too short."""
    short = shorten(spans, room, ellipsis)
    blank = room - width(short)
    if blank <= 0:
        return short
    pad = Span(" " * blank)
    return (pad, *short) if right else (*short, pad)


def spread(left: Iterable[Span], right: Iterable[Span], room: int, ellipsis: str = "…") -> Line:
    """Two lines in one of `room` cells: one at the left edge, one at the right edge, which gives way first."""
    first = shorten(left, room, ellipsis)
    rest = room - width(first)
    last = tuple(right)
    if width(last) + 1 > rest:
        last = shorten(last, rest - 2, ellipsis) if rest > 8 else ()
    return (*first, Span(" " * (rest - width(last))), *last)

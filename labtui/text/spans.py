"""Lines of styled text, measured in terminal cells.

A style is a word that says what a span is ("muted", "title", "good", "bad", "warn", "series2"); the code that prints
the line knows its colour. Nothing is said by style alone.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple


class Span(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: str = ""


Line = tuple[Span, ...]

_NARROW = re.compile(
    "[ -~\u00a0-\u00ac\u00ae-\u02ff\u0370-\u0482\u2010-\u2027\u2190-\u21ff\u2200-\u22ff\u2500-\u25fc\u2800-\u28ff]*"
)
"""Text of characters that all take one cell."""

_JOINING = re.compile(
    "[\u200b-\u200d\u2060\ufe00-\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
)
"""Joiners, variation selectors, skin tones, tags, and the letters of flags."""

_FIRST_FLAG_LETTER = 0x1F1E6

_BREAK = re.compile("[\t\n\r]")
_WORD = re.compile(" *[^ ]+")
"""A word with the blanks before it; a no-break space belongs to its word."""


def line(*parts: str | Span) -> Line:
    """A line made of plain strings and spans."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts)


def plain(spans: Iterable[Span]) -> str:
    """The text of a line, without styles."""
    return "".join(span.text for span in spans)


def plain_lines(lines: Iterable[Line]) -> str:
    """The text of several lines, each ended by a newline and without trailing blanks."""
    return "".join(plain(spans).rstrip() + "\n" for spans in lines)


def separated(text: str) -> str:
    """The text with emoji that are made of several characters taken apart, flags written as letters.

    Terminals disagree about the cells of such an emoji (2 to 8), and a line that is off by one is drawn over its
    neighbour; about the cells of each part they agree.
    """
    if text.isascii() or not _JOINING.search(text):
        return text
    return _JOINING.sub(_separate, text)


def _separate(match: re.Match[str]) -> str:
    letter = ord(match[0]) - _FIRST_FLAG_LETTER
    return chr(ord("A") + letter) if 0 <= letter < 26 else ""


@lru_cache(4_096)
def text_width(text: str) -> int:
    """Terminal cells that a text takes once it is `separated`: wide characters take two, combining marks none."""
    if _NARROW.fullmatch(text):
        return len(text)
    text = separated(text)
    from rich.cells import cell_len  # Textual measures with it; deferred, since most commands never need it

    return cell_len(text)


def line_width(spans: Iterable[Span]) -> int:
    """Terminal cells that a line takes."""
    return sum(text_width(span.text) for span in spans)


def lines_width(lines: Iterable[Line]) -> int:
    """Terminal cells that the longest line takes."""
    return max(map(line_width, lines), default=0)


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """The text in at most `width` cells, its end replaced by an ellipsis where it does not fit."""
    if text_width(text) <= width:
        return text
    if width <= text_width(ellipsis):
        return _cropped(text, width)
    return _cropped(text, width - text_width(ellipsis)).rstrip() + ellipsis


def cut_middle(text: str, width: int, ellipsis: str = "…") -> str:
    """The text in at most `width` cells, its middle replaced by an ellipsis: for names that begin alike."""
    if text_width(text) <= width:
        return text
    room = width - text_width(ellipsis)
    if room < 2:
        return cut(text, width, ellipsis)
    tail = separated(text)
    while text_width(tail) > room - room // 2:
        tail = tail[1:]
    return _cropped(text, room - text_width(tail)).rstrip() + ellipsis + tail.lstrip()


def shorten_middle(spans: Iterable[Span], width: int, ellipsis: str = "…") -> Line:
    """The line in at most `width` cells; its longest span is cut in the middle."""
    shown = tuple(spans)
    excess = line_width(shown) - width
    if excess <= 0:
        return shown
    longest = max(shown, key=lambda span: text_width(span.text))
    left = max(2, text_width(longest.text) - excess)
    parts = [Span(cut_middle(span.text, left, ellipsis), span.style) if span is longest else span for span in shown]
    return shorten(parts, width, ellipsis)


def shorten(spans: Iterable[Span], width: int, ellipsis: str = "…") -> Line:
    """The line in at most `width` cells; spans beyond that are cut or dropped."""
    shown: list[Span] = []
    left = width
    for span in spans:
        size = text_width(span.text)
        if size > left:
            if left > 0:
                shown.append(Span(cut(span.text, left, ellipsis), span.style))
            break
        shown.append(span)
        left -= size
    return tuple(shown)


def fit(spans: Iterable[Span], width: int, *, right: bool = False, ellipsis: str = "…", middle: bool = False) -> Line:
    """The line in exactly `width` cells: cut at its end (or in the middle) where too long, padded on the right (or
    left) where too short."""
    short = shorten_middle(spans, width, ellipsis) if middle else shorten(spans, width, ellipsis)
    blank = width - line_width(short)
    if blank <= 0:
        return short
    pad = Span(" " * blank)
    return (pad, *short) if right else (*short, pad)


def spread(left: Iterable[Span], right: Iterable[Span], width: int, ellipsis: str = "…") -> Line:
    """Two lines in one of `width` cells, one at each edge; the right one is shortened first."""
    first = shorten(left, width, ellipsis)
    rest = width - line_width(first)
    last = tuple(right)
    if line_width(last) + 1 > rest:
        last = shorten(last, rest - 2, ellipsis) if rest > 8 else ()
    return (*first, Span(" " * (rest - line_width(last))), *last)


def wrap(text: str, width: int) -> list[str]:
    """The text broken between words into lines of at most `width` cells; a word that is longer is broken too."""
    lines: list[str] = []
    current = ""
    for word in _WORD.findall(_BREAK.sub(" ", text)):
        if current and text_width(current + word) <= width:
            current += word
            continue
        if current:
            lines.append(current)
        current = word.lstrip(" ")
        while text_width(current) > width and len(current) > 1:
            head = _cropped(current, width).rstrip() or current[0]
            lines.append(head)
            current = current[len(head) :]
    return [*lines, current] if current else lines


def paragraph(text: str, width: int, style: str = "") -> list[Line]:
    """The text broken into lines of at most `width` cells."""
    return [(Span(part, style),) for part in wrap(text, width)]


def labelled(label: str, text: str, width: int, *, indent: int = 2, column: int = 10, style: str = "") -> list[Line]:
    """The text in lines of at most `width` cells, beside a label in a column of its own."""
    lead = " " * indent + label.ljust(column) + " "
    first, *rest = wrap(text, max(width - len(lead), 20)) or [""]
    return [(Span(lead, style), Span(first)), *((Span(" " * len(lead)), Span(part)) for part in rest)]


def _cropped(text: str, width: int) -> str:
    """The first `width` cells of a longer text; a wide character cut in half becomes a blank."""
    if _NARROW.fullmatch(text):
        return text[: max(0, width)]
    from rich.cells import set_cell_size

    text = separated(text)
    return set_cell_size(text, max(0, width))

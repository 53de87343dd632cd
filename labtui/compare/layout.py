"""Lines of styled text, and tables whose columns are aligned: the words apart from their colours."""

import textwrap
from collections.abc import Sequence
from typing import Literal, NamedTuple

Style = Literal["", "title", "dim", "good", "bad", "warn"]
"""What a span is, not which colour it has; nothing is said by style alone."""


class Span(NamedTuple):
    """A piece of one line."""

    text: str
    style: Style = ""


Line = tuple[Span, ...]


class Column(NamedTuple):
    """The head of a column and which side its cells stand on."""

    title: str
    right: bool = True


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[Span]], gap: int = 1) -> list[Line]:
    """A head line and one line per row. Columns without any text are left out."""
    shown = [index for index in range(len(columns)) if any(row[index].text for row in rows)]
    lines = [[Span(column.title, "dim") for column in columns], *rows]
    widths = {index: max(len(row[index].text) for row in lines) for index in shown}
    return [_line([(row[index], columns[index], widths[index]) for index in shown], gap) for row in lines]


def width_of(lines: Sequence[Line]) -> int:
    """Characters of the longest line."""
    return max((sum(len(span.text) for span in line) for line in lines), default=0)


def wrapped(label: str, text: str, width: int, *, indent: int = 2, column: int = 10, style: Style = "") -> list[Line]:
    """`label` in a column of its own, the text beside it, broken so that it stays within `width`."""
    lead = " " * indent + label.ljust(column) + " "
    lines = textwrap.wrap(text, max(width - len(lead), 20), break_on_hyphens=False) or [""]
    first: Line = (Span(lead, style), Span(lines[0]))
    return [first, *((Span(" " * len(lead)), Span(line)) for line in lines[1:])]


def paragraph(text: str, width: int, style: Style = "") -> list[Line]:
    """Text broken at `width`."""
    return [(Span(line, style),) for line in textwrap.wrap(text, width, break_on_hyphens=False)]


def cut(text: str, width: int) -> str:
    """Text that fits, with a sign where it was cut."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def plain(lines: Sequence[Line]) -> str:
    """The lines without their styles."""
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


def _line(cells: Sequence[tuple[Span, Column, int]], gap: int) -> Line:
    spans: list[Span] = []
    for place, (cell, column, width) in enumerate(cells):
        last = place == len(cells) - 1
        text = cell.text.rjust(width) if column.right else cell.text if last else cell.text.ljust(width)
        spans.append(Span(" " * gap + text if spans else text, cell.style))
    return tuple(spans)

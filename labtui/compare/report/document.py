"""The parts of a report, independent of the format that it is written in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

PieceKind = Literal["", "strong", "code", "soft"]
LineKind = Literal["", "gain", "loss", "confounded"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a paragraph."""

    text: str
    kind: PieceKind = ""


Words = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the report's title."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    words: Words


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class TableLine:
    """One line of a table: its cells, and how it is marked."""

    texts: tuple[str, ...]
    notes: tuple[int, ...] = ()
    """Numbers of footnotes behind the first cell."""
    kind: LineKind = ""


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table; the columns named in `left` are left-aligned, all others right-aligned."""

    caption: str
    head: tuple[str, ...]
    left: frozenset[str]
    lines: tuple[TableLine, ...]


@dataclass(frozen=True, slots=True)
class Footnote:
    """A numbered line under a table."""

    number: int
    words: Words


@dataclass(frozen=True, slots=True)
class Footnotes:
    """The footnotes of the table above."""

    notes: tuple[Footnote, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure that is drawn when it is written."""

    name: str
    """Of its file, without a suffix: letters, digits, - and _."""
    caption: str
    alt: str
    """The content in words, for readers who cannot see it."""
    draw: Callable[[], Any]
    """Makes a matplotlib figure."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Two statements side by side."""

    left_title: str
    left: Words
    right_title: str
    right: Words


@dataclass(frozen=True, slots=True)
class Commands:
    """Lines for a shell."""

    lines: tuple[str, ...]


Block = Heading | Paragraph | Bullets | TableBlock | Footnotes | Picture | SideBySide | Commands


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    title: str
    blocks: tuple[Block, ...]


def plain(text: str) -> Words:
    """Words without any emphasis."""
    return (Piece(text),)


def lead(strong: str, text: str) -> Words:
    """A first word in bold, then text."""
    return (Piece(strong, "strong"), Piece(f" {text}"))

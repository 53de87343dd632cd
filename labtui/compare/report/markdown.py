"""The report as Markdown with its figures as PNG files."""

from typing import NamedTuple

from labtui.compare.render.export import markdown
from labtui.compare.report.document import (
    Block,
    Bullets,
    Commands,
    Document,
    Footnotes,
    Heading,
    Paragraph,
    Picture,
    Piece,
    SideBySide,
    TableBlock,
    TableLine,
    Words,
)
from labtui.compare.report.figure_style import ink, render


class Written(NamedTuple):
    """The text and the files that it shows."""

    text: str
    figures: dict[str, bytes]
    """By path relative to the text."""


def to_markdown(document: Document, folder: str = "figures") -> Written:
    """The whole report; figures go to `folder`/NAME.png."""
    parts = [_block(block, folder) for block in document.blocks]
    figures: dict[str, bytes] = {}
    with ink():
        for block in document.blocks:
            if isinstance(block, Picture):
                figures[f"{folder}/{block.name}.png"] = render(block.draw(), "png")
    return Written("\n\n".join(filter(None, parts)) + "\n", figures)


def _block(block: Block, folder: str) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {markdown(text)}"
        case Paragraph(words):
            return _words(words)
        case Bullets(items):
            return "\n".join(f"- {_words(item)}" for item in items)
        case TableBlock():
            return _grid(block)
        case Footnotes(notes):
            return "\n".join(f"{note.number}. {_words(note.words)}" for note in notes)
        case Picture(name, caption, alt, _):
            return f"![{markdown(alt)}]({folder}/{name}.png)\n\n*{markdown(caption)}*"
        case SideBySide(left_title, left, right_title, right):
            return f"> **{markdown(left_title)}:** {_words(left)}\n>\n> **{markdown(right_title)}:** {_words(right)}"
        case Commands(lines):
            return "\n".join(("```sh", *lines, "```"))


def _grid(grid: TableBlock) -> str:
    rule = ["---" if head in grid.left else "---:" for head in grid.head]
    lines = [grid.head, rule, *(_cells(line) for line in grid.lines)]
    table = "\n".join(f"| {' | '.join(texts)} |" for texts in lines)
    return f"*{markdown(grid.caption)}*\n\n{table}"


def _cells(line: TableLine) -> list[str]:
    marks = f" <sup>{', '.join(map(str, line.notes))}</sup>" if line.notes else ""
    first, *rest = map(markdown, line.texts)
    return [f"{first}{marks}", *rest]


def _words(words: Words) -> str:
    return "".join(_piece(piece) for piece in words)


def _piece(piece: Piece) -> str:
    if piece.kind == "code":
        return f"`{piece.text.replace('`', '')}`"
    text = markdown(piece.text)
    return f"**{text.strip()}**{' ' if text.endswith(' ') else ''}" if piece.kind == "strong" else text

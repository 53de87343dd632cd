"""Plain tables: aligned columns for people, one row a line, cut to the width only on a terminal."""

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence

from labtui.cli.streams import Painted, Piece, is_terminal, put
from labtui.text.clean import clean_line

GAP = "  "


def put_table(header: Sequence[str], rows: Iterable[Sequence[Piece]], *, right: Iterable[str] = ()) -> None:
    """Write a table to stdout. Columns named in `right` are aligned to the right; the last one takes what is left."""
    width = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
    for line in table_lines(header, rows, right=right, width=width):
        put(*line)


def table_lines(
    header: Sequence[str], rows: Iterable[Sequence[Piece]], *, right: Iterable[str] = (), width: int | None = None
) -> list[list[Piece]]:
    """The lines of a table, each as its pieces; `width` cuts the last column, at least to its header."""
    cleaned: list[list[Piece]] = [list(header), *([_cleaned(piece) for piece in row] for row in rows)]
    widths = [max(text_width(_text(row[column])) for row in cleaned) for column in range(len(header))]
    if width is not None:
        taken = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
        widths[-1] = max(text_width(header[-1]), min(widths[-1], width - taken))
    to_right = set(right)
    return [_line(row, widths, [name in to_right for name in header]) for row in cleaned]


def text_width(text: str) -> int:
    """Columns that a terminal uses: wide characters count two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns, with an ellipsis where something is missing."""
    if text_width(text) <= width:
        return text
    kept, used = "", 1
    for character in text:
        used += _character_width(character)
        if used > width:
            break
        kept += character
    return kept + "…"


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _line(row: Sequence[Piece], widths: Sequence[int], to_right: Sequence[bool]) -> list[Piece]:
    pieces: list[Piece] = []
    last = len(row) - 1
    for column, piece in enumerate(row):
        text = cut(_text(piece), widths[column])
        space = " " * (widths[column] - text_width(text))
        shown: Piece = Painted(text, piece.color) if isinstance(piece, Painted) else text
        if to_right[column]:
            pieces += [space, shown]
        elif column < last:
            pieces += [shown, space]
        else:
            pieces.append(shown)
        if column < last:
            pieces.append(GAP)
    while pieces and not _text(pieces[-1]).strip():  # an empty last cell leaves no blanks at the end of the line
        pieces.pop()
    return pieces


def _text(piece: Piece) -> str:
    return piece if isinstance(piece, str) else piece.text


def _cleaned(piece: Piece) -> Piece:
    if isinstance(piece, str):
        return clean_line(piece)
    return Painted(clean_line(piece.text), piece.color)

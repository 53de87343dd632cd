"""A table as lines: which columns fit, how wide each is, a header, rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labtui.console.draw.spans import Line, Span, fit
from labtui.console.ui.glyphs import UNICODE, Glyphs

GAP = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `rank` says how dear it is: the highest ranks are left out first where there is no room."""

    key: str
    title: str
    room: int
    rank: int = 0
    right: bool = False
    grows: bool = False
    """Whether it takes the room that is left over."""
    sortable: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: a key that stays with what it shows, and cells by column key."""

    key: str
    cells: Mapping[str, Line]
    ink: str = ""
    """Of everything in the row that has none of its own."""
    heading: bool = False
    """A line between rows, which the cursor passes over."""
    whole: bool = False
    """Whether the first cell runs over all columns; of a heading it does."""


Layout = tuple[tuple[Column, int], ...]
"""The columns that are shown, each with its cells."""


def lay_out(columns: Sequence[Column], room: int) -> Layout:
    """Choose the columns that fit into `room` cells and give the rest to those that grow."""
    chosen = list(columns)
    while len(chosen) > 1 and _needed(chosen) > room:
        dearest = max(chosen, key=lambda column: (column.rank, chosen.index(column)))
        if dearest.rank == 0:
            break
        chosen.remove(dearest)
    spare = max(0, room - _needed(chosen))
    growing = [column for column in chosen if column.grows]
    share, odd = divmod(spare, len(growing)) if growing else (0, 0)
    sizes = {column.key: column.room + share + (odd if column is growing[0] else 0) for column in growing}
    return tuple((column, sizes.get(column.key, column.room)) for column in chosen)


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.room for column in columns) + GAP * (len(columns) - 1)


def header(layout: Layout, *, sorted_by: str = "", glyphs: Glyphs = UNICODE) -> Line:
    """The titles; the column that the rows are sorted by carries an arrow."""
    spans: list[Span] = []
    for column, room in layout:
        is_sorted = column.key == sorted_by
        title = column.title.replace("Δ", glyphs.delta) + (glyphs.down if is_sorted else "")
        spans += [*fit((Span(title, "title" if is_sorted else "muted"),), room, right=column.right), Span(" " * GAP)]
    return tuple(spans[:-1])


def body(layout: Layout, row: Row, ellipsis: str = "…") -> Line:
    """One row; a heading runs over the columns."""
    if row.heading or row.whole:
        whole = sum(room + GAP for _, room in layout) - GAP
        return fit(next(iter(row.cells.values()), ()), whole, ellipsis=ellipsis)
    spans: list[Span] = []
    for column, room in layout:
        cell = row.cells.get(column.key, ())
        spans += [*fit(cell, room, right=column.right, ellipsis=ellipsis), Span(" " * GAP)]
    return tuple(Span(text, ink or row.ink) for text, ink in spans[:-1])


def changed(layout: Layout, old: Row, new: Row) -> tuple[int, int] | None:
    """First and past-the-last cell in which two rows differ; None where they may differ everywhere."""
    if (old.key, old.ink, old.heading, old.whole) != (new.key, new.ink, new.heading, new.whole) or new.whole:
        return None
    start, spans = 0, []
    for column, room in layout:
        if old.cells.get(column.key) != new.cells.get(column.key):
            spans.append((start, start + room))
        start += room + GAP
    return (spans[0][0], spans[-1][1]) if spans else (0, 0)


def column_at(layout: Layout, x: int) -> Column | None:
    """The column under a cell of a row."""
    start = 0
    for column, room in layout:
        if start <= x < start + room + GAP:
            return column
        start += room + GAP
    return None

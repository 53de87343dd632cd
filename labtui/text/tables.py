"""Tables as lines of spans: aligned to what they hold, or laid out to a given width."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from labtui.text.spans import Line, Span, cut, cut_middle, fit, text_width

MIN_MIDDLE = 24
"""Cells to which a column with `middle` set is cut at most in an aligned table."""

GAP = 1
"""Cells between the columns of a table that is laid out to a width."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title and the side that its cells stand on; the rest is for `lay_out`."""

    title: str
    right: bool = False
    key: str = ""
    """Of the column's cells in a TableRow."""
    width: int = 0
    rank: int = 0
    """Where the width does not suffice, columns of the highest rank are left out first; rank 0 stays."""
    grows: bool = False
    """Whether it takes the width that is left over."""
    sortable: bool = False
    full: int = 0
    """Of a column that grows, the width at which none of its cells is cut; 0 if that does not matter."""
    optional: bool = False
    """Whether it is left out rather than a growing column cut."""
    middle: bool = False
    """Whether its cells are cut in the middle: names that begin alike stay apart."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a laid-out table: a key that stays with what it shows, and cells by column key."""

    key: Hashable
    cells: Mapping[str, Line]
    style: str = ""
    """Of everything in the row that has none of its own."""
    heading: bool = False
    """Whether it is a line between rows, which the cursor passes over."""
    whole: bool = False
    """Whether the first cell runs over all columns, as that of a heading does."""


def align(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Span]],
    *,
    gap: int = 2,
    width: int | None = None,
    drop_empty: bool = False,
) -> list[Line]:
    """A header and a line per row, each column as wide as its widest cell.

    `width` cuts the last column, at least to its title, and where that does not suffice those with `middle` set, in the
    middle, at least to `MIN_MIDDLE` cells; `drop_empty` leaves out columns without any text.
    """
    indexes = [i for i in range(len(columns)) if not drop_empty or any(row[i].text for row in rows)]
    lines = [[Span(columns[i].title, "muted") for i in indexes], *([row[i] for i in indexes] for row in rows)]
    widths = [max(text_width(cells[place].text) for cells in lines) for place in range(len(indexes))]
    if width is not None and indexes:
        taken = sum(widths[:-1]) + gap * (len(widths) - 1)
        widths[-1] = max(text_width(columns[indexes[-1]].title), min(widths[-1], width - taken))
        for place, index in enumerate(indexes):
            excess = sum(widths) + gap * (len(widths) - 1) - width
            if columns[index].middle and excess > 0:
                widths[place] = max(min(widths[place], MIN_MIDDLE), widths[place] - excess)
    return [_aligned(cells, widths, [columns[i] for i in indexes], gap) for cells in lines]


def _aligned(cells: Sequence[Span], widths: Sequence[int], columns: Sequence[Column], gap: int) -> Line:
    spans: list[Span] = []
    for place, (text, style) in enumerate(cells):
        shown = cut_middle(text, widths[place]) if columns[place].middle else cut(text, widths[place])
        blank = " " * (widths[place] - text_width(shown))
        lead = " " * gap if place else ""
        spans.append(Span(lead + (blank + shown if columns[place].right else shown + blank), style))
    while spans and not spans[-1].text.strip():  # empty last cells leave no blanks at the end of the line
        spans.pop()
    if spans:
        spans[-1] = Span(spans[-1].text.rstrip(), spans[-1].style)
    return tuple(spans)


Layout = tuple[tuple[Column, int], ...]
"""The columns that are shown, each with its width in cells."""


def lay_out(columns: Sequence[Column], width: int) -> Layout:
    """Choose the columns that fit into `width` cells and give the rest to those that grow."""
    chosen = list(columns)
    for column in sorted((one for one in columns if one.optional), key=lambda one: -one.rank):
        if _needed(chosen) + sum(max(0, one.full - one.width) for one in chosen) > width:
            chosen.remove(column)
    while len(chosen) > 1 and _needed(chosen) > width:
        first_to_go = max(chosen, key=lambda column: (column.rank, chosen.index(column)))
        if first_to_go.rank == 0:
            break
        chosen.remove(first_to_go)
    spare = max(0, width - _needed(chosen))
    growing = [column for column in chosen if column.grows]
    share, odd = divmod(spare, len(growing)) if growing else (0, 0)
    grown = {column.key: column.width + share + (odd if column is growing[0] else 0) for column in growing}
    return tuple((column, grown.get(column.key, column.width)) for column in chosen)


def header_line(layout: Layout, *, sorted_by: str = "", arrow: str = "↓") -> Line:
    """The titles; the column that the rows are sorted by carries an arrow."""
    spans: list[Span] = []
    for column, width in layout:
        title = Span(column.title, "muted")
        if column.key == sorted_by:
            title = Span(column.title + arrow, "title")
        spans += [*fit((title,), width, right=column.right), Span(" " * GAP)]
    return tuple(spans[:-1])


def row_line(layout: Layout, row: TableRow, ellipsis: str = "…") -> Line:
    """One row; a heading runs over the columns."""
    if row.heading or row.whole:
        width = sum(width + GAP for _, width in layout) - GAP
        return fit(next(iter(row.cells.values()), ()), width, ellipsis=ellipsis)
    spans: list[Span] = []
    for column, width in layout:
        cell = row.cells.get(column.key, ())
        fitted = fit(cell, width, right=column.right, ellipsis=ellipsis, middle=column.middle)
        spans += [*fitted, Span(" " * GAP)]
    return tuple(Span(text, style or row.style) for text, style in spans[:-1])


def changed_cells(layout: Layout, old: TableRow, new: TableRow) -> tuple[int, int] | None:
    """First and past-the-last terminal cell in which two rows differ; None where they may differ everywhere."""
    if (old.key, old.style, old.heading, old.whole) != (new.key, new.style, new.heading, new.whole) or new.whole:
        return None
    start, changed = 0, []
    for column, width in layout:
        if old.cells.get(column.key) != new.cells.get(column.key):
            changed.append((start, start + width))
        start += width + GAP
    return (changed[0][0], changed[-1][1]) if changed else (0, 0)


def column_at(layout: Layout, x: int) -> Column | None:
    """The column under a terminal cell of a row."""
    start = 0
    for column, width in layout:
        if start <= x < start + width + GAP:
            return column
        start += width + GAP
    return None


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)

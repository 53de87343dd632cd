"""A table that is cheap to update: only rows that changed are painted again (DataTable paints all visible cells)."""

from collections.abc import Hashable, Sequence
from itertools import zip_longest
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from labtui.console.ui.scrolling import ScrollingPane
from labtui.console.ui.strips import glyphs_of, strip, styles_of
from labtui.text.spans import Span
from labtui.text.tables import Column, Layout, TableRow, changed_cells, column_at, header_line, lay_out, row_line

HEADER = 1


class LiveTable(ScrollingPane):
    """Rows with a cursor that stays on its row's key while rows are added, removed and moved."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"live-table--cursor", "live-table--header"}

    DEFAULT_CSS = """
    LiveTable > .live-table--cursor { background: $foreground 8%; }
    LiveTable:focus > .live-table--cursor { background: $accent 22%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Open", show=False)]
    HEADER_LINES = HEADER

    class Moved(Message):
        """The cursor points at another row."""

        def __init__(self, table: "LiveTable", key: Hashable | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> "LiveTable":
            """The table, for selectors."""
            return self.table

    class Opened(Moved):
        """Enter or a click on the row that has the cursor."""

    class HeaderClicked(Message):
        """A click on the title of a sortable column."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    def __init__(self, columns: Sequence[Column], *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._columns = tuple(columns)
        self._rows: tuple[TableRow, ...] = ()
        self._at: dict[Hashable, int] = {}
        self._cursor: Hashable | None = None
        self._layout_for: tuple[int, Layout] = (-1, ())
        self.sorted_by = ""
        self.empty: tuple[str, ...] = ()
        """Lines that are shown while there are no rows."""

    # --- What is shown ------------------------------------------------------------------------------------------------

    @property
    def cursor_key(self) -> Hashable | None:
        """The key of the row under the cursor; None in an empty table."""
        return self._cursor

    @property
    def rows(self) -> tuple[TableRow, ...]:
        """The rows."""
        return self._rows

    @property
    def visible_keys(self) -> tuple[Hashable, ...]:
        """The keys of the visible rows."""
        first = self.scroll_offset.y
        return tuple(row.key for row in self._rows[first : first + max(0, self.size.height - HEADER)])

    def show(self, rows: Sequence[TableRow], *, sorted_by: str = "", columns: Sequence[Column] | None = None) -> None:
        """Show these rows, in these columns if given. Only lines that changed are painted again."""
        if columns is not None and tuple(columns) != self._columns:
            self._columns, self._layout_for = tuple(columns), (-1, ())
            self.refresh()
        before, self._rows = self._rows, tuple(rows)
        if sorted_by != self.sorted_by or not before or not rows:
            self.sorted_by = sorted_by
            self.refresh()
        self._at = {row.key: index for index, row in enumerate(self._rows)}
        if len(before) != len(self._rows):
            self.virtual_size = Size(0, len(self._rows) + HEADER)
        for index, (old, new) in enumerate(zip_longest(before, self._rows)):
            if old != new:
                self._refresh_row(index, changed_cells(self._layout_now(), old, new) if old and new else None)
        self._keep_cursor(before)

    def select(self, key: Hashable) -> None:
        """Put the cursor on the row of this key, if there is one."""
        if key in self._at:
            self._point_at(self._at[key])

    def _keep_cursor(self, before: Sequence[TableRow]) -> None:
        """Keep the cursor on its key; if that is gone, move it to the row in its place."""
        if self._cursor in self._at:  # a row that moved differs from what was there, and is painted already
            return
        old = next((index for index, row in enumerate(before) if row.key == self._cursor), 0)
        self._cursor = None
        if self._rows:
            self._point_at(self._nearest(min(old, len(self._rows) - 1)))
        else:
            self.post_message(self.Moved(self, None))

    def _nearest(self, index: int) -> int:
        """The nearest row that is not a heading, downwards, else upwards."""
        order = [*range(index, len(self._rows)), *range(index - 1, -1, -1)]
        return next((at for at in order if not self._rows[at].heading), index)

    # --- The cursor -------------------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """Move the cursor by so many rows, not counting headings."""
        stops = [index for index, row in enumerate(self._rows) if not row.heading]
        if not stops:
            return
        here = self._at.get(self._cursor, 0)
        rank = next((rank for rank, index in enumerate(stops) if index >= here), len(stops) - 1)
        self._point_at(stops[min(max(0, rank + by), len(stops) - 1)])

    def action_open(self) -> None:
        """Report that the row under the cursor was opened."""
        if self._cursor is not None:
            self.post_message(self.Opened(self, self._cursor))

    def _point_at(self, index: int) -> None:
        key = self._rows[index].key
        if key == self._cursor:
            return
        if self._cursor in self._at:
            self._refresh_row(self._at[self._cursor])
        self._cursor = key
        self._refresh_row(index)
        self.scroll_to_region(Region(0, max(0, index), 1, 1 + HEADER), animate=False, force=True)
        self.post_message(self.Moved(self, key))

    def on_click(self, event: Click) -> None:
        """Move the cursor to a row, open the row that has it, or sort by a column."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y < HEADER:
            column = column_at(self._layout_now(), offset.x)
            if column is not None and column.sortable:
                self.post_message(self.HeaderClicked(column.key))
            return
        index = offset.y - HEADER + self.scroll_offset.y
        if index < len(self._rows) and not self._rows[index].heading:
            if self._rows[index].key == self._cursor:
                self.action_open()
            else:
                self._point_at(index)

    def on_resize(self) -> None:
        """Keep the cursor visible."""
        if self._cursor in self._at:
            self.scroll_to_region(Region(0, self._at[self._cursor], 1, 1 + HEADER), animate=False, force=True)

    # --- Painting ---------------------------------------------------------------------------------------------------

    def _layout_now(self) -> Layout:
        width = self.scrollable_content_region.width
        if self._layout_for[0] != width:
            self._layout_for = (width, lay_out(self._columns, width))
        return self._layout_for[1]

    def _refresh_row(self, index: int, cells: tuple[int, int] | None = None) -> None:
        """Paint a row again, or only some of its cells."""
        y = index + HEADER - self.scroll_offset.y
        first, last = cells or (0, self.size.width)
        if HEADER <= y < self.size.height:
            self.refresh(Region(first, y, last - first, 1))

    def render_line(self, y: int) -> Strip:
        """One visible line; the header does not scroll."""
        palette, glyphs, width = styles_of(self), glyphs_of(self), self.scrollable_content_region.width
        layout = self._layout_now()
        if y < HEADER:
            return strip(
                header_line(layout, sorted_by=self.sorted_by, arrow=glyphs.down), palette, self.rich_style, width
            )
        index = y - HEADER + self.scroll_offset.y
        if index < len(self._rows):
            row = self._rows[index]
            part = "live-table--cursor" if row.key == self._cursor else ""
            base = self.get_component_rich_style(part) if part else self.rich_style
            return strip(row_line(layout, row, glyphs.ellipsis), palette, base, width)
        hint = self.empty[y - HEADER - 1] if not self._rows and 0 <= y - HEADER - 1 < len(self.empty) else ""
        return strip((Span(f" {hint}", "muted"),), palette, self.rich_style, width)

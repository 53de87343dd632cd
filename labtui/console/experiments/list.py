"""The list of experiments and runs: a table with marks, filter, order and folding."""

from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from labtui.api.metrics import MetricBook
from labtui.catalog import Catalog
from labtui.console.charts.options import ChartedRun, shown_runs
from labtui.console.commands import bindings
from labtui.console.data.snapshot import Snapshot, Trend
from labtui.console.experiments.entries import EntryBuilder, is_foreign_folder
from labtui.console.experiments.entry import SORTS, ListEntry, ListOptions, Marks, ink_of
from labtui.console.experiments.rows import (
    FOREIGN_COLUMNS,
    columns,
    foreign_columns,
    row,
    setting_columns,
    with_room,
    with_settings,
    with_tags,
)
from labtui.console.selection import Selection
from labtui.console.ui.strips import glyphs_of, styles_of
from labtui.console.ui.table import LiveTable

if TYPE_CHECKING:
    from labtui.text.tables import TableRow

_RowSource = tuple[ListEntry, Trend | None, str, bool, tuple[str, ...]]
"""What a row is made of: the entry, its run's trend, its letter, whether the folder is one of other tools, and the
columns of hyperparameters."""

_COLUMN_OF_SORT = {"catalog": "", "accuracy": "accuracy", "delta": "delta", "newest": "time"}
_SORT_OF_COLUMN = {column: sort for sort, column in _COLUMN_OF_SORT.items() if column}


class ExperimentList(Widget):
    """Shows a snapshot and posts Changed when marks or options change."""

    DEFAULT_CSS = """
    ExperimentList { height: 1fr; }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")

    class Changed(Message):
        """Marks, filter, order or folding changed."""

    def __init__(
        self,
        catalog: Catalog,
        metrics: MetricBook | None = None,
        *,
        foreign: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        """`foreign` says that a first look found runs of other tools: until the first snapshot, no catalog is shown."""
        super().__init__(id=id)
        self._columns = columns(catalog)
        self._waits = foreign and catalog.builtin
        self.table = LiveTable(FOREIGN_COLUMNS if foreign else self._columns)
        self.options = ListOptions()
        self.marks = Marks()
        self._builder = EntryBuilder(catalog, metrics)
        self._snapshot = Snapshot()
        self._entries: dict[Hashable, ListEntry] = {}
        self._rows: dict[Hashable, tuple[_RowSource, TableRow]] = {}
        self._settings: tuple[str, ...] = ()
        self._has_shown_newest = False

    def compose(self) -> ComposeResult:
        """The table."""
        yield self.table

    def restore(self, options: ListOptions, marks: Marks) -> None:
        """Start with the saved options and marks."""
        self.options, self.marks = options, marks
        self._show_entries()

    def show(self, snapshot: Snapshot) -> None:
        """Show the runs of a snapshot. The first one with runs moves the cursor to the newest run."""
        self._snapshot, self._waits = snapshot, False
        self._show_entries()
        if snapshot.runs and not self._has_shown_newest:
            self._has_shown_newest = True
            self._select_newest()

    def _select_newest(self) -> None:
        was_moved = self.table.cursor_key != next(iter(self._entries), None)
        if not was_moved or (self.current is not None and self.current.is_problem):
            newest = self._snapshot.runs[0]
            self.table.select(next((key for key, entry in self._entries.items() if newest in entry.runs), ""))

    def _show_entries(self) -> None:
        """Build the rows again; the table paints those that changed."""
        glyphs = glyphs_of(self)
        entries = () if self._waits else self._builder.entries(self._snapshot, self.options)
        foreign = self._waits or is_foreign_folder(self._snapshot.runs)
        shown_columns = foreign_columns(self._snapshot.trends.values()) if foreign else self._columns
        settings = setting_columns(self._snapshot.runs) if foreign else ()
        self._settings = tuple(column.key for column in settings)
        self._entries = {entry.key: entry for entry in entries}
        rows: dict[Hashable, tuple[_RowSource, TableRow]] = {}
        for entry in entries:
            trend = self._snapshot.trends.get(entry.run.id) if entry.run else None
            source: _RowSource = (entry, trend, self.marks.letter(entry.key), foreign, self._settings)
            before = self._rows.get(entry.key)
            unchanged = before is not None and before[0] == source
            rows[entry.key] = before if unchanged and before else (
                source, row(entry, self.marks, self._snapshot, glyphs, foreign=foreign, settings=self._settings)
            )  # fmt: skip
        self._rows = rows
        shown_rows = [shown for _, shown in rows.values()]
        shown_columns = with_tags(with_settings(shown_columns, settings), shown_rows)
        sorted_by = _COLUMN_OF_SORT.get(self.options.sort, self.options.sort)
        self.table.show(shown_rows, sorted_by=sorted_by, columns=with_room(shown_columns, shown_rows))

    # --- What is selected ---------------------------------------------------------------------------------------------

    @property
    def current(self) -> ListEntry | None:
        """The entry under the cursor."""
        return self._entries.get(self.table.cursor_key)

    @property
    def marked(self) -> tuple[ListEntry, ...]:
        """The marked entries that are in the list, in the order of their letters."""
        return tuple(self._entries[key] for key in self.marks.keys if key in self._entries)

    @property
    def selection(self) -> Selection:
        """The marked entries, else the one under the cursor."""
        current = self.current
        selected = self.marked or ((current,) if current and not current.is_problem else ())
        order = dict.fromkeys(run.id for entry in self._entries.values() for run in entry.runs)
        return Selection(selected, current.run if current else None, tuple(self._charted(selected)), tuple(order))

    def _charted(self, entries: tuple[ListEntry, ...]) -> Iterator[ChartedRun]:
        """Marked entries have their letter's colour, and dashes where colours are few."""
        dashes = styles_of(self).palette.dashes
        for index, entry in enumerate(entries):
            letter = self.marks.letter(entry.key)
            dash = index % 4 if letter and dashes else 0
            yield ChartedRun(entry.title, letter, shown_runs(entry.runs), ink_of(letter), dash)

    @property
    def visible_runs(self) -> tuple[str, ...]:
        """The ids of the runs in sight."""
        visible = (self._entries.get(key) for key in self.table.visible_keys)
        return tuple(entry.run.id for entry in visible if entry is not None and entry.run is not None)

    # --- Keys ---------------------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark the entry, or remove its mark, and move to the next."""
        if self.current is not None and not self.current.is_problem:
            self.marks = self.marks.toggled(self.current.key)
            self.table.action_move(1)
            self._changed()

    def action_unmark(self) -> None:
        """Remove all marks."""
        self.marks = Marks()
        self._changed()

    def action_sort(self) -> None:
        """Sort by the next order."""
        orders = (*SORTS, *self._settings)
        here = orders.index(self.options.sort) if self.options.sort in orders else -1
        self._set(sort=orders[(here + 1) % len(orders)])

    def on_live_table_header_clicked(self, event: LiveTable.HeaderClicked) -> None:
        """Sort by a column; a second click restores the catalog's order."""
        sort = event.column if event.column in self._settings else _SORT_OF_COLUMN.get(event.column, "catalog")
        self._set(sort="catalog" if sort == self.options.sort else sort)

    def action_baseline(self) -> None:
        """Take deltas against this entry; a second time, against the declared baselines."""
        if self.current is not None and not self.current.is_problem:
            key = self.current.key
            self._set(baseline=None if self.options.baseline == key else key)

    def action_fold(self, folded: bool) -> None:
        """Hide or show the runs of the entry; on one of its runs, hide them and move to the entry."""
        entry = self.current
        if entry is None:
            return
        if entry.depth and folded:
            entry = next(other for other in self._entries.values() if not other.depth and entry.runs[0] in other.runs)
            self.table.select(entry.key)
        if entry.folded is not None:
            unfolded = self.options.unfolded
            self._set(unfolded=unfolded - {entry.key} if folded else unfolded | {entry.key})

    def filter(self, text: str) -> None:
        """Show only the entries that match."""
        if text != self.options.filter:
            self._set(filter=text)

    def _set(self, **changes: Any) -> None:
        self.options = replace(self.options, **changes)
        self._changed()

    def _changed(self) -> None:
        self._show_entries()
        self.post_message(self.Changed())

"""The panes of a comparison: its rows, and the findings about the one under the cursor."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from labtui.console.commands import bindings
from labtui.console.comparison.details import RowRuns, panel_lines, remedy, runs_of_row
from labtui.console.comparison.table_rows import (
    COLUMNS,
    SORTS,
    LineKind,
    RowKey,
    TableOptions,
    captions,
    filled_columns,
    table_rows,
)
from labtui.console.data.snapshot import Snapshot
from labtui.console.experiments.entry import EntryKey, EntryKind, ListEntry
from labtui.console.selection import Selection
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.table import LiveTable
from labtui.console.ui.text_panel import TextPanel

if TYPE_CHECKING:
    from labtui.compare.model import ComparisonRow, ComparisonTable
    from labtui.console.app import LabtuiApp

FRAME = 3
"""Lines around the rows: the border and the header."""

LEAST_ROWS = 3
"""Rows for which there is always space."""

LAYOUTS = ("", "-only-findings", "-only-rows")
"""Classes that the maximise key goes through."""


class ComparisonPanes(Widget):
    """Shows the table of a comparison; order, filter and folding are its own state."""

    app: "LabtuiApp"
    DEFAULT_CSS = """
    ComparisonPanes { layout: vertical; height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("rows")

    def __init__(self) -> None:
        super().__init__()
        self.rows = LiveTable(COLUMNS, id="rows")
        self.findings = TextPanel(id="findings")
        self.options = TableOptions()
        self._table: ComparisonTable | None = None
        self._letters: Mapping[str, str] = {}
        self._snapshot = Snapshot()

    def compose(self) -> ComposeResult:
        """Rows above findings."""
        yield self.rows
        yield self.findings

    def show(self, table: "ComparisonTable", letters: Mapping[str, str], snapshot: Snapshot) -> None:
        """Show the table of a comparison; `letters` are the marks by title."""
        self._table, self._snapshot = table, snapshot
        self._letters = {row.key: letters[row.title] for row in table.rows if row.title in letters}
        self._show_rows()

    def set(self, **changes: Any) -> None:
        """Change order, filter or folding."""
        self.options = replace(self.options, **changes)
        self._show_rows()

    def _show_rows(self) -> None:
        if self._table is None:
            return
        self.rows.empty = ("Nothing matches the filter." if self.options.filter else "Nothing has finished yet.",)
        lines = table_rows(self._table, self.options, self._letters, glyphs_of(self))
        self.rows.show(lines, sorted_by=self.options.sort, columns=filled_columns(lines))
        self.rows.styles.max_height = max(LEAST_ROWS, len(lines)) + FRAME
        entitle(self.rows, *captions(self._table, self.options, brief=self.screen.has_class("-narrow")))
        self._show_findings()

    @on(LiveTable.Moved)
    def _show_findings(self) -> None:
        table, shown, glyphs = self._table, self.row_runs, glyphs_of(self)
        if table is None or shown is None:
            self.findings.show(lambda _: ())
        else:
            self.findings.show(lambda width: panel_lines(table, shown, width, glyphs), top=True)
            entitle(self.findings, "findings")

    # --- What the cursor is on ----------------------------------------------------------------------------------------

    @property
    def key(self) -> RowKey | None:
        """The key of the line under the cursor."""
        key = self.rows.cursor_key
        return key if isinstance(key, RowKey) else None

    @property
    def row(self) -> "ComparisonRow | None":
        """The row that the line under the cursor belongs to."""
        rows, key = self._table.rows if self._table else (), self.key
        return next((row for row in rows if key is not None and row.key == key.row), None)

    @property
    def row_runs(self) -> RowRuns | None:
        """The row under the cursor and its baseline, with their runs."""
        if self._table is None or self.key is None or self.row is None:
            return None
        return runs_of_row(self._table, self.row, self._snapshot, matched=self.key.kind is LineKind.MATCHED)

    @property
    def selection(self) -> Selection:
        """The experiment of the row, the run of the seed under the cursor, and the runs of all rows."""
        row, shown = self.row, self.row_runs
        run_id = self.key.detail if self.key is not None and self.key.kind is LineKind.SEED else ""
        if not run_id and row is not None and len(row.values) == 1:
            run_id = row.values[0].run
        entries = (
            ListEntry(EntryKey(EntryKind.VARIANT, row.name), variant.spec.display_title, variant=variant)
            for variant in self.app.lab.catalog.variants
            if row is not None and variant.spec.name == row.name
        )
        order = (value.run for each in (self._table.rows if self._table else ()) for value in each.values)
        return Selection(tuple(entries), self._snapshot.run(run_id), shown.charted if shown else (), tuple(order))

    # --- Keys ---------------------------------------------------------------------------------------------------------

    @on(LiveTable.Opened)
    def action_open(self) -> None:
        """Open the run of a seed; fold or unfold a row."""
        if self.selection.run is not None:
            self.app.actions.open_run()
        elif self.row is not None:
            self.action_fold(folded=self.row.key in self.options.unfolded)

    def action_fold(self, folded: bool) -> None:
        """Hide or show the seeds of the row."""
        if self.row is not None:
            key, unfolded = self.row.key, self.options.unfolded
            self.set(unfolded=unfolded - {key} if folded else unfolded | {key})
            if folded:
                self.rows.select(RowKey(LineKind.ROW, key))

    def action_sort(self) -> None:
        """Sort by the next column."""
        column = SORTS[(SORTS.index(self.options.sort) + 1) % len(SORTS)]
        self.set(sort=column, reverse=False)
        self.app.say(f"sorted by {column}" if column else "in the catalog's order")

    @on(LiveTable.HeaderClicked)
    def _sort_by(self, event: LiveTable.HeaderClicked) -> None:
        same = event.column == self.options.sort
        self.set(sort=event.column, reverse=same and not self.options.reverse)

    def action_reverse(self) -> None:
        """Reverse the order."""
        self.set(reverse=not self.options.reverse)

    def action_diff(self) -> None:
        """Show how the row's spec differs from its baseline's."""
        shown = self.row_runs
        self.app.actions.open_diff(*((shown.specs, shown.row.factor) if shown else ((), ())))

    def action_matched(self) -> None:
        """Go to the matched baseline; if it has not run, or seeds are missing, open the launch dialog for them."""
        row, table = self.row, self._table
        if row is None or table is None:
            return
        if row.matched is not None and table.row(row.matched.against_key):
            self.rows.select(RowKey(LineKind.ROW, row.matched.against_key))
            self.app.say(f"{row.matched.against} differs from {row.title} in the factor alone")
        elif requests := remedy(row):
            self.app.actions.open_launch(*requests)
        else:
            self.app.say(f"{row.title} needs no other baseline and no more seeds")

    def action_maximise(self) -> None:
        """Show only the findings, only the rows, or both."""
        layout = LAYOUTS[(LAYOUTS.index(self.maximised) + 1) % len(LAYOUTS)]
        self.restore()
        if layout:
            self.add_class(layout)
        (self.findings if layout == "-only-findings" else self.rows).focus()

    @property
    def maximised(self) -> str:
        """The class of the layout with one pane alone; empty while both are shown."""
        return next((name for name in LAYOUTS[1:] if self.has_class(name)), "")

    def restore(self) -> None:
        """Show both panes."""
        self.remove_class(*LAYOUTS[1:])

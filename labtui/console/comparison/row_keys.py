"""What a table of judged rows points at: the row under the cursor, what it is compared with, their runs."""

from typing import TYPE_CHECKING

from labtui.compare.model import ComparisonRow
from labtui.console.charts.options import Subject
from labtui.console.comparison import pairs as pairing
from labtui.console.comparison import table_rows as comparing
from labtui.console.comparison.judging import Judging
from labtui.console.experiments.entry import Entry
from labtui.console.ui.opening_keys import Opening
from labtui.console.ui.table import LiveTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.spec import RunSpec
    from labtui.store.run import Run


class JudgedRows(Judging, Opening):
    """The rows' answers to what the keys of Doing and Opening ask."""

    @property
    def rows(self) -> LiveTable:
        """The rows."""
        return self.query_one(LiveTable)

    @property
    def row(self) -> ComparisonRow | None:
        """The judged row under the cursor, or the one that the line under it belongs to."""
        key = comparing.judged_key(self.rows.cursor_key)
        return next((row for row in self.table.rows if row.key == key), None) if self.table else None

    @property
    def pair(self) -> pairing.Pair | None:
        """The row with what it is compared with."""
        if self.table is None or self.row is None:
            return None
        return pairing.pair(self.table, self.row, self.snapshot, matched=comparing.is_matched(self.rows.cursor_key))

    @property
    def charted(self) -> tuple[Subject, ...]:
        """The row and its baseline."""
        return pairing.subjects(self.pair) if self.pair else ()

    @property
    def contrasted(self) -> "tuple[Sequence[tuple[str, RunSpec]], tuple[str, ...]]":
        """The row's spec and its baseline's."""
        return (self.pair.specs, self.pair.row.factor) if self.pair else ((), ())

    @property
    def pointed(self) -> tuple[Entry, ...]:
        """The row as an entry of the list."""
        variants = [
            variant for variant in self.app.lab.catalog.variants if self.row and variant.spec.name == self.row.name
        ]
        return tuple(
            Entry(f"arm:{variant.spec.name}", variant.spec.display_title, variant=variant) for variant in variants
        )

    @property
    def run_here(self) -> "Run | None":
        """The run of a line of one seed; of a row with one seed alone, that one."""
        run_id = comparing.run_of(self.rows.cursor_key)
        if not run_id and self.row is not None and len(self.row.values) == 1:
            run_id = self.row.values[0].run
        return self.snapshot.run(run_id) if run_id else None

    @property
    def run_order(self) -> tuple[str, ...]:
        """The runs that count, row by row."""
        return tuple(value.run for row in self.table.rows for value in row.values) if self.table else ()

    # --- Keys ---------------------------------------------------------------------------------------------------------

    def action_sibling(self, by: int) -> None:
        """The next or previous row."""
        self.rows.action_move(by)

    def action_matched(self) -> None:
        """Go to the matched baseline; where it was not run, or seeds are missing, ask for them."""
        row, table = self.row, self.table
        if row is None or table is None:
            return
        if row.matched is not None and table.row(row.matched.against_key):
            self.rows.select(f"row:{row.matched.against_key}")
            self.say(f"{row.matched.against} differs from {row.title} in the factor alone")
        elif wishes := pairing.remedy(row):
            self.launch(*wishes)
        else:
            self.say(f"{row.title} needs no other baseline and no more seeds")

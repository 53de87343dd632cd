"""The comparison: the rows of `labtui compare`, sorted and unfolded at will, and what was found about each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from labtui.console.bindings import bindings
from labtui.console.charts.options import Look
from labtui.console.comparison import pairs as pairing
from labtui.console.comparison import query as asking
from labtui.console.comparison import table_rows as comparing
from labtui.console.comparison.row_keys import JudgedRows
from labtui.console.ui.filter_bar import Filtering
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.table import LiveTable
from labtui.console.ui.text_panel import Lines
from labtui.text.spans import Span

FRAME = 3
"""Lines around the rows: a border, and their head."""

LEAST = 3
"""Rows for which there is always room."""

PANES = ("", "-only-findings", "-only-rows")
"""What the maximise key goes through, as classes of the screen."""


class CompareScreen(JudgedRows, Filtering):
    """State besides the answer: sort, filter, unfolded rows."""

    KIND = "compare"
    AUTO_FOCUS = "#rows"
    BINDINGS: ClassVar[list[BindingType]] = bindings("compare")

    def __init__(
        self, look: Look, names: Sequence[str] = (), letters: Mapping[str, str] | None = None, *, match: str = ""
    ) -> None:
        """`match` names a row whose matched baseline is wanted as soon as there is an answer."""
        super().__init__(asking.Asked(tuple(names)))
        self.look, self._match = look, match
        self._letters = letters or {}
        self._choice = comparing.Choice()

    def body(self) -> ComposeResult:
        """The rows, and below them what was found about the one under the cursor."""
        yield LiveTable(comparing.COLUMNS, id="rows")
        yield Lines(id="findings")
        yield self.filter_field()

    # --- What is shown ------------------------------------------------------------------------------------------------

    def show_answer(self) -> None:
        """Title, rows, findings."""
        table, choice = self.table, self._choice
        against = f"against {self.asked.baseline}" if self.asked.baseline else "against declared baselines"
        standing = (
            Span("could not be judged", "bad") if self.fault else Span(against if table else "judging …", "muted")
        )
        self.entitle(self.asked.metric, (standing,))
        if table is None:
            return
        letters = {row.key: self._letters[row.title] for row in table.rows if row.title in self._letters}
        self.rows.empty = ("Nothing matches the filter." if choice.filter else "Nothing has finished yet.",)
        lines = comparing.rows(table, choice, letters, glyphs_of(self))
        self.rows.show(lines, sorted_by=choice.sort, columns=comparing.filled(lines))
        self.rows.styles.max_height = max(LEAST, len(lines)) + FRAME
        entitle(self.rows, *comparing.captions(table, choice, brief=self.has_class("-narrow")))
        self._show_row()
        if self._match and (row := table.row(self._match)):
            self._match = ""
            self.rows.select(f"row:{row.key}")
            self.action_matched()

    def _show_row(self) -> None:
        table, found, glyphs = self.table, self.pair, glyphs_of(self)
        panel = self.query_one(Lines)
        if table is None or found is None:
            panel.show(lambda _: ())
            return
        panel.show(lambda room: pairing.panel_lines(table, found, room, glyphs), top=True)
        entitle(panel, "what was found")

    @on(LiveTable.Moved)
    def _moved(self) -> None:
        self._show_row()

    @on(LiveTable.HeaderClicked)
    def _sort_by(self, event: LiveTable.HeaderClicked) -> None:
        same = event.key == self._choice.sort
        self._look(sort=event.key or "", reverse=same and not self._choice.reverse)

    def _look(self, **changes: object) -> None:
        self._choice = replace(self._choice, **changes)  # type: ignore[arg-type]  # the callers name fields
        self.show_answer()

    @property
    def filtered_pane(self) -> LiveTable:
        """The rows."""
        return self.rows

    def filter_by(self, words: str) -> None:
        """Show the rows that pass."""
        self._look(filter=words)

    # --- Keys ---------------------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        """The run of a seed; the seeds of a row."""
        if self.run_here is not None:
            super().action_open()
        elif self.row is not None:
            self.action_fold(folded=self.row.key in self._choice.unfolded)

    def action_fold(self, folded: bool) -> None:
        """Hide or show the seeds of the row."""
        if self.row is not None:
            key, shown = self.row.key, self._choice.unfolded
            self._look(unfolded=shown - {key} if folded else shown | {key})
            if folded:
                self.rows.select(f"row:{key}")

    def action_sort(self) -> None:
        """By the next column."""
        order = comparing.SORTS
        sort = order[(order.index(self._choice.sort) + 1) % len(order)]
        self._look(sort=sort, reverse=False)
        self.say(f"sorted by {sort}" if sort else "in the catalog's order")

    def action_reverse(self) -> None:
        """The other way round."""
        self._look(reverse=not self._choice.reverse)

    def action_baseline(self) -> None:
        """Compare with this row; again for the declared baselines."""
        if self.row is not None:
            same = self.asked.baseline == self.row.name
            self.ask(baseline=None if same else self.row.name)
            self.say("compared with the declared baselines" if same else f"compared with {self.row.title}")

    def action_metric(self) -> None:
        """By the next metric."""
        known = asking.metrics(self.snapshot.runs)
        here = known.index(self.asked.metric) if self.asked.metric in known else -1
        self.ask(metric=known[(here + 1) % len(known)])

    def action_everything(self) -> None:
        """Everything that has run, whatever is marked."""
        self.ask(names=())

    def action_maximise(self) -> None:
        """The findings alone, the rows alone, both."""
        here = next((name for name in PANES[1:] if self.has_class(name)), "")
        wanted = PANES[(PANES.index(here) + 1) % len(PANES)]
        self.remove_class(*PANES[1:])
        if wanted:
            self.add_class(wanted)
        (self.query_one(Lines) if wanted == "-only-findings" else self.rows).focus()

    def step_out(self) -> bool:
        """The filter; a maximised pane."""
        if self.leave_filter():
            return True
        alone = any(self.has_class(name) for name in PANES[1:])
        self.remove_class(*PANES[1:])
        return alone

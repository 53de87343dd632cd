"""One run on the whole screen."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from labtui.console.charts.options import ChartedRun, ChartOptions, known_axes
from labtui.console.commands import bindings
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.experiments.entry import EntryKey, EntryKind, ListEntry
from labtui.console.notifications import run_label
from labtui.console.run.panes import TABS, RunPanes
from labtui.console.selection import Selection
from labtui.console.ui.filter_bar import FilterBar
from labtui.console.ui.log_view import LogView
from labtui.console.ui.page import Page
from labtui.console.ui.strips import glyphs_of
from labtui.console.ui.tabs import tabs


class RunScreen(Page):
    """`order` returns the ids that `[` and `]` go through."""

    KIND = "run"
    AUTO_FOCUS = "#about"
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")

    def __init__(self, run_id: str, chart_options: ChartOptions, order: Callable[[], Sequence[str]]) -> None:
        super().__init__()
        self.run_id = run_id
        self.chart_options = chart_options
        self._order = order

    def body(self) -> ComposeResult:
        """The panes in tabs, and the filter of the log."""
        yield RunPanes()
        yield FilterBar("#log", placeholder="words, /regex/, -without  Enter keeps, Esc clears")

    @property
    def panes(self) -> RunPanes:
        """The panes."""
        return self.query_one(RunPanes)

    @property
    def selection(self) -> Selection:
        """The run; nothing once its folder is gone."""
        run, order = self.app.snapshot.run(self.run_id), tuple(self._order())
        if run is None:
            return Selection(order=order)
        variants = self.app.lab.catalog.variants if run.spec else ()
        variant = next((variant for variant in variants if variant.spec.name == run.name), None)
        title = run_label(run) if run.seed is not None else run.display_title
        entry = ListEntry(EntryKey(EntryKind.RUN, run.id), run.display_title, variant=variant, runs=(run,))
        return Selection((entry,), run, (ChartedRun(title, "", (run,)),), order)

    def update(self, snapshot: Snapshot) -> None:
        """Show the run as it is now."""
        self.app.set_interest(Interest(charted=(self.run_id,), log=self.run_id))
        self.panes.show(self.selection, snapshot, self.chart_options)
        self._show_titles()

    @on(RunPanes.TabChanged)
    def _show_titles(self) -> None:
        charted = self.selection.charted
        title = charted[0].name if charted else self.run_id
        width = max(12, self.size.width - len(title) - (10 if self.has_class("-narrow") else 20))
        self.show_title(title, tabs(TABS, self.panes.index, width, glyphs_of(self), numbered=True))
        self.panes.show_log_title(self.query_one(FilterBar).value)

    # --- Keys ---------------------------------------------------------------------------------------------------------

    def action_sibling(self, by: int) -> None:
        """Show the same tab of the next or previous run."""
        order = tuple(self._order()) or tuple(run.id for run in self.app.snapshot.runs)
        here = order.index(self.run_id) if self.run_id in order else 0
        self.run_id = order[(here + by) % len(order)]
        self.redraw()

    def action_chart_option(self, option: str) -> None:
        """Change one of the charts' options."""
        self.chart_options, text = self.chart_options.changed(option, known_axes(self.selection.charted))
        self.app.say(text)
        self.redraw()

    def action_copy(self) -> None:
        """Copy the command that repeats the run."""
        self.app.actions.copy_command()

    def action_diff(self) -> None:
        """Show how the run's spec differs from its baseline's."""
        self.app.actions.show_diff()

    def action_filter(self) -> None:
        """Filter the log, on its own tab."""
        bar = self.query_one(FilterBar)
        bar.open()  # first: while the user types, it skips the action
        self.panes.action_side(TABS.index("log"))
        self.set_focus(bar)

    @on(FilterBar.Changed)
    def _on_filter_changed(self, event: FilterBar.Changed) -> None:
        self.query_one(LogView).filter(event.value)
        self.panes.show_log_title(event.value)

    def step_back(self) -> bool:
        """Clear the filter; show the overview."""
        if self.query_one(FilterBar).clear_and_close():
            return True
        elsewhere = self.panes.index != 0
        if elsewhere:
            self.panes.action_side(0)
        return elsewhere

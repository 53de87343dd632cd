"""The main screen: experiments and runs, their charts, a log, the machine."""

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen

from labtui.console.charts.grid import ChartGrid
from labtui.console.charts.options import ChartOptions, known_axes, with_known_axis
from labtui.console.commands import bindings, footer
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.experiments.details import details
from labtui.console.experiments.entries import is_foreign_folder
from labtui.console.experiments.list import ExperimentList
from labtui.console.experiments.rows import counts
from labtui.console.selection import Selection
from labtui.console.ui.filter_bar import FilterBar
from labtui.console.ui.gauges import brief, machine_lines
from labtui.console.ui.log_view import LogView
from labtui.console.ui.status_line import StatusLine, TitleBar
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.table import LiveTable
from labtui.console.ui.text_panel import TextBlock
from labtui.text.spans import Span

if TYPE_CHECKING:
    from labtui.console.app import LabtuiApp

PANES = ("list", "charts", "log")

FIRST_STEPS = ("No experiments and no runs yet.", "", "`labtui init` writes a catalog to start with.")
NO_MATCH = ("Nothing matches the filter.", "Esc clears it.")

NARROW_TITLE = 110
"""Columns under which the title shows the counts of runs without words."""


class MainScreen(Screen[None]):
    """Shows the app's snapshot. Charts, details and log follow the cursor and the marks of the list."""

    app: "LabtuiApp"
    BINDINGS: ClassVar[list[BindingType]] = bindings("main")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (150, "-wide")]  # noqa: RUF012 - Textual's type
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (14, "-short"), (34, "-tall"), (44, "-high")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = Snapshot()
        self.chart_options = ChartOptions()

    def compose(self) -> ComposeResult:
        """Title, list with details, charts, log with machine, filter, status line."""
        yield TitleBar(id="title")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                lab = self.app.lab
                first_look = lab.catalog.builtin and lab.store.begins_foreign()
                yield ExperimentList(lab.catalog, self.app.metrics, foreign=first_look, id="list")
                yield TextBlock(id="details")
            yield ChartGrid(id="charts")
        with Horizontal(id="bottom"):
            yield LogView(id="log")
            yield TextBlock(id="machine")
        yield FilterBar("#list LiveTable", placeholder="words, /regex/, -without, running …  Enter keeps, Esc clears")
        yield StatusLine(footer("main"), id="status")

    def on_mount(self) -> None:
        """Show the catalog at once; runs come with the first snapshot."""
        saved = self.app.saved_state
        self.chart_options = ChartOptions(axis=saved.x_axis, smoothing=saved.smoothing)
        self.list.restore(saved.list_options, saved.list_marks)
        self.query_one(FilterBar).value = saved.list_options.filter
        self._show_hint()
        entitle(self.query_one("#machine"), "machine")
        self._show_title()
        self.list.table.focus()
        self.watch(self.app, "snapshot", self._on_snapshot, init=False)

    @property
    def list(self) -> ExperimentList:
        """The list."""
        return self.query_one(ExperimentList)

    @property
    def selection(self) -> Selection:
        """What is marked in the list, else what its cursor is on."""
        return self.list.selection

    # --- What is shown ------------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was in front."""
        self._follow()

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        before, self.snapshot = self.snapshot, snapshot
        self.query_one(LogView).show(snapshot.log)
        self._show_machine()
        self._show_log_title()
        if not snapshot.has_same_runs(before):
            self.list.show(snapshot)
            self._show_title()
            self._follow()

    def _follow(self) -> None:
        """Show details, charts and log of what is selected; behind another screen, do nothing."""
        if self.app.front_screen is not self:
            return
        snapshot, selection, entry = self.snapshot, self.selection, self.list.current
        runs = [run for charted in selection.charted for run in charted.runs]
        shown = dict.fromkeys(run.id for run in (*runs, *((selection.run,) if selection.run else ())))
        log = selection.run.id if selection.run else None
        self.app.set_interest(Interest(tuple(shown), self.list.visible_runs, log))
        grid = self.query_one(ChartGrid)
        grid.pending = snapshot.pending > 0
        grid.show(selection.charted, snapshot.curves, with_known_axis(self.chart_options, selection.charted))
        curves, glyphs = snapshot.curves_of(log) if log else {}, glyphs_of(self)
        panel = self.query_one("#details", TextBlock)
        panel.show(lambda width: details(entry, curves, width, glyphs, snapshot.when, self.app.metrics))
        self._show_log_title()

    def _show_log_title(self) -> None:
        log, entry = self.query_one(LogView), self.list.current
        title = f"log  {entry.run.display_title}" if entry and entry.run else "log"
        entitle(log, title, "" if log.following else "G follows again")

    def _show_title(self) -> None:
        lab, glyphs, words = self.app.lab, glyphs_of(self), self.list.options.filter
        catalog = "the built-in catalog" if lab.catalog.builtin else lab.catalog.path.name
        if lab.catalog.builtin and is_foreign_folder(self.snapshot.runs):
            catalog = "runs of other tools"
        folders = "  ".join(f"{name}/" for name in (lab.store.root.name, *lab.store.more))
        where = f" {catalog}  {glyphs.collapsed}  {folders}"
        left = (Span(" labtui", "title"), Span(where, "muted"), Span(f"  / {words}" if words else "", "warn"))
        paused = (Span("queue paused   ", "warn"),) if self.snapshot.queue_paused else ()
        right = counts(self.snapshot.runs, glyphs, brief=self.size.width < NARROW_TITLE)
        self.query_one(TitleBar).show(left, (*paused, *right, Span(" ")))

    def _show_machine(self) -> None:
        """Show the load of the machine in its panel, or on the status line if the panel is hidden."""
        now, panel, glyphs = self.snapshot.machine, self.query_one("#machine", TextBlock), glyphs_of(self)
        load = (now.cpu, now.memory_used, now.memory_total, now.devices)
        panel.show(lambda width: machine_lines(*load, width, glyphs))
        self.query_one(StatusLine).note(() if panel.display else brief(*load))

    def _show_hint(self) -> None:
        """Set what an empty list shows."""
        self.list.table.empty = NO_MATCH if self.list.options.filter else FIRST_STEPS

    # --- What changes -------------------------------------------------------------------------------------------------

    @on(LiveTable.Moved)
    def _on_cursor_moved(self) -> None:
        self._follow()

    @on(ExperimentList.Changed)
    def _on_list_changed(self) -> None:
        self._show_hint()
        self._show_title()
        self._follow()
        self._save_state()

    @on(FilterBar.Changed)
    def _on_filter_changed(self, event: FilterBar.Changed) -> None:
        self.list.filter(event.value)

    def _save_state(self) -> None:
        options = self.list.options
        self.app.save_state(
            filter=options.filter,
            sort=options.sort,
            baseline=str(options.baseline) if options.baseline else None,
            unfolded=tuple(map(str, options.unfolded)),
            marks=self.list.marks.as_dict(),
            axis=str(self.chart_options.axis),
            smoothing=self.chart_options.smoothing,
        )

    # --- Keys ---------------------------------------------------------------------------------------------------------

    @on(LiveTable.Opened)
    def action_open(self) -> None:
        """Open the run under the cursor."""
        self.app.actions.open_run()

    def action_copy(self) -> None:
        """Copy the command that runs or repeats the selection."""
        self.app.actions.copy_command()

    def action_diff(self) -> None:
        """Show how the specs of the selection differ."""
        self.app.actions.show_diff()

    def action_matched(self) -> None:
        """Open the matched baseline of the selection."""
        self.app.actions.open_matched()

    def action_sibling(self, by: int) -> None:
        """Move to the next or previous entry, whichever pane has the focus."""
        self.list.table.action_move(by)

    def action_chart_option(self, option: str) -> None:
        """Change one of the charts' options."""
        self.chart_options, text = self.chart_options.changed(option, known_axes(self.selection.charted))
        self.app.say(text)
        self._follow()
        self._save_state()

    def action_metric(self, by: int = 1) -> None:
        """Show the next or previous charts."""
        self.app.say(self.query_one(ChartGrid).turn_page(by))

    def action_filter(self) -> None:
        """Open the filter."""
        self.query_one(FilterBar).open()

    def action_back(self) -> None:
        """Go back one step: a maximised pane, the filter, another pane than the list."""
        bar = self.query_one(FilterBar)
        if self.maximised and not bar.is_open:
            self.remove_class(f"-only-{self.maximised}")
        elif not bar.clear_and_close():
            self.list.table.focus()

    @property
    def maximised(self) -> str:
        """The pane that is shown alone; empty if none is."""
        return next((pane for pane in PANES if self.has_class(f"-only-{pane}")), "")

    def action_maximise(self) -> None:
        """Give the focused pane the whole screen, and back."""
        if self.maximised:
            self.remove_class(f"-only-{self.maximised}")
        else:
            self.add_class(f"-only-{self.focused.id if self.focused and self.focused.id in PANES else 'list'}")

    def action_log(self) -> None:
        """Go to the log; from the log, maximise it."""
        log = self.query_one(LogView)
        if self.focused is log:
            self.action_maximise()
        else:
            log.focus()

"""The main screen: experiments and runs, their charts, a log, the machine."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from labtui.console.bindings import bindings
from labtui.console.charts.grid import ChartGrid
from labtui.console.charts.option_keys import Looking
from labtui.console.charts.options import Look, fitting
from labtui.console.commands import footer
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.experiments.details import facts
from labtui.console.experiments.list import ExperimentList
from labtui.console.experiments.pointing import Pointing
from labtui.console.experiments.rows import counts
from labtui.console.ui.filter_bar import Filtering
from labtui.console.ui.gauges import brief, machine_lines
from labtui.console.ui.log_view import LogView
from labtui.console.ui.status_line import StatusLine, TitleBar
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.table import LiveTable
from labtui.console.ui.text_panel import TextBlock
from labtui.text.spans import Span

PANES = ("list", "charts", "log")

BRIEF = 110
"""Columns under which the title counts runs without words."""


class MainScreen(Looking, Pointing, Filtering):
    """State: the snapshot, the look; the list holds its own. Everything below is told what to show."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("main")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (150, "-wide")]  # noqa: RUF012 - Textual's type
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (14, "-short"), (34, "-tall"), (44, "-high")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = Snapshot()

    def compose(self) -> ComposeResult:
        """Title, list with facts, charts, log with machine, status."""
        yield TitleBar(id="title")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield ExperimentList(self.app.lab.catalog, id="list")
                yield TextBlock(id="facts")
            yield ChartGrid(id="charts")
        with Horizontal(id="bottom"):
            yield LogView(id="log")
            yield TextBlock(id="machine")
        yield self.filter_field("words, /regex/, -without, running …  Enter keeps, Esc clears")
        yield StatusLine(footer("main"), id="status")

    def on_mount(self) -> None:
        """Show the catalog at once; runs fill in with the first snapshot."""
        remembered = self.app.remembered
        self.look = Look(axis=remembered.x_axis, smoothing=remembered.smoothing)
        self.list.restore(remembered.choice, remembered.marked)
        self.fill_filter(remembered.choice.filter)
        self.list.empty = self._welcome()
        entitle(self.query_one("#machine"), "machine")
        self._show_title()
        self.list.focus()
        self.watch(self.app, "snapshot", self._update, init=False)

    # --- Parts --------------------------------------------------------------------------------------------------------

    @property
    def charts(self) -> ChartGrid:
        """The charts."""
        return self.query_one(ChartGrid)

    @property
    def log_tail(self) -> LogView:
        """The log."""
        return self.query_one(LogView)

    @property
    def status(self) -> StatusLine:
        """The last line."""
        return self.query_one(StatusLine)

    def say(self, text: str, *, ink: str = "") -> None:
        """Say it on the status line."""
        self.status.say(text, ink=ink)

    def on_screen_resume(self) -> None:
        """Back from another screen."""
        self._follow()

    # --- Showing ------------------------------------------------------------------------------------------------------

    def _update(self, snapshot: Snapshot) -> None:
        """A poll came in."""
        before, self.snapshot = self.snapshot, snapshot
        self.log_tail.show(snapshot.log)
        self._show_machine()
        self._entitle_log()
        if not snapshot.has_same_runs(before):
            self.list.look(snapshot)
            self._show_title()
            self._follow()

    def _follow(self) -> None:
        """Facts, charts and wishes follow the cursor and the marks; under another screen, nothing does."""
        if not self.app.faces(self):
            return
        entry = self.list.current
        run = entry.run if entry else None
        subjects = self.charted
        charted = {run.id: None for subject in subjects for run in subject.runs} | ({run.id: None} if run else {})
        self.app.wish(Interest(tuple(charted), self.list.runs_in_sight, run.id if run else None))
        self.charts.pending = self.snapshot.pending > 0
        self.charts.show(subjects, self.snapshot.curves, fitting(self.look, subjects))
        curves, glyphs, now = self.snapshot.curves_of(run.id) if run else {}, glyphs_of(self), self.snapshot.when
        self.query_one("#facts", TextBlock).show(lambda width: facts(entry, curves, width, glyphs, now))
        self._entitle_log()

    def _entitle_log(self) -> None:
        run = self.run_here
        note = "" if self.log_tail.following else "G follows again"
        entitle(self.log_tail, f"log  {run.display_title}" if run else "log", note)

    def _show_title(self) -> None:
        lab, glyphs = self.app.lab, glyphs_of(self)
        where = "the built-in catalog" if lab.catalog.builtin else lab.catalog.path.name
        place = f" {where}  {glyphs.collapsed}  {lab.store.root.name}/"
        filtered = f"  / {self.list.choice.filter}" if self.list.choice.filter else ""
        left = (Span(" labtui", "title"), Span(place, "muted"), Span(filtered, "warn"))
        right = counts(self.snapshot.runs, glyphs, brief=self.size.width < BRIEF)
        self.query_one(TitleBar).show(left, (*right, Span(" ")))

    def _show_machine(self) -> None:
        """The load of the machine: in its panel, or on the status line where there is no room for the panel."""
        now, panel, glyphs = self.snapshot.machine, self.query_one("#machine", TextBlock), glyphs_of(self)
        load = (now.cpu, now.memory_used, now.memory_total, now.devices)
        panel.show(lambda width: machine_lines(*load, width, glyphs))
        self.status.note(() if panel.display else brief(*load))

    def _welcome(self) -> tuple[str, ...]:
        if self.list.choice.filter:
            return ("Nothing matches the filter.", "Esc clears it.")
        return ("No experiments and no runs yet.", "", "`labtui init` writes a catalog to begin with.")

    def looked(self, said: str) -> None:
        """The look changed: draw, remember, say so."""
        self.status.say(said)
        self._follow()
        self._remember()

    def _remember(self) -> None:
        choice = self.list.choice
        self.app.remember(
            filter=choice.filter,
            sort=choice.sort,
            baseline=choice.baseline,
            unfolded=tuple(choice.unfolded),
            marks=self.list.marks.as_dict(),
            axis=str(self.look.axis),
            smoothing=self.look.smoothing,
        )

    # --- What the list says -------------------------------------------------------------------------------------------

    @on(LiveTable.Moved)
    def _cursor_moved(self) -> None:
        self._follow()

    @on(ExperimentList.Changed)
    def _list_changed(self) -> None:
        self.list.empty = self._welcome()
        self._show_title()
        self._follow()
        self._remember()

    @property
    def filtered_pane(self) -> ExperimentList:
        """The list."""
        return self.list

    def filter_by(self, words: str) -> None:
        """Show the entries that pass."""
        self.list.filter(words)

    # --- Keys ---------------------------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """One layer out: the filter's field, a maximised pane, the filter, another pane than the list."""
        if self.maximised and not self.has_class("-filtering"):
            self.remove_class(f"-only-{self.maximised}")
        elif not self.leave_filter():
            self.list.focus()

    @property
    def maximised(self) -> str:
        """The pane that has the whole screen; empty where none has."""
        return next((pane for pane in PANES if self.has_class(f"-only-{pane}")), "")

    def action_maximise(self) -> None:
        """Give the pane that has the focus the whole screen, or take it back."""
        if self.maximised:
            self.remove_class(f"-only-{self.maximised}")
        else:
            self.add_class(f"-only-{self.focused.id if self.focused and self.focused.id in PANES else 'list'}")

    def action_log(self) -> None:
        """Go to the log; from the log, give it the whole screen."""
        if self.focused is self.log_tail:
            self.action_maximise()
        else:
            self.add_class("-with-log")
            self.log_tail.focus()

    def action_metric(self) -> None:
        """The next charts."""
        self.charts.turn()

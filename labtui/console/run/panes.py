"""The panes of one run in tabs: overview, curves, test images, spec, log."""

from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget

from labtui.console.charts.grid import ChartGrid
from labtui.console.charts.options import ChartOptions, with_known_axis
from labtui.console.commands import bindings
from labtui.console.data.snapshot import Snapshot
from labtui.console.messages import ActionFailed, PredictionsRead, run_in_background
from labtui.console.run.confusion import confusion_lines
from labtui.console.run.overview import overview, recipe_lines
from labtui.console.run.predictions import RunPredictions, read_test_predictions
from labtui.console.selection import Selection
from labtui.console.ui.glyphs import Glyphs
from labtui.console.ui.log_view import LogView
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.text_panel import TextPanel
from labtui.text.spans import Line, Span

if TYPE_CHECKING:
    from labtui.console.app import LabtuiApp
    from labtui.store.run import Run
    from labtui.store.state import State

FOCUS = {"overview": "#about", "curves": "#charts", "test": "#detail", "spec": "#detail", "log": "#log"}
TABS = tuple(FOCUS)
"""The tabs, in the order of their digits; `FOCUS` selects the pane of each that gets the focus."""

_GONE = ((Span("the folder of this run no longer exists", "warn"),),)


class RunPanes(Widget):
    """Has the class of its tab, by which the style sheet shows the panes. Reads predictions when they are looked at."""

    DEFAULT_CSS = """
    RunPanes { layout: vertical; height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("tabs")

    class TabChanged(Message):
        """Another tab is shown."""

    def __init__(self) -> None:
        super().__init__(classes="-overview")
        self.index = 0
        self._selection = Selection()
        self._snapshot = Snapshot()
        self._options = ChartOptions()
        self._predictions: RunPredictions | None = None
        self._read: tuple[str, State] | None = None
        """Run and state for which predictions were read last."""

    def compose(self) -> ComposeResult:
        """All panes."""
        with Horizontal(id="sides"):
            yield TextPanel(id="about")
            yield ChartGrid(id="charts")
            yield TextPanel(id="detail")
        yield LogView(id="log")

    @property
    def tab(self) -> str:
        """The name of the tab."""
        return TABS[self.index]

    def show(self, selection: Selection, snapshot: Snapshot, options: ChartOptions) -> None:
        """Show the selected run as it is now."""
        self._selection, self._snapshot, self._options = selection, snapshot, options
        self._show()

    def _show(self) -> None:
        run, snapshot, glyphs, charted = self._selection.run, self._snapshot, glyphs_of(self), self._selection.charted
        about, detail = self.query_one("#about", TextPanel), self.query_one("#detail", TextPanel)
        if run is None:
            about.show(lambda _: _GONE)
            return
        if self.tab in ("overview", "curves"):
            grid = self.query_one(ChartGrid)
            grid.pending = snapshot.pending > 0
            grid.show(charted, snapshot.curves, with_known_axis(self._options, charted))
        if self.tab == "overview":
            curves, metrics = snapshot.curves_of(run.id), cast("LabtuiApp", self.app).metrics
            about.show(lambda width: overview(run, curves, width, glyphs, snapshot.when, metrics))
        elif self.tab == "spec":
            detail.show(lambda width: recipe_lines(run, width, glyphs))
        elif self.tab == "test":
            self._read_predictions(run)
            predictions = self._predictions
            detail.show(lambda width: _test_lines(predictions, width, glyphs))
        self.query_one(LogView).show(snapshot.log)
        self.show_log_title()

    def show_log_title(self, words: str = "") -> None:
        """Show the filter of the log in its title."""
        log = self.query_one(LogView)
        entitle(log, f"log  / {words}" if words else "log", "" if log.following else "G follows again")

    def _read_predictions(self, run: "Run") -> None:
        """Read them in a thread: once for every state that the run is in, until they are there."""
        known = self._predictions
        if known is not None and known.run_id != run.id:
            known = self._predictions = None
        if (known is None or known.matrix is None) and self._read != (run.id, run.state):
            self._read = (run.id, run.state)
            run_in_background(
                self, lambda: PredictionsRead(read_test_predictions(run)), group="predictions", exclusive=True
            )

    def on_predictions_read(self, message: PredictionsRead) -> None:
        """Show them if they are of this run."""
        if self._selection.run is not None and message.predictions.run_id == self._selection.run.id:
            self._predictions = message.predictions
            self._show()

    def on_action_failed(self, message: ActionFailed) -> None:
        """Show why there are no predictions."""
        if self._selection.run is not None:
            self._predictions = RunPredictions(self._selection.run.id, message.text)
            self._show()

    # --- Keys ---------------------------------------------------------------------------------------------------------

    def action_side(self, index: int) -> None:
        """Show another tab."""
        self.remove_class(f"-{self.tab}")
        self.index = index % len(TABS)
        self.add_class(f"-{self.tab}")
        self.screen.set_focus(self.query_one(FOCUS[self.tab]))
        self._show()
        if self.tab in ("test", "spec"):
            self.query_one("#detail", TextPanel).action_edge(0)
        self.post_message(self.TabChanged())

    def action_turn(self, by: int) -> None:
        """Show the next or previous tab."""
        self.action_side(self.index + by)

    def action_log(self) -> None:
        """Show the log, and from it the overview."""
        self.action_side(0 if self.tab == "log" else TABS.index("log"))

    def action_maximise(self) -> None:
        """Show the curves alone, and from them the overview."""
        self.action_side(0 if self.tab == "curves" else TABS.index("curves"))

    def action_metric(self, by: int = 1) -> None:
        """Show the next or previous charts."""
        cast("LabtuiApp", self.app).say(self.query_one(ChartGrid).turn_page(by))


def _test_lines(predictions: RunPredictions | None, width: int, glyphs: Glyphs) -> list[Line]:
    return confusion_lines(predictions, width, glyphs) if predictions else [(Span("reading …", "muted"),)]

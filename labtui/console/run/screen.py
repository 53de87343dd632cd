"""One run: how it stands, its curves, its test images, its spec, its log."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from labtui.console.bindings import bindings
from labtui.console.charts.grid import ChartGrid
from labtui.console.charts.option_keys import Looking
from labtui.console.charts.options import Look, Subject, fitting
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.experiments.entry import Entry
from labtui.console.launch.request import Wish, wish_of_run
from labtui.console.run import overview as account
from labtui.console.run.confusion import confusion_lines
from labtui.console.run.predicting import Predicting
from labtui.console.ui.filter_bar import Filtering
from labtui.console.ui.log_view import LogView
from labtui.console.ui.opening_keys import Opening
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.tabs import tabs
from labtui.console.ui.text_panel import Lines
from labtui.text.spans import Line, Span

if TYPE_CHECKING:
    from labtui.store.run import Run

SIDES = ("overview", "curves", "test", "spec", "log")
"""The sides of a run, in the order of their digits; the screen has the class of the one it shows."""

TWO_COLUMNS = 120
"""Cells from which the network stands beside the spec."""

_TITLES = ("overview", "curves", "test", "spec", "log")
_FIRST = {"overview": "#about", "curves": "#charts", "test": "#detail", "spec": "#detail", "log": "#log"}
_GONE = ((Span("this run's folder is gone", "warn"),),)


class RunScreen(Looking, Predicting, Filtering, Opening):
    """State: the run's id, the side that is shown, the look. `order` gives the ids that `[` and `]` go through."""

    KIND = "run"
    AUTO_FOCUS = "#about"
    BINDINGS: ClassVar[list[BindingType]] = bindings("run")

    def __init__(self, run_id: str, look: Look, order: Callable[[], Sequence[str]]) -> None:
        super().__init__(run_id)
        self.look = look
        self._order, self._side = order, 0
        self._snapshot = Snapshot()

    def body(self) -> ComposeResult:
        """All sides; the style sheet shows one."""
        with Horizontal(id="sides"):
            yield Lines(id="about")
            yield ChartGrid(id="charts")
            yield Lines(id="detail")
        yield LogView(id="log")
        yield self.filter_field("words or a regular expression  Enter keeps, Esc clears")

    def on_mount(self) -> None:
        """Begin with the overview."""
        super().on_mount()
        self.add_class("-overview")

    # --- What is shown ------------------------------------------------------------------------------------------------

    @property
    def side(self) -> str:
        """The side that is shown."""
        return SIDES[self._side]

    @property
    def wants_predictions(self) -> bool:
        """While the test images are looked at."""
        return self.side == "test"

    @property
    def run_here(self) -> "Run | None":
        """The run; None once its folder is gone."""
        return self._snapshot.run(self.run_id)

    @property
    def pointed(self) -> tuple[Entry, ...]:
        """The run as an entry of the list; its variant is the catalog's where nothing was changed by hand."""
        run = self.run_here
        if run is None:
            return ()
        variants = self.app.lab.catalog.variants
        variant = next((variant for variant in variants if variant.spec.name == run.name), None) if run.spec else None
        return (Entry(f"run:{run.id}", run.display_title, variant=variant, runs=(run,)),)

    @property
    def charted(self) -> tuple[Subject, ...]:
        """The run alone."""
        run = self.run_here
        return () if run is None else (Subject(f"{run.display_title} {_seed(run)}".strip(), "", (run,)),)

    @property
    def wished(self) -> Wish:
        """The same run again."""
        run = self.run_here
        return wish_of_run(run.spec) if run is not None and run.spec is not None else Wish()

    @property
    def run_order(self) -> Sequence[str]:
        """As the caller has it."""
        return self._order()

    def update(self, snapshot: Snapshot) -> None:
        """Show how the run stands now."""
        self._snapshot = snapshot
        self.app.wish(Interest(charted=(self.run_id,), log=self.run_id))
        self.show_run()
        self.read_predictions()

    def show_run(self) -> None:
        """Everything that the side in sight shows."""
        run, snapshot, glyphs = self.run_here, self._snapshot, glyphs_of(self)
        self._show_title(run)
        curves = snapshot.curves_of(self.run_id)
        if run is None:
            self.query_one("#about", Lines).show(lambda _: _GONE)
            return
        if self.side in ("overview", "curves"):
            grid = self.query_one(ChartGrid)
            grid.pending = snapshot.pending > 0
            grid.show(self.charted, snapshot.curves, fitting(self.look, self.charted))
        if self.side == "overview":
            write = lambda room: account.overview(run, curves, room, glyphs, snapshot.when)  # noqa: E731 - a closure
            self.query_one("#about", Lines).show(write)
        elif self.side in ("test", "spec"):
            self._show_detail(run)
        self._show_log()

    def _show_detail(self, run: "Run") -> None:
        glyphs, found = glyphs_of(self), self.predicted

        def write(room: int) -> list[Line]:
            if self.side == "test":
                return confusion_lines(found, room, glyphs) if found else [(Span("reading …", "muted"),)]
            wide = room >= TWO_COLUMNS
            left = room // 2 - 2 if wide else room
            spec = account.spec_lines(run, left, glyphs)
            model = account.model_lines(run.result.model if run.result else None, left, glyphs)
            return account.beside(spec, model, room) if wide else [*spec, (), *model]

        self.query_one("#detail", Lines).show(write)

    def _show_title(self, run: "Run | None") -> None:
        glyphs = glyphs_of(self)
        name = f"{run.display_title} {_seed(run)}".strip() if run else self.run_id
        room = max(12, self.size.width - len(name) - (10 if self.has_class("-narrow") else 20))
        self.entitle(name, tabs(_TITLES, self._side, room, glyphs, numbered=True))

    def _show_log(self) -> None:
        log = self.query_one(LogView)
        log.show(self._snapshot.log)
        words = self.filter_words
        filtered = f"log  / {words}" if words else "log"
        entitle(log, filtered, "" if log.following else "G follows again")

    # --- Keys ---------------------------------------------------------------------------------------------------------

    def looked(self, said: str) -> None:
        """The look changed."""
        self.say(said)
        self.show_run()

    def action_side(self, index: int) -> None:
        """Another side of the run."""
        self.remove_class(f"-{self.side}")
        self._side = index % len(SIDES)
        self.add_class(f"-{self.side}")
        self.set_focus(self.query_one(_FIRST[self.side]))
        self.show_run()
        self.read_predictions()
        if self.side in ("test", "spec"):
            self.query_one("#detail", Lines).action_edge(0)

    def action_turn(self, by: int) -> None:
        """The next or previous side."""
        self.action_side(self._side + by)

    def action_sibling(self, by: int) -> None:
        """The next or previous run, looked at from the same side."""
        order = list(self._order()) or [run.id for run in self._snapshot.runs]
        here = order.index(self.run_id) if self.run_id in order else 0
        self.run_id = order[(here + by) % len(order)]
        self.forget_predictions()
        self.update(self._snapshot)

    def action_log(self) -> None:
        """The log, and from it back to the overview."""
        self.action_side(0 if self.side == "log" else SIDES.index("log"))

    def action_maximise(self) -> None:
        """The curves alone, and back."""
        self.action_side(0 if self.side == "curves" else SIDES.index("curves"))

    def action_metric(self) -> None:
        """The next charts."""
        self.query_one(ChartGrid).turn()

    @property
    def filtered_pane(self) -> LogView:
        """The log."""
        return self.query_one(LogView)

    def filter_by(self, words: str) -> None:
        """Show the lines of the log that pass."""
        self.query_one(LogView).filter(words)
        self._show_log()

    def action_filter(self) -> None:
        """Filter the log, on its own side."""
        self.action_side(SIDES.index("log"))
        super().action_filter()

    def step_out(self) -> bool:
        """The filter's field, the filter, another side than the overview."""
        if self.leave_filter():
            return True
        if self._side:
            self.action_side(0)
            return True
        return False


def _seed(run: "Run") -> str:
    return f"seed {run.seed}" if run.seed is not None else ""

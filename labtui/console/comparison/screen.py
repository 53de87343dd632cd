"""The comparison on the whole screen: asks for the rows of `labtui compare`, and again when they may change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from labtui.api import Lab
from labtui.api.comparison import compare_experiments, per_epoch_metric
from labtui.api.foreign import are_foreign, foreign_tags
from labtui.compare.equal_budget import BUDGET_UNITS
from labtui.compare.model import BudgetUnit, EqualBudget
from labtui.compare.render.export import to_markdown
from labtui.console.charts.options import ChartOptions
from labtui.console.commands import bindings
from labtui.console.comparison.export import FORMATS, format_of, write_new
from labtui.console.comparison.panes import ComparisonPanes
from labtui.console.comparison.table_rows import LineKind, RowKey
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.messages import ActionFailed, Compared, run_in_background
from labtui.console.selection import Selection
from labtui.console.ui.dialogs import Prompt
from labtui.console.ui.filter_bar import FilterBar
from labtui.console.ui.page import Page
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import DEFAULT_METRIC, TEST_LOSS
from labtui.text.spans import Span

if TYPE_CHECKING:
    from labtui.compare.model import ComparisonTable

FILE = "comparison.md"
"""The file name that the export proposes."""


@dataclass(frozen=True, slots=True)
class ComparisonQuery:
    """What is compared."""

    names: tuple[str, ...] = ()
    """Experiments, members or titles; none means everything that has run."""
    metric: str = ""
    """A tag; empty for the one that the compared experiments are judged by."""
    baseline: str | None = None
    equal_budget: BudgetUnit | None = None
    """The unit of the budget at which every run is read; None for each run's end."""


class CompareScreen(Page):
    """The query is answered in a thread; a run that ends, appears or disappears asks again."""

    KIND = "compare"
    AUTO_FOCUS = "#rows"
    BINDINGS: ClassVar[list[BindingType]] = bindings("compare")

    def __init__(
        self,
        chart_options: ChartOptions,
        names: Sequence[str] = (),
        letters: Mapping[str, str] | None = None,
        *,
        match: str = "",
    ) -> None:
        """`letters` are the marks by title; `match` names a row whose matched baseline is shown at once."""
        super().__init__()
        self.chart_options = chart_options
        self.asked = ComparisonQuery(tuple(names))
        self.table: ComparisonTable | None = None
        self._letters, self._match = letters or {}, match
        self._has_failed = False
        self._results: int | None = None
        self._turn = 0
        self._tags: tuple[str, ...] = ()

    def body(self) -> ComposeResult:
        """Rows, findings, filter."""
        yield ComparisonPanes()
        yield FilterBar("#rows", placeholder="words, /regex/, -without  Enter keeps, Esc clears")

    @property
    def panes(self) -> ComparisonPanes:
        """Rows and findings."""
        return self.query_one(ComparisonPanes)

    @property
    def selection(self) -> Selection:
        """What the cursor of the rows is on."""
        return self.panes.selection

    # --- Query and answer ---------------------------------------------------------------------------------------------

    def update(self, snapshot: Snapshot) -> None:
        """Ask again if the table may have changed."""
        self.app.set_interest(Interest())
        if (results := results_version(snapshot.runs)) != self._results:
            self._results = results
            self._ask()

    def _ask(self, **changes: Any) -> None:
        """Ask for the table, with changes to the query."""
        self.asked = replace(self.asked, **changes)
        self._turn, self._has_failed = self._turn + 1, False
        lab, query, turn = self.app.lab, self.asked, self._turn
        runs = self.app.snapshot.runs

        def ask() -> Compared:
            return Compared(answer(lab, query), turn, foreign_tags(runs) if are_foreign(runs) else ())

        run_in_background(self, ask, group="compare", exclusive=True)
        self.redraw()

    def on_compared(self, message: Compared) -> None:
        """Show the answer to the latest query."""
        if message.turn == self._turn:
            self.table, self._tags = message.table, message.tags
            self.redraw()

    def on_action_failed(self, _: ActionFailed) -> None:
        """Say in the title that there is no newer table; the one before stays."""
        self._has_failed = True
        self.redraw()

    def redraw(self) -> None:
        """Show title and panes."""
        against = f"against {self.asked.baseline}" if self.asked.baseline else self._declared
        status = Span(against if self.table else "comparing …", "muted")
        metric = self.table.metric.tag if self.table else self.asked.metric
        self.show_title(metric, (Span("the comparison failed", "bad") if self._has_failed else status,))
        if self.table is None:
            return
        self.panes.show(self.table, self._letters, self.app.snapshot)
        if self._match and (row := self.table.row(self._match)):
            self._match = ""
            self.panes.rows.select(RowKey(LineKind.ROW, row.key))
            self.panes.action_matched()

    @property
    def _declared(self) -> str:
        """What rows are compared with where no baseline was chosen: runs of other tools declare none."""
        if are_foreign(self.app.snapshot.runs):
            return "without a baseline: b compares with a row"
        return "against declared baselines"

    # --- Keys ---------------------------------------------------------------------------------------------------------

    def action_sibling(self, by: int) -> None:
        """Move to the next or previous row."""
        self.panes.rows.action_move(by)

    def action_baseline(self) -> None:
        """Compare with this row; a second time, with the declared baselines."""
        if (row := self.panes.row) is not None:
            same = self.asked.baseline == row.name
            self._ask(baseline=None if same else row.name)
            self.app.say(f"compared {self._declared}" if same else f"compared with {row.title}")

    def action_metric(self) -> None:
        """Compare by the next metric."""
        known = self._tags or metrics(self.app.snapshot.runs)
        shown = self.asked.metric or (self.table.metric.tag if self.table else "")
        here = known.index(shown) if shown in known else -1
        self._ask(metric=known[(here + 1) % len(known)])

    def action_equal_budget(self) -> None:
        """Read every run at the next kind of equal budget; after the last kind, at its end."""
        kinds = (None, *BUDGET_UNITS)
        kind = kinds[(kinds.index(self.asked.equal_budget) + 1) % len(kinds)]
        self._ask(equal_budget=kind)
        self.app.say(f"compared at an equal number of {kind}" if kind else "compared at the end of each run")

    def action_everything(self) -> None:
        """Compare everything that has run."""
        self._ask(names=())

    def action_copy(self) -> None:
        """Copy the table as Markdown."""
        if self.table is not None:
            self.app.copy_to_clipboard(to_markdown(self.table))
            self.app.say(f"copied as Markdown: {len(self.table.rows)} rows")

    def action_export(self) -> None:
        """Ask for a file and write the table to it."""
        table = self.table

        def answered(name: str | None) -> None:
            if name and table is not None:
                path = Path(name).expanduser()
                self.app.actions.in_background(lambda _: write_new(path, format_of(path)(table)))

        self.app.push_screen(Prompt(f"Write the table to ({' '.join(FORMATS)}):", FILE), answered)

    def action_filter(self) -> None:
        """Open the filter."""
        self.query_one(FilterBar).open()

    @on(FilterBar.Changed)
    def _on_filter_changed(self, event: FilterBar.Changed) -> None:
        self.panes.set(filter=event.value)

    def step_back(self) -> bool:
        """Clear the filter; show both panes."""
        if self.query_one(FilterBar).clear_and_close():
            return True
        maximised = bool(self.panes.maximised)
        self.panes.restore()
        return maximised


def answer(lab: Lab, query: ComparisonQuery) -> "ComparisonTable":
    """The table of a query. Raises LabErrors."""
    budget, metric = None, query.metric
    if query.equal_budget is not None:
        budget = EqualBudget(unit=query.equal_budget)
        metric = per_epoch_metric(lab, query.names) if metric in ("", DEFAULT_METRIC) else metric
    return compare_experiments(
        lab, query.names, metric=metric or None, baseline=query.baseline, equal_budget=budget, guess=True
    )


def results_version(runs: Iterable[Run]) -> int:
    """A number that changes when an answer may change: when a run ends, appears or disappears."""
    return hash(frozenset((run.id, run.state, run.modified if run.state is State.FINISHED else 0.0) for run in runs))


def metrics(runs: Iterable[Run]) -> tuple[str, ...]:
    """The metrics that finished runs can be compared by: the final ones first, then the other recorded tags."""
    tags = {tag for run in runs if run.state is State.FINISHED and run.result for tag in run.result.last}
    first = [tag for tag in (DEFAULT_METRIC, TEST_LOSS) if tag in tags]
    return (*first, *sorted(tags - set(first))) or (DEFAULT_METRIC,)

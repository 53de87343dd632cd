"""A grid of charts of the same runs, as many as fit."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Grid

from labtui.console.charts.chart import Chart, fill
from labtui.console.charts.options import ChartedRun, ChartOptions
from labtui.console.charts.panels import Panel, panels_of

if TYPE_CHECKING:
    from labtui.store.curve import Curve

MOST_CHARTS = 4
MIN_WIDTH, MIN_HEIGHT = 38, 9
"""Cells of a chart; where these do not fit, fewer charts are shown."""

FIRST_KEYS = ("r runs it, R asks for seeds first",)
"""Shown in the first chart while nothing has run; on a narrow terminal nothing else says it."""


class ChartGrid(Grid, can_focus=True):
    """One to four charts at a time, page by page."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._page = 0
        self._input: tuple[Sequence[ChartedRun], Mapping[str, Mapping[str, Curve]], ChartOptions] = (
            (),
            {},
            ChartOptions(),
        )
        self.pending = False

    def compose(self) -> ComposeResult:
        """All charts; those that do not fit are hidden."""
        for index in range(MOST_CHARTS):
            yield Chart(id=f"chart{index}")

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel of the charted runs."""
        charted_runs, curves, _ = self._input
        return panels_of(charted_runs, curves)

    @property
    def page(self) -> tuple[Panel, ...]:
        """The panels in sight."""
        count, panels = self.capacity, self.panels
        first = (self._page * count) % max(1, -(-len(panels) // count) * count)
        return panels[first : first + count]

    @property
    def capacity(self) -> int:
        """How many charts fit."""
        across = 2 if self.size.width >= 2 * MIN_WIDTH else 1
        down = max(1, min(MOST_CHARTS // across, self.size.height // MIN_HEIGHT))
        return across * down

    def turn_page(self, by: int = 1) -> str:
        """Show the next or previous page of charts, after the last one the first. Returns which one it is."""
        pages = max(1, -(-len(self.panels) // self.capacity))
        self._page = (self._page + by) % pages
        self._draw()
        return f"charts {self._page + 1} of {pages}"

    def show(
        self, charted_runs: Sequence[ChartedRun], curves: "Mapping[str, Mapping[str, Curve]]", options: ChartOptions
    ) -> None:
        """Draw these runs."""
        self._input = (charted_runs, curves, options)
        self._draw()

    def on_resize(self) -> None:
        """Fit the number of charts to the new size."""
        self.styles.grid_size_columns = 2 if self.size.width >= 2 * MIN_WIDTH else 1
        self._draw()

    def _span(self, index: int, charts: int) -> int:
        """Columns of a chart: the last of an odd number has the room of two."""
        across = 2 if self.size.width >= 2 * MIN_WIDTH else 1
        return across if charts % 2 and index == charts - 1 else 1

    def _draw(self) -> None:
        if not self.display or not self.size:
            return
        page, (charted_runs, curves, options) = self.page, self._input
        for index, chart in enumerate(self.query(Chart)):
            chart.display = index < max(1, len(page))
            chart.styles.column_span = self._span(index, len(page))
            if index < len(page):
                hint = () if index else FIRST_KEYS
                fill(chart, page[index], charted_runs, curves, options, pending=self.pending, hint=hint)

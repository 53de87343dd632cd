"""As many charts as there is room for, of the same subjects and looked at in the same way."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Grid

from labtui.console.charts.chart import Chart, fill
from labtui.console.charts.options import Look, Subject
from labtui.console.charts.panels import Slot, slots

if TYPE_CHECKING:
    from labtui.store.curve import Curve

MOST = 4
LEAST_WIDTH, LEAST_HEIGHT = 38, 9
"""Cells below which a chart says too little: fewer are shown then."""


FIRST_KEYS = ("r runs it, R asks for seeds first",)
"""What a newcomer sees in the first chart; on a narrow terminal nothing else says it."""


class ChartGrid(Grid, can_focus=True):
    """One to four charts; further ones come page by page."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._page = 0
        self._what: tuple[Sequence[Subject], Mapping[str, Mapping[str, Curve]], Look] = ((), {}, Look())
        self.pending = False

    def compose(self) -> ComposeResult:
        """The charts; those without a place are hidden."""
        for index in range(MOST):
            yield Chart(id=f"chart{index}")

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every chart that the subjects have."""
        subjects, curves, _ = self._what
        return slots(tag for subject in subjects for run in subject.runs for tag in curves.get(run.id, ()))

    @property
    def page(self) -> tuple[Slot, ...]:
        """The charts in sight."""
        room, all_slots = self.room, self.slots
        first = (self._page * room) % max(1, -(-len(all_slots) // room) * room)
        return all_slots[first : first + room]

    @property
    def room(self) -> int:
        """How many charts fit."""
        across = 2 if self.size.width >= 2 * LEAST_WIDTH else 1
        down = max(1, min(MOST // across, self.size.height // LEAST_HEIGHT))
        return across * down

    def turn(self) -> None:
        """The next page of charts, round and round."""
        self._page = (self._page + 1) % max(1, -(-len(self.slots) // self.room))
        self._draw()

    def show(self, subjects: Sequence[Subject], curves: "Mapping[str, Mapping[str, Curve]]", look: Look) -> None:
        """Draw these subjects."""
        self._what = (subjects, curves, look)
        self._draw()

    def on_resize(self) -> None:
        """Find out how many charts fit."""
        self.styles.grid_size_columns = 2 if self.size.width >= 2 * LEAST_WIDTH else 1
        self._draw()

    def _draw(self) -> None:
        if not self.display or not self.size:
            return
        page, (subjects, curves, look) = self.page, self._what
        for index, chart in enumerate(self.query(Chart)):
            chart.display = index < max(1, len(page))
            if index < len(page):
                hint = () if index else FIRST_KEYS
                fill(chart, page[index], subjects, curves, look, pending=self.pending, hint=hint)

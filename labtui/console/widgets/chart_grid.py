"""As many charts as there is room for, of the same subjects and looked at in the same way."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Grid

from labtui.console.draw.axes import XAxis
from labtui.console.look import Look, Subject
from labtui.console.slots import Slot, slots
from labtui.console.widgets.chart import Chart
from labtui.console.widgets.paint import entitle

if TYPE_CHECKING:
    from labtui.store.curve import Curve

MOST = 4
LEAST_WIDTH, LEAST_HEIGHT = 38, 9
"""Cells below which a chart says too little: fewer are shown then."""


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
        page = self.page
        for index, chart in enumerate(self.query(Chart)):
            chart.display = index < max(1, len(page))
            if index < len(page):
                self._fill(chart, page[index])

    def _fill(self, chart: Chart, slot: Slot) -> None:
        subjects, curves, look = self._what
        entitle(chart, slot.title, _axis_note(look))
        if not any(curves.get(run.id) for subject in subjects for run in subject.runs):
            chart.say(*_reason(subjects, pending=self.pending))
            return
        from labtui.console import curves as plotting  # deferred: numpy

        lines = plotting.series(slot, subjects, curves, look)
        if lines:
            chart.show(lines, plotting.view(slot, subjects, curves, look))
        elif missing := plotting.unplaced(slot, subjects, curves, look):
            chart.say(f"{', '.join(missing)}:", f"{look.axis} is not known from this run's files", "X: another axis")
        else:
            chart.say("no points yet")
        if chart.notes:
            entitle(chart, slot.title, "; ".join(chart.notes))


def _axis_note(look: Look) -> str:
    """What is not as it always is: `step · log y · smoothed 0.6`."""
    words = [] if look.axis is XAxis.EPOCH else [f"x: {look.axis}"]
    words += ["log y"] if look.log_y else []
    words += [f"smoothed {look.smoothing:g}"] if look.smoothing else []
    words += [] if look.clip_outliers else ["with outliers"]
    return "  ".join(words)


def _reason(subjects: Sequence[Subject], *, pending: bool) -> tuple[str, ...]:
    if not subjects or not any(subject.runs for subject in subjects):
        return ("nothing has run here yet",)
    return ("reading …",) if pending else ("no points yet",)

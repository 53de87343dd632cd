"""Charts on the whole screen: one metric of several runs, with a crosshair, zoom and a read-out of every run."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType

from labtui.console.charts import viewport as window
from labtui.console.charts.chart import Chart, fill
from labtui.console.charts.crosshair import place, read_at, reading_lines
from labtui.console.charts.options import Look, Subject, apart, fitting
from labtui.console.charts.panels import Slot, slots
from labtui.console.commands import bindings
from labtui.console.comparison import export as exporting
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.ui.dialogs import Prompt
from labtui.console.ui.page import Page
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.tabs import tabs
from labtui.console.ui.text_panel import Lines

if TYPE_CHECKING:
    from labtui.console.charts.ticks import Range

CLOSER, FARTHER = 0.6, 1 / 0.6
STRIDE = 0.2
"""Share of the window by which it is moved."""


class ChartsScreen(Page):
    """State: what is charted, which metric, the look with crosshair and window. `charted` is asked at every poll, since
    runs come and go; `sibling` moves whatever the caller points at."""

    KIND = "charts"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings("charts")

    def __init__(
        self, charted: Callable[[], Sequence[Subject]], look: Look, sibling: Callable[[int], None] = lambda _: None
    ) -> None:
        super().__init__()
        self.chart_options = look
        self._charted, self._sibling = charted, sibling
        self._index, self._apart, self._front = 0, False, 0
        self._whole: Range | None = None
        self._snapshot = Snapshot()

    def body(self) -> ComposeResult:
        """The chart, and below it the read-out."""
        yield Chart(id="plot")
        yield Lines(id="reading")

    # --- What is shown ------------------------------------------------------------------------------------------------

    @property
    def chart(self) -> Chart:
        """The chart."""
        return self.query_one(Chart)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """What is charted; with seeds apart, every run by itself. The one in front comes first."""
        found = tuple(self._charted())
        found = apart(found) if self._apart else found
        front = self._front % max(1, len(found))
        return (*found[front : front + 1], *found[:front], *found[front + 1 :])

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every metric that the subjects have."""
        curves = self._snapshot.curves
        return slots(tag for subject in self.subjects for run in subject.runs for tag in curves.get(run.id, ()))

    @property
    def slot(self) -> Slot:
        """The metric."""
        return self.slots[self._index % len(self.slots)]

    def update(self, snapshot: Snapshot) -> None:
        """Draw what came in, and wish for the curves of what is charted."""
        self._snapshot = snapshot
        runs = tuple(dict.fromkeys(run.id for subject in self.subjects for run in subject.runs))
        self.app.set_interest(Interest(charted=runs))
        self._draw()

    def action_chart_option(self, option: str) -> None:
        """Change one of the charts' options."""
        self.chart_options, text = self.chart_options.changed(option)
        self.app.say(text)
        self._draw()

    def _draw(self) -> None:
        subjects, slot = self.subjects, self.slot
        self.chart_options = fitting(self.chart_options, subjects)
        fill(self.chart, slot, subjects, self._snapshot.curves, self.chart_options, pending=self._snapshot.pending > 0)
        if frame := self.chart.frame:
            self._whole = window.whole_axis(self._whole, self.chart_options, frame, self.chart.series)
        self._show_title(subjects)
        self._read()

    def _show_title(self, subjects: Sequence[Subject]) -> None:
        names = [slot.title for slot in self.slots]
        room = max(0, self.size.width - 40)
        right = tabs(names, self._index % len(names), room, glyphs_of(self))
        several = f"{len(subjects)} lines" if len(subjects) > 1 else (subjects[0].name if subjects else "nothing")
        self.show_title(several, right)

    def _read(self) -> None:
        """What the crosshair is on; without it, the last point of every line."""
        series, cursor = self.chart.series, self.chart_options.cursor
        readings = sorted(read_at(series, float("inf") if cursor is None else cursor), key=lambda one: one.label)
        number, smoothed, glyphs = self.slot.number, self.chart_options.smoothing > 0, glyphs_of(self)
        panel = self.query_one(Lines)
        panel.show(lambda room: reading_lines(readings, number, room, glyphs, smoothed=smoothed))
        panel.styles.height = min(len(readings) + 3, max(3, self.size.height // 3))
        entitle(panel, "last points" if cursor is None else f"at {place(cursor, self.chart_options.axis)}")

    # --- Crosshair and window -----------------------------------------------------------------------------------------

    def _become(self, look: Look) -> None:
        if look != self.chart_options:
            self.chart_options = look
            self._draw()

    def action_cursor(self, direction: int) -> None:
        """The crosshair to the next point."""
        if frame := self.chart.frame:
            self._become(window.cursor_moved(self.chart_options, self.chart.series, frame, direction))

    def action_cursor_edge(self, last: int) -> None:
        """The crosshair to the first or the last point."""
        if frame := self.chart.frame:
            self._become(window.cursor_to_end(self.chart_options, self.chart.series, frame, last=bool(last)))

    def action_zoom(self, closer: int) -> None:
        """Closer in x, or farther."""
        if (frame := self.chart.frame) and self._whole:
            self._become(window.x_zoomed(self.chart_options, frame, self._whole, CLOSER if closer > 0 else FARTHER))

    def action_pan(self, right: int) -> None:
        """The window along x."""
        if (frame := self.chart.frame) and self._whole:
            self._become(window.x_panned(self.chart_options, frame, self._whole, right * STRIDE))

    def action_zoom_y(self, closer: int) -> None:
        """Closer in y, or farther."""
        if frame := self.chart.frame:
            self._become(window.y_zoomed(self.chart_options, frame, CLOSER if closer > 0 else FARTHER))

    def action_pan_y(self, up: int) -> None:
        """The window along y."""
        if frame := self.chart.frame:
            self._become(window.y_panned(self.chart_options, frame, up * STRIDE))

    def action_reset(self) -> None:
        """Everything in sight, no crosshair."""
        self._become(replace(self.chart_options, x=None, y=None, cursor=None))

    @on(events.Click)
    def _click(self, event: events.Click) -> None:
        """The crosshair to the mouse."""
        frame, offset = self.chart.frame, event.get_content_offset(self.chart)
        if frame and offset:
            x = frame.x_at(offset.x - frame.left)
            self._become(window.cursor_at(self.chart_options, self.chart.series, frame, x))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Closer, about the mouse."""
        self._zoom_at(event, CLOSER)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Farther, about the mouse."""
        self._zoom_at(event, FARTHER)

    def _zoom_at(self, event: events.MouseEvent, factor: float) -> None:
        frame, offset = self.chart.frame, event.get_content_offset(self.chart)
        if frame and offset and self._whole:
            about = frame.x_at(offset.x - frame.left)
            self._become(window.x_zoomed(self.chart_options, frame, self._whole, factor, about))

    # --- Other keys ---------------------------------------------------------------------------------------------------

    def action_metric(self) -> None:
        """The next metric; the window in y was the old one's."""
        self._index = (self._index + 1) % len(self.slots)
        self.chart_options = replace(self.chart_options, y=None)
        self._draw()

    def action_seeds(self) -> None:
        """Seeds as their mean with a band, or each by itself."""
        self._apart = not self._apart
        self.app.say("every seed by itself" if self._apart else "seeds as mean and band of one standard deviation")
        self._draw()

    def action_sibling(self, by: int) -> None:
        """Of several lines, the next one in front; of one, the caller's next run."""
        if len(self.subjects) > 1:
            self._front = (self._front + by) % len(self.subjects)
        else:
            self._sibling(by)
        self.update(self._snapshot)

    def action_export(self) -> None:
        """Ask for a file and write there what is drawn."""
        self.app.push_screen(Prompt("Write these curves to (.csv):", "curves.csv"), self._export)

    def _export(self, name: str | None) -> None:
        series, axis = self.chart.series, str(self.chart_options.axis)
        if name:
            path = Path(name).expanduser()
            self.app.actions.in_background(lambda _: exporting.write_new(path, exporting.series_csv(series, axis)))

    def action_maximise(self) -> None:
        """The chart alone, and back."""
        self.toggle_class("-alone")

    def step_back(self) -> bool:
        """The crosshair and the window first."""
        if self.has_class("-alone"):
            self.remove_class("-alone")
            return True
        window_open = (self.chart_options.x, self.chart_options.y, self.chart_options.cursor) != (None, None, None)
        if window_open:
            self.action_reset()
        return window_open

"""Charts on the whole screen: one metric of several runs, with a crosshair, zoom and the values of every run."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType

from labtui.console.charts import viewport
from labtui.console.charts.chart import Chart, fill
from labtui.console.charts.crosshair import place, read_at, reading_lines
from labtui.console.charts.options import ChartedRun, ChartOptions, each_seed, known_axes, with_known_axis
from labtui.console.charts.panels import Panel, panels_of
from labtui.console.commands import bindings
from labtui.console.comparison.export import series_csv, write_new
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.experiments.filters import Searched, parse_filter
from labtui.console.ui.dialogs import Prompt
from labtui.console.ui.filter_bar import FilterBar
from labtui.console.ui.page import Page
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.tabs import tabs
from labtui.console.ui.text_panel import TextPanel
from labtui.text.clean import clean_line

if TYPE_CHECKING:
    from labtui.console.charts.ticks import Range

ZOOM_IN, ZOOM_OUT = 0.6, 1 / 0.6
PAN_SHARE = 0.2
"""Of the window's length."""


class ChartsScreen(Page):
    """State: the metric, the options with crosshair and window.

    `charted` is called at every poll, since runs come and go; `sibling` moves to another run on the screen below.
    """

    KIND = "charts"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings("charts")

    def __init__(
        self,
        charted: Callable[[], Sequence[ChartedRun]],
        options: ChartOptions,
        sibling: Callable[[int], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self.chart_options = options
        self._charted, self._sibling = charted, sibling
        self._index, self._each_seed, self._front = 0, False, 0
        self._filter = ""
        self._x_range: Range | None = None
        self._snapshot = Snapshot()

    def body(self) -> ComposeResult:
        """The chart, and below it the values at the crosshair."""
        yield Chart(id="plot")
        yield TextPanel(id="reading")
        yield FilterBar(None, placeholder="words of a tag, /regex/, -without  Enter keeps, Esc clears")

    # --- What is shown ------------------------------------------------------------------------------------------------

    @property
    def chart(self) -> Chart:
        """The chart."""
        return self.query_one(Chart)

    @property
    def charted_runs(self) -> tuple[ChartedRun, ...]:
        """What is charted, the line in front first."""
        charted = tuple(self._charted())
        charted = each_seed(charted) if self._each_seed else charted
        front = self._front % max(1, len(charted))
        return (*charted[front : front + 1], *charted[:front], *charted[front + 1 :])

    @property
    def panels(self) -> tuple[Panel, ...]:
        """The panels of all metrics of the charted runs."""
        curves = self._snapshot.curves
        every = panels_of(self.charted_runs, curves)
        matches = parse_filter(self._filter) if self._filter.strip() else None
        found = tuple(panel for panel in every if matches and matches(_searched(panel)))
        return found or every

    @property
    def panel(self) -> Panel:
        """The panel of the current metric."""
        return self.panels[self._index % len(self.panels)]

    def update(self, snapshot: Snapshot) -> None:
        """Draw the snapshot, and request the curves of the charted runs."""
        self._snapshot = snapshot
        runs = tuple(dict.fromkeys(run.id for charted in self.charted_runs for run in charted.runs))
        self.app.set_interest(Interest(charted=runs))
        self._draw()

    def action_chart_option(self, option: str) -> None:
        """Change one of the charts' options."""
        self.chart_options, text = self.chart_options.changed(option, known_axes(self.charted_runs))
        self.app.say(text)
        self._draw()

    def _draw(self) -> None:
        charted_runs, panel = self.charted_runs, self.panel
        self.chart_options = with_known_axis(self.chart_options, charted_runs)
        curves, pending = self._snapshot.curves, self._snapshot.pending > 0
        fill(self.chart, panel, charted_runs, curves, self.chart_options, pending=pending)
        if frame := self.chart.frame:
            self._x_range = viewport.whole_axis(self._x_range, self.chart_options, frame, self.chart.series)
        self._show_title(charted_runs)
        self._show_readings()

    def _show_title(self, charted_runs: Sequence[ChartedRun]) -> None:
        names = [panel.title for panel in self.panels]
        right = tabs(names, self._index % len(names), max(0, self.size.width - 40), glyphs_of(self))
        only = charted_runs[0].name if charted_runs else "nothing"
        title = f"{len(charted_runs)} lines" if len(charted_runs) > 1 else only
        self.show_title(f"{title}  / {clean_line(self._filter)}" if self._filter.strip() else title, right)

    def _show_readings(self) -> None:
        """Show the values at the crosshair; without it, the last point of every line."""
        series, cursor = self.chart.series, self.chart_options.cursor
        readings = sorted(read_at(series, cursor), key=lambda reading: reading.label)
        number, smoothed, glyphs = self.panel.number, self.chart_options.smoothing > 0, glyphs_of(self)
        panel = self.query_one(TextPanel)
        panel.show(lambda width: reading_lines(readings, number, width, glyphs, smoothed=smoothed))
        panel.styles.height = min(len(readings) + 3, max(3, self.size.height // 3))
        entitle(panel, "last points" if cursor is None else f"at {place(cursor, self.chart_options.axis)}")

    # --- Crosshair and window -----------------------------------------------------------------------------------------

    def _change_to(self, options: ChartOptions) -> None:
        if options != self.chart_options:
            self.chart_options = options
            self._draw()

    def action_cursor(self, direction: int) -> None:
        """Move the crosshair to the next point."""
        if frame := self.chart.frame:
            self._change_to(viewport.cursor_moved(self.chart_options, self.chart.series, frame, direction))

    def action_cursor_edge(self, last: int) -> None:
        """Move the crosshair to the first or last point."""
        if frame := self.chart.frame:
            self._change_to(viewport.cursor_to_end(self.chart_options, self.chart.series, frame, last=bool(last)))

    def action_zoom(self, inwards: int) -> None:
        """Zoom in (1) or out (-1) in x."""
        if (frame := self.chart.frame) and self._x_range:
            self._change_to(
                viewport.x_zoomed(self.chart_options, frame, self._x_range, ZOOM_IN if inwards > 0 else ZOOM_OUT)
            )

    def action_pan(self, right: int) -> None:
        """Move the window to the right (1) or left (-1)."""
        if (frame := self.chart.frame) and self._x_range:
            self._change_to(viewport.x_panned(self.chart_options, frame, self._x_range, right * PAN_SHARE))

    def action_zoom_y(self, inwards: int) -> None:
        """Zoom in (1) or out (-1) in y."""
        if frame := self.chart.frame:
            self._change_to(viewport.y_zoomed(self.chart_options, frame, ZOOM_IN if inwards > 0 else ZOOM_OUT))

    def action_pan_y(self, up: int) -> None:
        """Move the window up (1) or down (-1)."""
        if frame := self.chart.frame:
            self._change_to(viewport.y_panned(self.chart_options, frame, up * PAN_SHARE))

    def action_reset(self) -> None:
        """Show everything, without crosshair."""
        self._change_to(replace(self.chart_options, x=None, y=None, cursor=None))

    @on(events.Click)
    def _click(self, event: events.Click) -> None:
        """Move the crosshair to the mouse."""
        frame, offset = self.chart.frame, event.get_content_offset(self.chart)
        if frame and offset:
            x = frame.x_at(offset.x - frame.left)
            self._change_to(viewport.cursor_at(self.chart_options, self.chart.series, frame, x))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in about the mouse."""
        self._zoom_at(event, ZOOM_IN)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out about the mouse."""
        self._zoom_at(event, ZOOM_OUT)

    def _zoom_at(self, event: events.MouseEvent, factor: float) -> None:
        frame, offset = self.chart.frame, event.get_content_offset(self.chart)
        if frame and offset and self._x_range:
            about = frame.x_at(offset.x - frame.left)
            self._change_to(viewport.x_zoomed(self.chart_options, frame, self._x_range, factor, about))

    # --- Other keys ---------------------------------------------------------------------------------------------------

    def action_metric(self, by: int = 1) -> None:
        """Show the next or previous metric; the window in y does not fit it."""
        self._show_metric((self._index + by) % len(self.panels))

    def _show_metric(self, index: int) -> None:
        self._index = index
        self.chart_options = replace(self.chart_options, y=None)
        self._draw()

    def action_filter(self) -> None:
        """Open the filter."""
        self.query_one(FilterBar).open()

    @on(FilterBar.Changed)
    def _on_filter_changed(self, event: FilterBar.Changed) -> None:
        self._filter = event.value
        self._show_metric(0)

    def action_seeds(self) -> None:
        """Show the mean of seeds with a band, or each seed separately."""
        self._each_seed = not self._each_seed
        mean = "mean over seeds, with a band of one standard deviation"
        self.app.say("each seed separately" if self._each_seed else mean)
        self._draw()

    def action_sibling(self, by: int) -> None:
        """Bring the next of several lines to the front; with a single line, go to the next run."""
        if len(self.charted_runs) > 1:
            self._front = (self._front + by) % len(self.charted_runs)
        else:
            self._sibling(by)
        self.update(self._snapshot)

    def action_export(self) -> None:
        """Ask for a file name and write the drawn curves there."""
        self.app.push_screen(Prompt("Write these curves to (.csv):", "curves.csv"), self._export)

    def _export(self, name: str | None) -> None:
        series, axis = self.chart.series, str(self.chart_options.axis)
        if name:
            path = Path(name).expanduser()
            self.app.actions.in_background(lambda _: write_new(path, series_csv(series, axis)))

    def action_maximise(self) -> None:
        """Show the chart alone, and back."""
        self.toggle_class("-alone")

    def step_back(self) -> bool:
        """Clear the filter, undo maximising, or remove crosshair and window; whether there was something to undo."""
        if self.query_one(FilterBar).clear_and_close():
            return True
        if self.has_class("-alone"):
            self.remove_class("-alone")
            return True
        before = self.chart_options
        self.action_reset()
        return self.chart_options != before


def _searched(panel: Panel) -> Searched:
    return Searched(" ".join((panel.title, *panel.tags, *panel.training_tags)), None)

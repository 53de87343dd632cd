"""A line chart as a widget, and filling it with the curves of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from labtui.console.charts.options import ChartedRun, ChartOptions
from labtui.console.charts.panels import Panel
from labtui.console.charts.ticks import Scale
from labtui.console.ui.failures import guarded
from labtui.console.ui.strips import entitle, glyphs_of, strip, styles_of
from labtui.text.spans import Line, Span, wrap

if TYPE_CHECKING:  # numpy comes after the first frame
    from labtui.console.charts.linechart import Picture
    from labtui.console.charts.series import Frame, Series, View
    from labtui.store.curve import Curve


class ChartInput(NamedTuple):
    """What a picture is drawn from, so that it is drawn again only if that changes."""

    values: tuple[object, ...]
    """Compared by value."""
    objects: tuple[object, ...]
    """Compared by identity."""

    def is_same(self, other: "ChartInput") -> bool:
        """Whether the picture would be the same."""
        same_objects = len(self.objects) == len(other.objects) and all(
            mine is theirs for mine, theirs in zip(self.objects, other.objects, strict=True)
        )
        return same_objects and self.values == other.values


class Chart(Widget):
    """Series over one pair of axes, or a message in their place."""

    DEFAULT_CSS = """
    Chart { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._series: tuple[Series, ...] = ()
        self._view: View | None = None
        self._picture: Picture | None = None
        self._message: tuple[str, ...] = ()
        self._input: ChartInput | None = None

    def is_drawn_from(self, chart_input: ChartInput) -> bool:
        """Whether the last picture was drawn from the same input. Remembers this input for the next call."""
        before, self._input = self._input, chart_input
        return before is not None and chart_input.is_same(before)

    @property
    def frame(self) -> "Frame | None":
        """The part of the plane that the picture shows; None where there is no picture."""
        return self._picture.frame if self._picture else None

    @property
    def notes(self) -> tuple[str, ...]:
        """Where curves stop being numbers and what is left out, in words."""
        if not self._series or self._view is None:
            return ()
        from labtui.console.charts.linechart import notes

        return notes(self._series, self._view)

    @property
    def series(self) -> "tuple[Series, ...]":
        """The series of the picture."""
        return self._series

    def show(self, series: "Sequence[Series]", view: "View") -> None:
        """Draw these series. Axes keep their ranges from picture to picture while these fit."""
        self._series, self._view, self._message = tuple(series), view, ()
        self._draw()

    def show_message(self, *lines: str) -> None:
        """Show a message in place of a picture."""
        if (self._message, self._picture) != (lines, None):
            self._message, self._picture, self._series, self._view = lines, None, (), None
            self.refresh()

    def on_resize(self) -> None:
        """Draw in the new size."""
        self._draw()

    def _draw(self) -> None:
        with guarded(self, self.show_failure):
            self._paint()

    def show_failure(self, texts: Sequence[str]) -> None:
        """Show why there is no picture."""
        self.show_message(*(part for text in texts for part in wrap(text, max(1, self.size.width))))

    def _paint(self) -> None:
        if self._view is None or not self.size:
            return
        from labtui.console.charts.linechart import draw

        before = self._picture
        view = replace(self._view, before=before.frame if before else None)
        self._picture = draw(self._series, view, *self.size, glyphs_of(self))
        if before is None or len(before.lines) != len(self._picture.lines):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before.lines, self._picture.lines, strict=True)):
            if span := changed(old, new):
                self.refresh(Region(span[0], y, span[1] - span[0], 1))

    def render_line(self, y: int) -> Strip:
        """One line of the picture or message."""
        palette, width = styles_of(self), self.size.width
        if self._picture and y < len(self._picture.lines):
            return strip(self._picture.lines[y], palette, self.rich_style, width)
        first = (self.size.height - len(self._message)) // 2
        text = self._message[y - first] if 0 <= y - first < len(self._message) else ""
        return strip((Span(text.center(width), "muted"),), palette, self.rich_style, width)


def changed(old: Line, new: Line) -> tuple[int, int] | None:
    """First and past-the-last cell in which two lines of the same width differ. All characters are one cell wide."""
    if old == new:
        return None
    before, after = _cells(old), _cells(new)
    first = next(
        (at for at, (old_cell, new_cell) in enumerate(zip(before, after, strict=False)) if old_cell != new_cell), 0
    )
    last = max(len(before), len(after))
    while last > first and before[last - 1 : last] == after[last - 1 : last]:
        last -= 1
    return first, max(last, first + 1)


def _cells(line: Line) -> list[tuple[str, str]]:
    return [(character, style) for text, style in line for character in text]


def fill(
    chart: Chart,
    panel: Panel,
    charted_runs: Sequence[ChartedRun],
    curves: "Mapping[str, Mapping[str, Curve]]",
    options: ChartOptions,
    *,
    pending: bool,
    hint: tuple[str, ...] = (),
) -> None:
    """Draw the curves of this panel into the chart, or the reason why there are none.

    `pending` is whether files are still being read; `hint` says what to do if nothing has run.
    """
    values = (
        panel,
        options,
        pending,
        *(_identity(charted) for charted in charted_runs),
        *_first_points(charted_runs, curves, options),
    )
    chart_input = ChartInput(values, _shown_curves(panel, charted_runs, curves))
    if chart.is_drawn_from(chart_input):
        return
    title = f"{panel.title}  {_note(options)}".rstrip()
    with guarded(chart, chart.show_failure):
        _fill(chart, panel, charted_runs, curves, options, pending=pending, hint=hint)
    notes: list[str] = []
    with guarded(chart, notes.extend):
        notes += chart.notes
    entitle(chart, title, "; ".join(notes))


def _fill(
    chart: Chart,
    panel: Panel,
    charted_runs: Sequence[ChartedRun],
    curves: "Mapping[str, Mapping[str, Curve]]",
    options: ChartOptions,
    *,
    pending: bool,
    hint: tuple[str, ...],
) -> None:
    if any(curves.get(run.id) for charted in charted_runs for run in charted.runs):
        _draw(chart, panel, charted_runs, curves, options)
    else:
        chart.show_message(*_reason(charted_runs, hint, pending=pending))


def _identity(charted: ChartedRun) -> tuple[object, ...]:
    """What a line depends on beside its curves: a run's heartbeat changes every second, its line does not."""
    runs = tuple((run.id, run.beat.total_steps if run.beat else None, run.result) for run in charted.runs)
    return charted.name, charted.letter, charted.colour, charted.dash, runs


def _shown_curves(
    panel: Panel, charted_runs: Sequence[ChartedRun], curves: "Mapping[str, Mapping[str, Curve]]"
) -> tuple[object, ...]:
    """The curves of this panel: each is a new object if it has a new point, and only then."""
    found: list[object] = []
    for charted in charted_runs:
        for run in charted.runs:
            own = curves.get(run.id)
            found += (own, None) if not own else (panel.curve_of(own), panel.training_curve_of(own))
    return tuple(found)


def _first_points(
    charted_runs: Sequence[ChartedRun], curves: "Mapping[str, Mapping[str, Curve]]", options: ChartOptions
) -> tuple[object, ...]:
    """On an axis of time, when the first point of each run was written, in whichever curve."""
    if options.axis.scale not in (Scale.SECONDS, Scale.CLOCK):
        return ()
    return tuple(
        min((float(curve.wall_times[0]) for curve in curves.get(run.id, {}).values() if curve.steps.size), default=None)
        for charted in charted_runs
        for run in charted.runs
    )


def _draw(
    chart: Chart,
    panel: Panel,
    charted_runs: Sequence[ChartedRun],
    curves: "Mapping[str, Mapping[str, Curve]]",
    options: ChartOptions,
) -> None:
    from labtui.console.charts.build_series import build_series, build_view, without_axis

    lines = build_series(panel, charted_runs, curves, options)
    if lines:
        chart.show(lines, build_view(panel, charted_runs, curves, options))
    elif missing := without_axis(panel, charted_runs, curves, options):
        chart.show_message(
            f"{', '.join(missing)}:", f"{options.axis} is not known from this run's files", "X: another axis"
        )
    else:
        chart.show_message("no points yet")


def _note(options: ChartOptions) -> str:
    """The options that are not the default: `log y  smoothed 0.6`."""
    words = ["log y"] if options.log_y else []
    words += [f"smoothed {options.smoothing:g}"] if options.smoothing else []
    words += [] if options.clip_outliers else ["with outliers"]
    return "  ".join(words)


def _reason(charted_runs: Sequence[ChartedRun], hint: tuple[str, ...], *, pending: bool) -> tuple[str, ...]:
    if not any(charted.runs for charted in charted_runs):
        return ("no runs yet", *(hint if charted_runs else ()))
    return ("reading …",) if pending else ("no points yet",)

"""A line chart as a widget, and filling it with the curves of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from labtui.console.charts.options import Look, Subject
from labtui.console.charts.panels import Slot
from labtui.console.charts.ticks import Scale
from labtui.console.ui.strips import entitle, glyphs_of, palette_of, strip
from labtui.text.spans import Line, Span

if TYPE_CHECKING:  # numpy comes after the first frame
    from labtui.console.charts.linechart import Picture
    from labtui.console.charts.series import Frame, Series, View
    from labtui.store.curve import Curve


class Source(NamedTuple):
    """What a picture was made of, so that it is made again only from something else."""

    values: tuple[object, ...]
    """Compared by value."""
    objects: tuple[object, ...]
    """Compared by identity; kept, so that no other object takes their place in memory."""

    def is_same(self, other: "Source") -> bool:
        """Whether the picture would be the same."""
        same_objects = len(self.objects) == len(other.objects) and all(
            one is another for one, another in zip(self.objects, other.objects, strict=True)
        )
        return same_objects and self.values == other.values


class Chart(Widget):
    """Series over one pair of axes. `show` is the only way in."""

    DEFAULT_CSS = """
    Chart { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._series: tuple[Series, ...] = ()
        self._view: View | None = None
        self._picture: Picture | None = None
        self._hint: tuple[str, ...] = ()
        self._source: Source | None = None

    def shows(self, source: Source) -> bool:
        """Whether this is what the chart was made of the last time; it is remembered for the next."""
        before, self._source = self._source, source
        return before is not None and source.is_same(before)

    @property
    def frame(self) -> "Frame | None":
        """The part of the plane that the picture shows; None where there is no picture."""
        return self._picture.frame if self._picture else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said in words: where a curve stops being a number."""
        if not self._series:
            return ()
        from labtui.console.charts.linechart import notes

        return notes(self._series)

    @property
    def series(self) -> "tuple[Series, ...]":
        """What is drawn."""
        return self._series

    def show(self, series: "Sequence[Series]", view: "View") -> None:
        """Draw these series. Axes keep their ranges from picture to picture while they serve."""
        self._series, self._view, self._hint = tuple(series), view, ()
        self._draw()

    def say(self, *hint: str) -> None:
        """Show words in place of a picture."""
        if (self._hint, self._picture) != (hint, None):
            self._hint, self._picture, self._series, self._view = hint, None, (), None
            self.refresh()

    def on_resize(self) -> None:
        """Draw for the new size."""
        self._draw()

    def _draw(self) -> None:
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
        """One line of the picture, or of the words in its place."""
        palette, width = palette_of(self), self.size.width
        if self._picture and y < len(self._picture.lines):
            return strip(self._picture.lines[y], palette, self.rich_style, width)
        first = (self.size.height - len(self._hint)) // 2
        text = self._hint[y - first] if 0 <= y - first < len(self._hint) else ""
        return strip((Span(text.center(width), "muted"),), palette, self.rich_style, width)


def changed(old: Line, new: Line) -> tuple[int, int] | None:
    """First and past-the-last cell in which two lines of one width differ; their characters are one cell each."""
    if old == new:
        return None
    before, after = _cells(old), _cells(new)
    first = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    last = max(len(before), len(after))
    while last > first and before[last - 1 : last] == after[last - 1 : last]:
        last -= 1
    return first, max(last, first + 1)


def _cells(line: Line) -> list[tuple[str, str]]:
    return [(character, ink) for text, ink in line for character in text]


def fill(
    chart: Chart,
    slot: Slot,
    subjects: Sequence[Subject],
    curves: "Mapping[str, Mapping[str, Curve]]",
    look: Look,
    *,
    pending: bool,
    hint: tuple[str, ...] = (),
) -> None:
    """Draw what the subjects have of this slot; `pending` says that their files are still being read, `hint` what to
    do where none of them has run."""
    values = (slot, look, pending, *(_facts(subject) for subject in subjects), *_beginnings(subjects, curves, look))
    source = Source(values, _curves(slot, subjects, curves))
    if chart.shows(source):
        return
    title = f"{slot.title}  {_note(look)}".rstrip()
    if any(curves.get(run.id) for subject in subjects for run in subject.runs):
        _draw(chart, slot, subjects, curves, look)
    else:
        chart.say(*_reason(subjects, hint, pending=pending))
    entitle(chart, title, "; ".join(chart.notes))


def _facts(subject: Subject) -> tuple[object, ...]:
    """What of a subject decides its line beside the curves: a run's beat changes every second, its line does not."""
    runs = tuple((run.id, run.beat.total_steps if run.beat else None, run.result) for run in subject.runs)
    return subject.name, subject.letter, subject.ink, subject.dash, runs


def _curves(slot: Slot, subjects: Sequence[Subject], curves: "Mapping[str, Mapping[str, Curve]]") -> tuple[object, ...]:
    """The curves of this slot: each is a new value when it has a new point, and only then."""
    found: list[object] = []
    for subject in subjects:
        for run in subject.runs:
            own = curves.get(run.id)
            found += (own, None) if not own else (own.get(slot.main(own) or ""), own.get(slot.second(own) or ""))
    return tuple(found)


def _beginnings(
    subjects: Sequence[Subject], curves: "Mapping[str, Mapping[str, Curve]]", look: Look
) -> tuple[object, ...]:
    """Where time counts, when each run's first point was written, whatever curve it is of."""
    if look.axis.scale not in (Scale.SECONDS, Scale.CLOCK):
        return ()
    return tuple(
        min((float(curve.wall_times[0]) for curve in curves.get(run.id, {}).values() if curve.steps.size), default=None)
        for subject in subjects
        for run in subject.runs
    )


def _draw(
    chart: Chart, slot: Slot, subjects: Sequence[Subject], curves: "Mapping[str, Mapping[str, Curve]]", look: Look
) -> None:
    from labtui.console.charts import build_series as plotting

    lines = plotting.series(slot, subjects, curves, look)
    if lines:
        chart.show(lines, plotting.view(slot, subjects, curves, look))
    elif missing := plotting.unplaced(slot, subjects, curves, look):
        chart.say(f"{', '.join(missing)}:", f"{look.axis} is not known from this run's files", "X: another axis")
    else:
        chart.say("no points yet")


def _note(look: Look) -> str:
    """What is not as it always is: `log y  smoothed 0.6`."""
    words = ["log y"] if look.log_y else []
    words += [f"smoothed {look.smoothing:g}"] if look.smoothing else []
    words += [] if look.clip_outliers else ["with outliers"]
    return "  ".join(words)


def _reason(subjects: Sequence[Subject], hint: tuple[str, ...], *, pending: bool) -> tuple[str, ...]:
    if not any(subject.runs for subject in subjects):
        return ("nothing has run here yet", *(hint if subjects else ()))
    return ("reading …",) if pending else ("no points yet",)

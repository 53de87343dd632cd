"""A line chart as a widget: it keeps the last picture and paints only the spans that differ."""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from labtui.console.draw.spans import Line, Span
from labtui.console.ui.strips import glyphs_of, palette_of, strip

if TYPE_CHECKING:  # numpy comes after the first frame
    from collections.abc import Sequence

    from labtui.console.charts.linechart import Picture
    from labtui.console.charts.series import Frame, Series, View


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

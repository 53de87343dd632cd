"""The entry under the cursor in numbers and sparklines."""

from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from labtui.console.draw.spans import Line, Span
from labtui.console.experiments.details import facts
from labtui.console.ui.strips import glyphs_of, palette_of, strip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labtui.console.experiments.entry import Entry
    from labtui.store.curve import Curve


class SparkPanel(Widget):
    """Lines of facts; painted again only where they changed."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._subject: tuple[Entry | None, Mapping[str, Curve], float] = (None, {}, 0.0)
        self._lines: list[Line] = []

    def show(self, entry: "Entry | None", curves: "Mapping[str, Curve]", now: float) -> None:
        """Show this entry; `now` in seconds since the epoch."""
        self._subject = (entry, curves, now)
        self._arrange()

    def on_resize(self) -> None:
        """Fit the lines to the new width."""
        self._arrange()

    def _arrange(self) -> None:
        entry, curves, now = self._subject
        fresh = facts(entry, curves, max(0, self.size.width - 2), glyphs_of(self), now)
        before, self._lines = self._lines, fresh
        for y in range(max(len(before), len(fresh))):
            if before[y : y + 1] != fresh[y : y + 1]:
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One fact."""
        line = self._lines[y] if y < len(self._lines) else ()
        return strip((Span(" "), *line), palette_of(self), self.rich_style, self.size.width)

"""The machine's load, and who is on its devices."""

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from labtui.console.data.snapshot import Machine
from labtui.console.draw.spans import Line, Span
from labtui.console.ui.gauges import machine_lines
from labtui.console.ui.strips import glyphs_of, palette_of, strip


class DeviceStrip(Widget):
    """A few lines of gauges."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._machine = Machine()
        self._lines: list[Line] = []

    def show(self, machine: Machine) -> None:
        """Show this load."""
        if machine != self._machine:
            self._machine = machine
            self._arrange()

    def on_resize(self) -> None:
        """Fit the lines to the new width."""
        self._arrange()

    def _arrange(self) -> None:
        now = self._machine
        fresh = machine_lines(
            now.cpu, now.memory_used, now.memory_total, now.devices, max(0, self.size.width - 2), glyphs_of(self)
        )
        before, self._lines = self._lines, fresh
        for y in range(max(len(before), len(fresh))):
            if before[y : y + 1] != fresh[y : y + 1]:
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One gauge."""
        line = self._lines[y] if y < len(self._lines) else ()
        return strip((Span(" "), *line), palette_of(self), self.rich_style, self.size.width)

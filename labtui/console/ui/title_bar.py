"""One line at the top: where one is, and how things stand."""

from textual.strip import Strip
from textual.widget import Widget

from labtui.console.draw.spans import Line, spread
from labtui.console.ui.strips import glyphs_of, palette_of, strip


class TitleBar(Widget):
    """A line with a left and a right end."""

    DEFAULT_CSS = """
    TitleBar { height: 1; background: $bar; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._left: Line = ()
        self._right: Line = ()

    def show(self, left: Line, right: Line) -> None:
        """Show these two."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - Textual's signature; there is one line
        """The line."""
        line = spread(self._left, self._right, self.size.width, glyphs_of(self).ellipsis)
        return strip(line, palette_of(self), self.rich_style, self.size.width)

"""Lines of spans in a pane, with or without scrolling; only lines that changed are painted again."""

from collections.abc import Callable, Sequence

from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from labtui.console.ui.failures import failure_lines
from labtui.console.ui.scrolling import ScrollingPane
from labtui.console.ui.strips import strip, styles_of
from labtui.text.spans import Line, Span, wrap

Writer = Callable[[int], Sequence[Line]]
"""Writes the lines for so many cells."""


def written(pane: Widget, writer: Writer, width: int) -> tuple[Line, ...]:
    """The lines of a writer; if it fails, lines that say so."""
    try:
        return tuple(writer(width))
    except Exception as error:  # noqa: BLE001 - whatever fails in one pane must not end the console
        texts = failure_lines(pane, error)
    return tuple((Span(part, "bad"),) for text in texts for part in wrap(text, max(1, width)))


class TextBlock(Widget):
    """Lines that neither scroll nor take the focus. `show` takes a function of the width."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._writer: Writer = lambda _: ()
        self._lines: tuple[Line, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        """The shown lines."""
        return self._lines

    def show(self, writer: Writer) -> None:
        """Show what this writes."""
        self._writer = writer
        self._arrange()

    def on_resize(self) -> None:
        """Write again for another width."""
        self._arrange()

    def _arrange(self) -> None:
        before, self._lines = self._lines, written(self, self._writer, max(0, self.size.width - 2))
        for y in range(max(len(before), len(self._lines))):
            if before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One line."""
        line = self._lines[y] if y < len(self._lines) else ()
        return strip((Span(" "), *line), styles_of(self), self.rich_style, self.size.width)


class TextPanel(ScrollingPane):
    """Lines that scroll. `show` takes a function of the width, since text is wrapped and columns are left out."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._writer: Writer = lambda _: ()
        self._lines: tuple[Line, ...] = ()
        self._written_width = -1

    @property
    def lines(self) -> tuple[Line, ...]:
        """The shown lines."""
        return self._lines

    def show(self, writer: Writer, *, top: bool = False) -> None:
        """Show what this writes; with `top` from its first line on."""
        self._writer = writer
        self._arrange()
        if top:
            self.scroll_to(y=0, animate=False)

    def on_resize(self) -> None:
        """Write again for another width."""
        if self._written_width != self._width:
            self._arrange()

    @property
    def _width(self) -> int:
        """Cells of a line, without a blank at each side and the place of the scroll bar."""
        return max(0, self.size.width - 3)

    def _arrange(self) -> None:
        before, self._written_width = self._lines, self._width
        self._lines = written(self, self._writer, self._written_width) if self._written_width else ()
        if len(before) != len(self._lines):
            self.virtual_size = Size(0, len(self._lines))
            self.refresh()
            return
        top = self.scroll_offset.y
        for index, (old, new) in enumerate(zip(before, self._lines, strict=True)):
            if old != new:
                self.refresh(Region(0, index - top, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        index = y + self.scroll_offset.y
        line = self._lines[index] if index < len(self._lines) else ()
        width = self.scrollable_content_region.width
        return strip((Span(" "), *line), styles_of(self), self.rich_style, width)

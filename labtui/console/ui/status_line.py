"""The lines at the top and at the bottom of a screen: its title, and its status line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.strip import Strip
from textual.widget import Widget

from labtui.console.commands import Command
from labtui.console.ui.glyphs import UNICODE, Glyphs
from labtui.console.ui.strips import glyphs_of, strip, styles_of
from labtui.text.spans import Line, Span, spread, text_width

if TYPE_CHECKING:
    from textual.timer import Timer


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
        return strip(line, styles_of(self), self.rich_style, self.size.width)


MESSAGE_SECONDS, FAILURE_SECONDS = 8.0, 60.0
"""How long a message takes the place of the keys."""


class StatusLine(Widget):
    """A message, else the keys. A message stays for some seconds, one about a failure longer."""

    DEFAULT_CSS = """
    StatusLine { height: 1; background: $bar; }
    """

    def __init__(self, hints: Sequence[Command] = (), *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._hints = tuple(hints)
        self._message: Line = ()
        self._right: Line = ()
        self._timer: Timer | None = None

    @property
    def message(self) -> str:
        """The current message; empty while the keys are shown."""
        return "".join(span.text for span in self._message)

    def say(self, text: str, *, style: str = "") -> None:
        """Show a message for a while."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._message = (Span(" "), Span(text, style)) if text else ()
        if text:
            self._timer = self.set_timer(FAILURE_SECONDS if style == "bad" else MESSAGE_SECONDS, self.clear)
        self.refresh()

    def clear(self) -> None:
        """Show the keys again."""
        if self._message:
            self._message = ()
            self.refresh()

    def note(self, line: Line) -> None:
        """Show this at the right edge, until it is replaced."""
        if line != self._right:
            self._right = line
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - Textual's signature; there is one line
        """The line."""
        width, glyphs = self.size.width, glyphs_of(self)
        left = self._message or keys(
            self._hints, width - sum(text_width(span.text) for span in self._right) - 2, glyphs
        )
        return strip(spread(left, self._right, width, glyphs.ellipsis), styles_of(self), self.rich_style, width)


def keys(hints: Sequence[Command], width: int, glyphs: Glyphs = UNICODE) -> Line:
    """As many keys as fit, low ranks first, in the order of the command table: `Enter open  Space mark  …`."""
    chosen: list[Command] = []
    used = 1
    for hint in sorted(hints, key=lambda hint: hint.rank):
        size = text_width(hint.key) + text_width(hint.label) + 3
        if used + size <= width:
            chosen.append(hint)
            used += size
    spans: list[Span] = [Span(" ")]
    for hint in hints:
        if hint in chosen:
            label = hint.label.replace("…", glyphs.ellipsis)
            spans += [Span(hint.key, "key"), Span(f" {label}  ", "muted")]
    return tuple(spans)

"""The tail of a log: follows its end until the user scrolls up, and filters lines."""

import re
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.strip import Strip

from labtui.console.data.snapshot import Log
from labtui.console.experiments.filters import Searched, parse_filter
from labtui.console.ui.scrolling import ScrollingPane
from labtui.console.ui.strips import glyphs_of, strip, styles_of
from labtui.text.spans import Line, Span, shorten

_ERROR = re.compile(r"\b(error|exception|traceback|nan|diverged|failed|killed|out of memory)\b", re.IGNORECASE)
_WARNING = re.compile(r"\b(warning|warn|stopped|retry)\b", re.IGNORECASE)
_STAMP = re.compile(r"^(\S*\d\d:\d\d:\d\d\S*)(\s.*)?$")


class LogView(ScrollingPane):
    """Lines of one run's log."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f", "edge(1)", "Follow", show=False)]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._log = Log()
        self._shown: tuple[str, ...] = ()
        self._filter, self._matches = "", parse_filter("")
        self.following = True

    def show(self, log: Log) -> None:
        """Show this log. Lines that did not change are not painted again."""
        if log is self._log:
            return
        if log.run_id != self._log.run_id:
            self.following = True
        self._log = log
        self._arrange()

    def filter(self, text: str) -> None:
        """Show only the lines that match a filter of the list's language; empty shows all."""
        self._filter, self._matches = text, parse_filter(text)
        self._arrange()

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines that pass the filter."""
        return self._shown

    def _arrange(self) -> None:
        before = self._shown
        self._shown = tuple(line for line in self._log.lines if self._matches(Searched(line)))
        if self._shown == before and before:
            return
        self.virtual_size = Size(0, len(self._shown))
        self._scroll_to_end()
        self.refresh()

    def action_move(self, by: int) -> None:
        """Scroll by so many lines; scrolling up stops following, reaching the end follows again."""
        super().action_move(by)
        self.following = self.scroll_offset.y + by >= self.max_scroll_y

    def on_resize(self) -> None:
        """Keep the end visible while following."""
        self._scroll_to_end()

    def _scroll_to_end(self) -> None:
        if self.following:
            self.scroll_to(y=max(0, len(self._shown) - self.size.height), animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The mouse wheel stops following, too."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value and new_value < self.max_scroll_y:
            self.following = False

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        width, index = self.scrollable_content_region.width, y + self.scroll_offset.y
        if not self._shown:
            hint = self._log.note or ("nothing matches" if self._filter and self._log.lines else "")
            line: Line = (Span(f" {hint}", "muted"),) if y == 0 else ()
        else:
            line = styled(self._shown[index]) if index < len(self._shown) else ()
        shown = shorten((Span(" "), *line), width, glyphs_of(self).ellipsis)
        return strip(shown, styles_of(self), self.rich_style, width)


def styled(text: str) -> Line:
    """A log line: its time stamp muted, errors and warnings in their colours."""
    style = "bad" if _ERROR.search(text) else ("warn" if _WARNING.search(text) else "")
    found = _STAMP.match(text)
    if not found:
        return (Span(text, style),)
    return (Span(found[1], "muted"), Span(found[2] or "", style))

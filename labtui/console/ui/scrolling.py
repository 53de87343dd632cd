"""What all scrolling panes share: their keys and their scroll bar."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.scroll_view import ScrollView

from labtui.console.ui.strips import use_plain_scrollbar


class ScrollingPane(ScrollView, can_focus=True):
    """Lines that scroll. A subclass with a cursor moves that by `action_move`, and the other keys with it."""

    DEFAULT_CSS = """
    ScrollingPane { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; overflow-y: auto; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+d", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+u", "page(-1)", "Page up", show=False),
        Binding("g,home", "edge(0)", "Top", show=False),
        Binding("G,end", "edge(1)", "Bottom", show=False),
    ]

    HEADER_LINES: ClassVar[int] = 0
    """Lines at the top that do not scroll."""

    def on_mount(self) -> None:
        """Draw the scroll bar with what the terminal can show."""
        use_plain_scrollbar(self)

    def action_move(self, by: int) -> None:
        """Move by so many lines."""
        self.scroll_to(y=self.scroll_offset.y + by, animate=False)

    def action_page(self, by: int) -> None:
        """Move by so many pages."""
        self.action_move(by * max(1, self.size.height - self.HEADER_LINES - 1))

    def action_edge(self, end: int) -> None:
        """Move to the first (0) or the last (1) line."""
        self.action_move(self.virtual_size.height if end else -self.virtual_size.height)

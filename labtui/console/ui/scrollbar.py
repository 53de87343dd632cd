"""Scroll bars without half-blocks, for terminals where only ASCII can be trusted to appear."""

from typing import TYPE_CHECKING, ClassVar

from textual.scrollbar import ScrollBarRender

from labtui.console.ui.strips import glyphs_of

if TYPE_CHECKING:
    from textual.widget import Widget


class AsciiScrollBar(ScrollBarRender):
    """Whole cells, told apart by their background alone."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


def plain_scrollbar(widget: "Widget") -> None:
    """Give a widget such a scroll bar where the app draws in ASCII."""
    if glyphs_of(widget).ascii:
        widget.vertical_scrollbar.renderer = AsciiScrollBar  # type: ignore[misc]  # as Textual documents it

"""Turns lines of spans into Textual's strips.

Every segment has a style: one without would end the app under NO_COLOR. Control characters are removed here, the last
place before the terminal, whatever was forgotten before.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.content import Content
from textual.scrollbar import ScrollBarRender
from textual.strip import Strip

from labtui.console.palettes import SpanStyles, span_styles
from labtui.console.ui.glyphs import ASCII, UNICODE, Glyphs, in_ascii
from labtui.text.clean import clean_line
from labtui.text.spans import Span, cut, line_width, separated

if TYPE_CHECKING:
    from rich.style import Style
    from textual.app import App
    from textual.widget import Widget


def strip(line: Iterable[Span], styles: SpanStyles, base: "Style", width: int) -> Strip:
    """A strip of exactly `width` cells over the background of `base`."""
    spans = [span if span.text.isprintable() else Span(clean_line(span.text), span.style) for span in line if span.text]
    if styles.ascii_only:
        spans = [Span(in_ascii(span.text), span.style) for span in spans]
    else:
        spans = [Span(separated(span.text), span.style) for span in spans]
    taken = line_width(spans)
    if taken < width:
        spans.append(Span(" " * (width - taken)))
        taken = width
    made = Strip(_segments((text, styles.over(style, base)) for text, style in spans), taken)
    return made if taken <= width else made.crop(0, width)


def _segments(pieces: "Iterable[tuple[str, Style]]") -> list[Segment]:
    """Neighbours of the same style as one segment; blanks take the style of a neighbour with the same background.

    Each segment costs some fifty bytes of colour codes, perhaps over a slow connection.
    """
    merged: list[tuple[str, Style]] = []
    for text, style in pieces:
        before, last = merged[-1] if merged else ("", style)
        same_background = style.bgcolor == last.bgcolor and not (style.reverse or last.reverse)
        if style == last or (same_background and text.isspace()):
            merged[-1:] = [(before + text, last)]
        elif same_background and before.isspace():
            merged[-1] = (before + text, style)
        else:
            merged.append((text, style))
    return [Segment(text, style) for text, style in merged]


def styles_of(widget: "Widget") -> SpanStyles:
    """The span styles of the app's theme and terminal."""
    app: App[object] = widget.app
    plain = glyphs_of(widget).ascii
    return span_styles(app.theme, colours=app.console.color_system, no_color=app.no_color, ascii_only=plain)


def glyphs_of(widget: "Widget") -> Glyphs:
    """The characters that the app draws with."""
    return ASCII if getattr(widget.app, "ascii_only", False) else UNICODE


class AsciiTitle(Content):
    """A border's title that is cut without Textual's own ellipsis."""

    def truncate(self, max_width: int, *, ellipsis: bool = False, pad: bool = False) -> Content:  # noqa: ARG002 - Textual's signature
        """In at most so many cells."""
        return Content(cut(self.plain, max_width, ASCII.ellipsis))


def shown_text(widget: "Widget", text: str) -> str:
    """The text without control characters, and in ASCII where the app draws in ASCII."""
    return in_ascii(clean_line(text)) if glyphs_of(widget).ascii else separated(clean_line(text))


def entitle(widget: "Widget", title: str, subtitle: str = "") -> None:
    """Set a border's titles as plain text (markup means nothing), and only if they changed: each costs a repaint."""
    kind = AsciiTitle if glyphs_of(widget).ascii else Content
    upper, lower = (kind(f" {shown_text(widget, text)} " if text else "") for text in (title, subtitle))
    if (widget.border_title or "") != upper.markup:
        widget.border_title = upper
    if (widget.border_subtitle or "") != lower.markup:
        widget.border_subtitle = lower


class AsciiScrollBar(ScrollBarRender):
    """Whole cells that differ by their background alone."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


def use_plain_scrollbar(widget: "Widget") -> None:
    """Give a widget such a scroll bar if the app draws in ASCII."""
    if glyphs_of(widget).ascii:
        widget.vertical_scrollbar.renderer = AsciiScrollBar  # type: ignore[misc]  # as Textual documents it

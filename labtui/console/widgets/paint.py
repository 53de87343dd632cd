"""Lines of spans to Textual's strips. Every segment has a style: one without would end the app under NO_COLOR.

This is the last door before the terminal: what could steer it is taken out here, whatever was forgotten before.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip

from labtui.clean import clean_line
from labtui.console.draw.glyphs import ASCII, UNICODE, Glyphs
from labtui.console.draw.spans import Span, cut, width
from labtui.console.inks import Inks, inks

if TYPE_CHECKING:
    from rich.style import Style
    from textual.app import App
    from textual.widget import Widget


def strip(line: Iterable[Span], palette: Inks, base: "Style", room: int) -> Strip:
    """A strip of exactly `room` cells over the background of `base`."""
    spans = [span if span.text.isprintable() else Span(clean_line(span.text), span.ink) for span in line if span.text]
    segments = [Segment(text, palette.over(ink, base)) for text, ink in spans]
    taken = width(spans)
    if taken < room:
        segments.append(Segment(" " * (room - taken), palette.over("", base)))
        taken = room
    made = Strip(segments, taken)
    return made if taken <= room else made.crop(0, room)


def palette_of(widget: "Widget") -> Inks:
    """The inks of the app's theme and terminal."""
    app: App[object] = widget.app
    return inks(app.theme, colours=app.console.color_system, no_color=app.no_color)


def glyphs_of(widget: "Widget") -> Glyphs:
    """The characters that the app draws with."""
    return ASCII if getattr(widget.app, "ascii_only", False) else UNICODE


TITLE_MARGIN = 6
"""Cells of a border that its title leaves free: corners, a stroke and a blank at each side."""


def entitle(widget: "Widget", title: str, subtitle: str = "") -> None:
    """Set a border's titles as plain text (markup means nothing), and only if they changed: each costs a repaint."""
    glyphs, room = glyphs_of(widget), widget.outer_size.width - TITLE_MARGIN
    if glyphs.ascii and room > 0:  # Textual would end what does not fit with an ellipsis of its own
        title, subtitle = (cut(text, room, glyphs.ellipsis) for text in (title, subtitle))
    upper, lower = (Content(f" {clean_line(text)} " if text else "") for text in (title, subtitle))
    if (widget.border_title or "") != upper.markup:
        widget.border_title = upper
    if (widget.border_subtitle or "") != lower.markup:
        widget.border_subtitle = lower

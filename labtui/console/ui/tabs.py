"""Names in a row, one of them chosen; where not all fit, those around the chosen one."""

from collections.abc import Sequence

from labtui.console.ui.glyphs import UNICODE, Glyphs
from labtui.text.spans import Line, Span, line_width, shorten, text_width

GAP = 2


def tabs(names: Sequence[str], chosen: int, width: int, glyphs: Glyphs = UNICODE, *, numbered: bool = False) -> Line:
    """At most `width` cells; with `numbered`, each name has the digit that chooses it in front."""
    labels = [f"{index + 1} {name}" if numbered else name for index, name in enumerate(names)]
    if not labels:
        return ()
    first, last = _window(
        [text_width(label) + GAP for label in labels], chosen, width - 2 * text_width(glyphs.ellipsis)
    )
    spans = [Span(glyphs.ellipsis, "muted")] if first else []
    for index in range(first, last):
        spans += [Span(labels[index], "title" if index == chosen else "muted"), Span(" " * GAP)]
    if last < len(labels):
        spans.append(Span(glyphs.ellipsis, "muted"))
    line = tuple(spans)
    return line if line_width(line) <= width else shorten(line, width, glyphs.ellipsis)


def _window(sizes: Sequence[int], chosen: int, width: int) -> tuple[int, int]:
    """The first and the past-the-last tab of a stretch around the chosen one, as long as fits."""
    first, last, used = chosen, chosen + 1, sizes[chosen]
    while True:
        wider = [(index, ends) for index, ends in ((last, (first, last + 1)), (first - 1, (first - 1, last)))
                 if 0 <= index < len(sizes) and used + sizes[index] <= width]  # fmt: skip
        if not wider:
            return first, last
        index, (first, last) = wider[0]
        used += sizes[index]

"""A matrix of counts as a heat map, with its numbers where there is room."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labtui.console.ui.gauges import both_sides, progress
from labtui.console.ui.glyphs import UNICODE, Glyphs
from labtui.text.numbers import accuracy, signed
from labtui.text.spans import Line, Span, cut, fit, shorten, text_width

LEVELS = 6
"""Inks heat0 (nothing) to heat5 (all)."""

MOST_BAR = 24
"""Cells of a bar of 100 percent."""

_SHADES = " .:+#@"


def confusion(matrix: NDArray[np.integer], classes: Sequence[str], width: int, glyphs: Glyphs = UNICODE) -> list[Line]:
    """A row per true class, a column per predicted class, of `matrix` (classes, classes); each row is shaded by share.

    Lines are at most `width` cells. Cells hold counts where five fit each, else a shade alone.
    """
    names = [cut(name, 10, glyphs.ellipsis) for name in classes]
    left = max((text_width(name) for name in names), default=0) + 1
    room = max(1, min(6, (width - left) // max(1, len(names))))
    head = [Span(" " * left)]
    for name in names:
        head += fit((Span(_short(name, room), "muted"),), room, right=True)
    lines: list[Line] = [tuple(head)]
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    for row, name in enumerate(names):
        body = [
            _cell(int(matrix[row, column]), float(share[row, column]), room, glyphs) for column in range(len(names))
        ]
        lines.append((*fit((Span(name),), left), *body))
    return [shorten(line, width, glyphs.ellipsis) for line in lines]


def _short(name: str, room: int) -> str:
    return cut(name, room - 1, "") if room > 2 else name[:1]


def _cell(count: int, share: float, room: int, glyphs: Glyphs) -> Span:
    level = 0 if count == 0 else max(1, min(LEVELS - 1, int(share * (LEVELS - 1) + 0.999)))
    if room >= 5:
        return Span(f"{count:>{room - 1}} ", f"heat{level}")
    return Span((_SHADES[level] if glyphs.ascii else " ") * room, f"heat{level}")


def per_class(
    classes: Sequence[str],
    values: Sequence[float],
    deltas: Sequence[float] | None,
    width: int,
    glyphs: Glyphs = UNICODE,
) -> list[Line]:
    """A line per class: name, accuracy in percent with a bar; beside a baseline the bar is of the delta in points."""
    left = min(12, max((text_width(name) for name in classes), default=0)) + 1
    largest = max((abs(points) for points in deltas or () if points == points), default=0.0)
    lines: list[Line] = []
    for at, (name, value) in enumerate(zip(classes, values, strict=True)):
        spans = [*fit((Span(name),), left, ellipsis=glyphs.ellipsis), Span(f"{accuracy(value):>6}")]
        if deltas is None:
            spans += [Span(" "), *progress(value / 100, max(1, min(MOST_BAR, width - left - 7)), glyphs)]
        else:
            points = deltas[at]
            spans.append(
                Span(
                    f" {signed(points, minus=glyphs.minus):>7} ", "good" if points > 0 else "bad" if points < 0 else ""
                )
            )
            room = min(31, width - left - 15)
            spans.extend(both_sides(points, largest, room, glyphs) if room >= 5 else ())
        lines.append(shorten(spans, width, glyphs.ellipsis))
    return lines

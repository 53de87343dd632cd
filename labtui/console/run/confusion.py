"""The test images of a run as lines: confusion matrix, accuracy by class, most frequent mistakes. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labtui.console.run.overview import beside
from labtui.console.run.predictions import RunPredictions
from labtui.console.ui.gauges import both_sides, progress
from labtui.console.ui.glyphs import Glyphs
from labtui.text.numbers import accuracy, count, loss, signed
from labtui.text.spans import Line, Span, cut, fit, line_width, shorten, text_width

MISTAKES = 8
"""Lines of mistakes, at most."""

MATRIX, CLASSES = 76, 46
"""Cells of the matrix and of the accuracy by class, at most."""

LEVELS = 6
"""Shades heat0 (nothing) to heat5 (all)."""

MOST_BAR = 24
"""Cells of a bar of 100 percent."""

_SHADES = " .:+#@"


def confusion_lines(predictions: RunPredictions, width: int, glyphs: Glyphs) -> list[Line]:
    """Accuracy, confusion matrix, accuracy by class and most frequent mistakes, in lines of at most `width` cells."""
    if predictions.matrix is None:
        return [(Span(predictions.note, "muted"),)]
    matrix: list[Line] = [
        (Span("true class by predicted class", "title"), Span("  shaded by share of the row", "muted"))
    ]
    matrix += matrix_lines(predictions.matrix, predictions.classes, min(width, MATRIX), glyphs)
    classes: list[Line] = [(Span("accuracy by class", "title"),)]
    classes += class_accuracy_lines(predictions.classes, predictions.per_class, None, min(width, CLASSES), glyphs)
    right = [*classes, (), *_mistakes(predictions, glyphs)]
    head: Line = (
        Span(f"{accuracy(predictions.accuracy)} %", "strong"),
        Span(f" of {count(predictions.images)} plain test images correct"),
        Span(f", cross-entropy {loss(predictions.cross_entropy)}"),
    )
    if max(map(line_width, matrix)) + 4 + max(map(line_width, right)) <= width:
        return [head, (), *beside(matrix, right, width)]
    return [shorten(line, width, glyphs.ellipsis) for line in (head, (), *classes, (), *matrix, (),
                                                              *_mistakes(predictions, glyphs))]  # fmt: skip


def _mistakes(predictions: RunPredictions, glyphs: Glyphs) -> list[Line]:
    """The most frequent pairs of true and predicted class."""
    lines: list[Line] = [(Span("most frequent mistakes", "title"),)]
    arrow = "->" if glyphs.ascii else "→"
    for true, predicted, times in predictions.mistakes(MISTAKES):
        lines.append((Span(f"{times:>5}  "), Span(true), Span(f" {arrow} ", "muted"), Span(predicted)))
    return lines if len(lines) > 1 else [*lines, (Span("none: all are correct", "muted"),)]


def matrix_lines(matrix: NDArray[np.integer], classes: Sequence[str], width: int, glyphs: Glyphs) -> list[Line]:
    """A line per true class with a cell per predicted class, shaded by share of the row.

    `matrix` is (true classes, predicted classes). Cells show counts if five characters fit, else only a shade.
    """
    names = [cut(name, 10, glyphs.ellipsis) for name in classes]
    left = max((text_width(name) for name in names), default=0) + 1
    cell_width = max(1, min(6, (width - left) // max(1, len(names))))
    head = [Span(" " * left)]
    for name in names:
        head += fit((Span(_short(name, cell_width), "muted"),), cell_width, right=True)
    lines: list[Line] = [tuple(head)]
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    for row, name in enumerate(names):
        body = [
            _cell(int(matrix[row, column]), float(share[row, column]), cell_width, glyphs)
            for column in range(len(names))
        ]
        lines.append((*fit((Span(name),), left), *body))
    return [shorten(line, width, glyphs.ellipsis) for line in lines]


def _short(name: str, cell_width: int) -> str:
    return cut(name, cell_width - 1, "") if cell_width > 2 else name[:1]


def _cell(count: int, share: float, cell_width: int, glyphs: Glyphs) -> Span:
    level = 0 if count == 0 else max(1, min(LEVELS - 1, int(share * (LEVELS - 1) + 0.999)))
    if cell_width >= 5:
        return Span(f"{count:>{cell_width - 1}} ", f"heat{level}")
    return Span((_SHADES[level] if glyphs.ascii else " ") * cell_width, f"heat{level}")


def class_accuracy_lines(
    classes: Sequence[str],
    values: Sequence[float],
    deltas: Sequence[float] | None,
    width: int,
    glyphs: Glyphs,
) -> list[Line]:
    """A line per class: name, accuracy in percent and a bar; with `deltas`, in points, the bar shows the delta."""
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
            bar_width = min(31, width - left - 15)
            spans.extend(both_sides(points, largest, bar_width, glyphs) if bar_width >= 5 else ())
        lines.append(shorten(spans, width, glyphs.ellipsis))
    return lines

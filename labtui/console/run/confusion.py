"""The test images of a run as lines: confusion matrix, accuracy per class, the most frequent mistakes. Pure."""

from labtui.console.run.heatmap import confusion, per_class
from labtui.console.run.overview import beside
from labtui.console.run.predictions import Predicted
from labtui.console.ui.glyphs import Glyphs
from labtui.text.numbers import accuracy, count, loss
from labtui.text.spans import Line, Span, line_width, shorten

MISTAKES = 8
CLASSES = 46


def confusion_lines(found: Predicted, room: int, glyphs: Glyphs) -> list[Line]:
    """Everything about the plain test images in at most `room` cells."""
    if found.matrix is None:
        return [(Span(found.note, "muted"),)]
    matrix: list[Line] = [
        (Span("true class by predicted class", "title"), Span("  shaded by share of the row", "muted"))
    ]
    matrix += confusion(found.matrix, found.classes, min(room, 76), glyphs)
    classes: list[Line] = [(Span("accuracy by class", "title"),)]
    classes += per_class(found.classes, found.per_class, None, min(room, CLASSES), glyphs)
    right = [*classes, (), *_mistakes(found, glyphs)]
    head: Line = (
        Span(f"{accuracy(found.accuracy)} %", "strong"),
        Span(f" of {count(found.images)} plain test images right, cross-entropy {loss(found.cross_entropy)}"),
    )
    if max(map(line_width, matrix)) + 4 + max(map(line_width, right)) <= room:
        return [head, (), *beside(matrix, right, room)]
    return [shorten(line, room, glyphs.ellipsis) for line in (head, (), *classes, (), *matrix, (),
                                                              *_mistakes(found, glyphs))]  # fmt: skip


def _mistakes(found: Predicted, glyphs: Glyphs) -> list[Line]:
    """Which class is taken for which."""
    lines: list[Line] = [(Span("most often taken for another", "title"),)]
    arrow = "->" if glyphs.ascii else "→"
    for true, predicted, times in found.confusions(MISTAKES):
        lines.append((Span(f"{times:>5}  "), Span(true), Span(f" {arrow} ", "muted"), Span(predicted)))
    return lines if len(lines) > 1 else [*lines, (Span("none: all are right", "muted"),)]

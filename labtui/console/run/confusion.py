"""The test images of a run as lines: confusion matrix, accuracy per class, the most frequent mistakes. Pure."""

from labtui.console.draw import format as text
from labtui.console.draw.spans import Line, Span, shorten, width
from labtui.console.run.heatmap import confusion, per_class
from labtui.console.run.overview import beside
from labtui.console.run.predictions import Predicted
from labtui.console.ui.glyphs import Glyphs

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
        Span(f"{text.accuracy(found.accuracy)} %", "strong"),
        Span(
            f" of {text.grouped(found.images)} plain test images right, cross-entropy {text.loss(found.cross_entropy)}"
        ),
    )
    if max(map(width, matrix)) + 4 + max(map(width, right)) <= room:
        return [head, (), *beside(matrix, right, room)]
    return [shorten(line, room, glyphs.ellipsis) for line in (head, (), *classes, (), *matrix, (),
                                                              *_mistakes(found, glyphs))]  # fmt: skip


def _mistakes(found: Predicted, glyphs: Glyphs) -> list[Line]:
    """Which class is taken for which."""
    lines: list[Line] = [(Span("most often taken for another", "title"),)]
    arrow = "->" if glyphs.ascii else "→"
    for true, predicted, count in found.confusions(MISTAKES):
        lines.append((Span(f"{count:>5}  "), Span(true), Span(f" {arrow} ", "muted"), Span(predicted)))
    return lines if len(lines) > 1 else [*lines, (Span("none: all are right", "muted"),)]

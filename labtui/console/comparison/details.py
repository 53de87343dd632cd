"""What there is to say about one row of the comparison, as lines: its verdict in words, what was found, what differs.
Pure; the words come from labtui.compare."""

from collections.abc import Iterable

import msgspec

from labtui.compare.model import ComparisonRow, ComparisonTable
from labtui.compare.render import phrases
from labtui.compare.render.notes import note_lines
from labtui.compare.render.text import effect_lines, published_lines
from labtui.console.run.heatmap import per_class
from labtui.console.ui.glyphs import Glyphs
from labtui.text import spans
from labtui.text.clean import clean_line
from labtui.text.spans import Line, Span, shorten, wrap


def row_lines(table: ComparisonTable, row: ComparisonRow, room: int, glyphs: Glyphs) -> list[Line]:
    """Verdict, findings with what to do, published figures, effects; at most `room` cells wide."""
    alone = msgspec.structs.replace(table, rows=(row,), notes=(), factorials=_factorials(table, row))
    lines: list[Line] = [(Span(row.title, "strong"), Span(f"  {row.name}  {row.data}  {row.device}".rstrip(), "muted"))]
    lines += [(Span(text),) for text in _wrap(phrases.verdict(row, table.metric), room)]
    if row.conclusion:
        lines += [(Span(text, "muted"),) for text in _wrap(f"The published report: {row.conclusion}", room)]
    for block in (note_lines(alone, room)[1:], effect_lines(alone, room), published_lines(alone, room)):
        lines += [(), *_spans(block)] if block else []
    return [shorten(line, room, glyphs.ellipsis) for line in lines]


def _factorials(table: ComparisonTable, row: ComparisonRow) -> tuple[msgspec.Struct, ...]:
    return tuple(one for one in table.factorials if row.title in (one.first, one.second, one.both))


def table_lines(table: ComparisonTable, room: int, glyphs: Glyphs) -> list[Line]:
    """What is to be said about the table as a whole."""
    lines: list[Line] = []
    for note in table.notes:
        wrapped = _wrap(note, max(10, room - 2))
        lines += [(Span(f"{glyphs.dot} " if not index else "  ", "muted"), Span(text, "muted"))
                  for index, text in enumerate(wrapped)]  # fmt: skip
    return lines


def class_lines(row: ComparisonRow, room: int, glyphs: Glyphs) -> list[Line]:
    """Accuracy per class, and what it gained or lost against the baseline."""
    one = row.comparison
    if not row.class_accuracy or len(row.class_accuracy) != len(row.classes):
        return []
    deltas = one.per_class if one and len(one.per_class) == len(row.classes) else None
    against = f"  and points against {one.against}" if one and deltas else ""
    head: Line = (Span("accuracy by class", "title"), Span(against, "muted"))
    return [head, *per_class(row.classes, row.class_accuracy, deltas, room, glyphs)]


def _spans(lines: Iterable[spans.Line]) -> list[Line]:
    return [tuple(Span(span.text, span.style) for span in line if span.text) for line in lines]


def _wrap(text: str, room: int) -> list[str]:
    return wrap(clean_line(text), max(20, room))

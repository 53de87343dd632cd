"""What the crosshair reads as a table: a line per series. Pure."""

from collections.abc import Sequence

from labtui.console.charts.axes import XAxis
from labtui.console.charts.crosshair import Reading
from labtui.console.draw import format as text
from labtui.console.draw.spans import Line, Span
from labtui.console.draw.table import Column, Row, body, header, lay_out
from labtui.console.ui.glyphs import Glyphs

MARK = Column("mark", "", 2)
NAME = Column("name", "run", 16, grows=True)
SMOOTHED = Column("smoothed", "smoothed", 10, right=True)
VALUE = Column("value", "value", 10, right=True)
SPREAD = Column("spread", "± sd over n", 14, rank=3, right=True)
STEP = Column("step", "step", 13, rank=1, right=True)
RELATIVE = Column("relative", "relative", 10, rank=2, right=True)


def reading_lines(
    readings: Sequence[Reading], number: str, room: int, glyphs: Glyphs, *, smoothed: bool, front: int = -1
) -> list[Line]:
    """A head and a line per reading, at most `room` cells wide; `front` is the line that is drawn on top."""
    if not readings:
        return []
    columns = [MARK, NAME, *([SMOOTHED] if smoothed else []), VALUE]
    columns += [SPREAD] if any(one.n for one in readings) else []
    layout = lay_out([*columns, STEP, RELATIVE], room)
    rows = [
        Row(str(index), _cells(one, number, glyphs, smoothed=smoothed), ink="strong" if index == front else "")
        for index, one in enumerate(readings)
    ]
    head = header(layout)
    if glyphs.ascii:
        head = tuple(Span(span.text.replace("±", "+-"), span.ink) for span in head)
    return [head, *(body(layout, row, glyphs.ellipsis) for row in rows)]


def _cells(one: Reading, number: str, glyphs: Glyphs, *, smoothed: bool) -> dict[str, Line]:
    write = text.accuracy if number == "accuracy" else text.loss
    ink = f"series{one.ink}"
    averaged = one.n is not None
    return {
        "mark": (Span(one.label[:1].upper() if one.label[:1].isupper() else glyphs.dash, ink),),
        "name": (Span(one.name),),
        "smoothed": (Span(write(one.smoothed), ink),),
        "value": () if averaged and smoothed else (Span(write(one.value), "" if smoothed else ink),),
        "spread": (Span(f"{glyphs.plus_minus} {write(one.sd)}  n {one.n}", "muted"),) if averaged else (),
        "step": () if one.step is None else (Span(f"{one.unit} ", "muted"), Span(text.grouped(one.step))),
        "relative": (Span(text.duration(one.relative), "muted"),),
    }


def place(x: float, axis: XAxis) -> str:
    """Where the crosshair stands, in words: `epoch 4.5`, `12:44:01`, `1m 20s`."""
    if axis is XAxis.WALL:
        return text.clock(x)
    if axis is XAxis.RELATIVE:
        return text.duration(x)
    if axis is XAxis.EPOCH:
        return f"epoch {x:.2f}".rstrip("0").rstrip(".")
    return f"{axis} {text.grouped(round(x))}"

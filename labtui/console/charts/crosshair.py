"""Reads every series at the crosshair, and formats the readings as a table. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from labtui.console.charts.series import Series
from labtui.console.charts.xaxis import XAxis
from labtui.console.ui.glyphs import Glyphs
from labtui.text.durations import local_time, signed_duration
from labtui.text.numbers import accuracy, count, loss
from labtui.text.spans import Line, Span
from labtui.text.tables import Column, TableRow, header_line, lay_out, row_line


class Reading(NamedTuple):
    """The point of a series nearest to the crosshair."""

    name: str
    label: str
    colour: int
    smoothed: float
    value: float
    x: float
    step: int | None
    relative: float | None
    """Seconds since the run's first event."""
    unit: str = "step"
    """What the step counts, in a word."""
    sd: float | None = None
    """Of a mean over seeds: their standard deviation at this x."""
    n: int | None = None
    """Of a mean over seeds: their number at this x."""


def read_at(series: Sequence[Series], x: float | None) -> tuple[Reading, ...]:
    """The point nearest to x of every series that has points; without an x, its last point."""
    return tuple(_reading(line, -1 if x is None else nearest(line, x)) for line in series if line.x.size)


def nearest(line: Series, x: float) -> int:
    """The index of the point with the nearest x; of two equally near points, the first."""
    after = int(np.searchsorted(line.x, x))
    if after == 0:
        return 0
    if after == line.x.size or x - float(line.x[after - 1]) <= float(line.x[after]) - x:
        return after - 1
    return after


def neighbour(series: Sequence[Series], x: float, direction: int) -> float | None:
    """The x of the next point of any series on the right (direction 1) or left (-1) of x; None at the end."""
    if direction > 0:
        beyond = [line.x[at] for line in series if (at := int(np.searchsorted(line.x, x, "right"))) < line.x.size]
        return float(min(beyond)) if beyond else None
    before = [line.x[at - 1] for line in series if (at := int(np.searchsorted(line.x, x, "left"))) > 0]
    return float(max(before)) if before else None


def _reading(line: Series, at: int) -> Reading:
    return Reading(
        name=line.name,
        label=line.label,
        colour=line.colour,
        smoothed=float(line.y[at]),
        value=float(line.y[at] if line.raw is None else line.raw[at]),
        x=float(line.x[at]),
        step=None if line.steps is None else int(line.steps[at]),
        relative=None if line.times is None else float(line.times[at]),
        unit=line.unit,
        sd=None if line.band is None else (float(line.band[1][at]) - float(line.band[0][at])) / 2,
        n=None if line.counts is None else int(line.counts[at]),
    )


MARK = Column("", key="mark", width=2)
NAME = Column("run", key="name", width=16, grows=True)
SMOOTHED = Column("smoothed", key="smoothed", width=10, right=True)
VALUE = Column("value", key="value", width=10, right=True)
SPREAD = Column("± sd over n", key="spread", width=14, rank=3, right=True)
STEP = Column("step", key="step", width=13, rank=1, right=True)
RELATIVE = Column("relative", key="relative", width=10, rank=2, right=True)


def reading_lines(
    readings: Sequence[Reading], number: str, width: int, glyphs: Glyphs, *, smoothed: bool
) -> list[Line]:
    """A header and a line per reading, at most `width` cells wide."""
    if not readings:
        return []
    columns = [MARK, NAME, *([SMOOTHED] if smoothed else []), VALUE]
    columns += [SPREAD] if any(reading.n for reading in readings) else []
    layout = lay_out([*columns, STEP, RELATIVE], width)
    rows = [
        TableRow(str(index), _cells(reading, number, glyphs, smoothed=smoothed))
        for index, reading in enumerate(readings)
    ]
    head = header_line(layout)
    if glyphs.ascii:
        head = tuple(Span(span.text.replace("±", "+-"), span.style) for span in head)
    return [head, *(row_line(layout, row, glyphs.ellipsis) for row in rows)]


def _cells(reading: Reading, number: str, glyphs: Glyphs, *, smoothed: bool) -> dict[str, Line]:
    write = accuracy if number == "accuracy" else loss
    style = f"series{reading.colour}"
    averaged = reading.n is not None
    return {
        "mark": (Span(reading.label[:1].upper() if reading.label[:1].isupper() else glyphs.dash, style),),
        "name": (Span(reading.name),),
        "smoothed": (Span(write(reading.smoothed, ""), style),),
        "value": () if averaged and smoothed else (Span(write(reading.value, ""), "" if smoothed else style),),
        "spread": (Span(f"{glyphs.plus_minus} {write(reading.sd, '')}  n {reading.n}", "muted"),) if averaged else (),
        "step": () if reading.step is None else (Span(f"{reading.unit} ", "muted"), Span(count(reading.step))),
        "relative": (Span(signed_duration(reading.relative, ""), "muted"),),
    }


def place(x: float, axis: XAxis) -> str:
    """The position of the crosshair in words: `epoch 4.5`, `Nov 21 12:44:01`, `1m 20s`."""
    if axis is XAxis.WALL:
        return local_time(x, "%b %d %H:%M:%S") or f"{x:g}"
    if axis is XAxis.RELATIVE:
        return signed_duration(x)
    if not abs(x) < 1e15:
        return f"{axis} {x:g}"
    if axis is XAxis.EPOCH:
        return f"epoch {x:.2f}".rstrip("0").rstrip(".")
    return f"{axis} {count(round(x))}"

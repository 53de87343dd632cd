"""What the crosshair reads: every series at one x, and these readings as a table. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from labtui.console.charts.series import Series
from labtui.console.charts.xaxis import XAxis
from labtui.console.ui.glyphs import Glyphs
from labtui.text.durations import duration, time_of_day
from labtui.text.numbers import accuracy, count, loss
from labtui.text.spans import Line, Span
from labtui.text.tables import Column, TableRow, header_line, lay_out, row_line


class Reading(NamedTuple):
    """The point of a series that is nearest to the crosshair."""

    name: str
    label: str
    ink: int
    smoothed: float
    value: float
    x: float
    step: int | None
    relative: float | None
    """Seconds since the run's first event."""
    unit: str = "step"
    """What the step counts."""
    sd: float | None = None
    """Of a mean over seeds: their standard deviation here."""
    n: int | None = None
    """Of a mean over seeds: how many reach here."""


def read_at(series: Sequence[Series], x: float) -> tuple[Reading, ...]:
    """The nearest point of every series that has one, in their order."""
    return tuple(_reading(one, nearest(one, x)) for one in series if one.x.size)


def nearest(one: Series, x: float) -> int:
    """The index of the point whose x is nearest; of two equally near, the earlier."""
    after = int(np.searchsorted(one.x, x))
    if after == 0:
        return 0
    if after == one.x.size or x - one.x[after - 1] <= one.x[after] - x:
        return after - 1
    return after


def neighbour(series: Sequence[Series], x: float, direction: int) -> float | None:
    """The x of the next point to the right (direction 1) or left (-1) of x over all series; None at the end."""
    if direction > 0:
        beyond = [one.x[at] for one in series if (at := int(np.searchsorted(one.x, x, "right"))) < one.x.size]
        return float(min(beyond)) if beyond else None
    before = [one.x[at - 1] for one in series if (at := int(np.searchsorted(one.x, x, "left"))) > 0]
    return float(max(before)) if before else None


def _reading(one: Series, at: int) -> Reading:
    return Reading(
        name=one.name,
        label=one.label,
        ink=one.ink,
        smoothed=float(one.y[at]),
        value=float(one.y[at] if one.raw is None else one.raw[at]),
        x=float(one.x[at]),
        step=None if one.steps is None else int(one.steps[at]),
        relative=None if one.times is None else float(one.times[at]),
        unit=one.unit,
        sd=None if one.band is None else float(one.band[1][at] - one.band[0][at]) / 2,
        n=None if one.counts is None else int(one.counts[at]),
    )


MARK = Column("", key="mark", width=2)
NAME = Column("run", key="name", width=16, grows=True)
SMOOTHED = Column("smoothed", key="smoothed", width=10, right=True)
VALUE = Column("value", key="value", width=10, right=True)
SPREAD = Column("± sd over n", key="spread", width=14, rank=3, right=True)
STEP = Column("step", key="step", width=13, rank=1, right=True)
RELATIVE = Column("relative", key="relative", width=10, rank=2, right=True)


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
        TableRow(str(index), _cells(one, number, glyphs, smoothed=smoothed), style="strong" if index == front else "")
        for index, one in enumerate(readings)
    ]
    head = header_line(layout)
    if glyphs.ascii:
        head = tuple(Span(span.text.replace("±", "+-"), span.style) for span in head)
    return [head, *(row_line(layout, row, glyphs.ellipsis) for row in rows)]


def _cells(one: Reading, number: str, glyphs: Glyphs, *, smoothed: bool) -> dict[str, Line]:
    write = accuracy if number == "accuracy" else loss
    ink = f"series{one.ink}"
    averaged = one.n is not None
    return {
        "mark": (Span(one.label[:1].upper() if one.label[:1].isupper() else glyphs.dash, ink),),
        "name": (Span(one.name),),
        "smoothed": (Span(write(one.smoothed, ""), ink),),
        "value": () if averaged and smoothed else (Span(write(one.value, ""), "" if smoothed else ink),),
        "spread": (Span(f"{glyphs.plus_minus} {write(one.sd, '')}  n {one.n}", "muted"),) if averaged else (),
        "step": () if one.step is None else (Span(f"{one.unit} ", "muted"), Span(count(one.step))),
        "relative": (Span(duration(one.relative, ""), "muted"),),
    }


def place(x: float, axis: XAxis) -> str:
    """Where the crosshair stands, in words: `epoch 4.5`, `12:44:01`, `1m 20s`."""
    if axis is XAxis.WALL:
        return time_of_day(x)
    if axis is XAxis.RELATIVE:
        return duration(x)
    if axis is XAxis.EPOCH:
        return f"epoch {x:.2f}".rstrip("0").rstrip(".")
    return f"{axis} {count(round(x))}"

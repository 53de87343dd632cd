"""What a chart draws: series, and the view of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from labtui.console.charts.ticks import (
    LARGEST,
    Range,
    Scale,
    grown_end,
    log_range,
    rounded_range,
    steady,
    usable,
    usable_log,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Series:
    """One curve: ascending `x` (n,) and `y` (n,). Values that are not finite are gaps."""

    name: str
    """In full, for the reading."""
    label: str
    """Short, for the end of the line: a mark's letter."""
    x: Floats
    y: Floats
    colour: int = 0
    """The number of the series colour."""
    dash: int = 0
    raw: Floats | None = None
    """The values (n,) before smoothing, drawn faint behind."""
    band: tuple[Floats, Floats] | None = None
    """Lower and upper edge (n,) of an area around the line."""
    steps: NDArray[np.int64] | None = None
    """The recorded step of each point (n,), for the reading."""
    times: Floats | None = None
    """Seconds from the run's first event to each point (n,), for the reading."""
    unit: str = "step"
    """What a step counts, in a word, for the reading."""
    counts: NDArray[np.int64] | None = None
    """Of a mean: the number of curves at each point (n,)."""

    unplaced: int = 0
    """Points that were left out because they have no x: a wall time that is not a number."""

    @property
    def last(self) -> float:
        """The last value, finite or not; NaN if there is none."""
        return float(self.y[-1]) if self.y.size else float("nan")


@dataclass(frozen=True)
class View:
    """How the series are drawn. Ranges that are None follow the data."""

    x: Range | None = None
    y: Range | None = None
    x_scale: Scale = Scale.NUMBER
    x_label: str = ""
    """What x counts, written at the end of its axis if it fits."""
    planned: float | None = None
    """Where the longest run will end on this x axis, if known: then the axis does not grow."""
    log_y: bool = False
    clip_outliers: bool = True
    bounds: Range | None = None
    """The range of possible values: 0 to 100 for percentages."""
    cursor: float | None = None
    """The crosshair's x."""
    values: bool = True
    """Whether the label at a line's end carries its last value."""
    number: str = "loss"
    """How values are formatted: "accuracy" or "loss"."""
    before: "Frame | None" = field(default=None, compare=False)
    """The last frame, whose ranges are kept while they fit."""


@dataclass(frozen=True)
class Frame:
    """The ranges that a picture shows, and where on it."""

    x: Range
    y: Range
    left: int
    """Cells left of the plot area."""
    across: int
    """Cells of the plot area."""
    down: int
    log_y: bool = False

    def x_at(self, column: int) -> float:
        """The x at the middle of a column of the plot area; column 0 is the left one."""
        return self.x.low + (column + 0.5) / max(1, self.across) * self.x.span

    def column_of(self, x: float) -> int:
        """The column of the plot area in which an x lies; it may lie outside."""
        share = (x - self.x.low) / self.x.span
        return int(min(2.0, max(-1.0, share)) * self.across) if share == share else -1


def drawable(line: Series) -> Series:
    """The series without points that have no place on the x axis, and with amounts that floats can work with."""
    keep = np.isfinite(line.x)
    if not keep.all():
        band = None if line.band is None else (line.band[0][keep], line.band[1][keep])
        line = replace(
            line,
            x=line.x[keep],
            y=line.y[keep],
            raw=None if line.raw is None else line.raw[keep],
            band=band,
            steps=None if line.steps is None else line.steps[keep],
            times=None if line.times is None else line.times[keep],
            counts=None if line.counts is None else line.counts[keep],
            unplaced=line.unplaced + int((~keep).sum()),
        )
    arrays = [line.x, line.y, *(() if line.raw is None else (line.raw,)), *(line.band or ())]
    if all(_is_moderate(values) for values in arrays):
        return line
    band = None if line.band is None else (_moderate(line.band[0]), _moderate(line.band[1]))
    raw = None if line.raw is None else _moderate(line.raw)
    return replace(line, x=_moderate(line.x), y=_moderate(line.y), raw=raw, band=band)


def _is_moderate(values: Floats) -> bool:
    finite = values[np.isfinite(values)]
    return not finite.size or float(np.abs(finite).max()) <= LARGEST


def _moderate(values: Floats) -> Floats:
    """Finite values within the largest amount of an axis; infinities and NaN stay."""
    return np.where(np.isfinite(values), np.clip(values, -LARGEST, LARGEST), values)


def x_range(series: Iterable[Series], view: View) -> Range:
    """From the first x (or 0) to the planned end; an axis without a planned end grows in round steps."""
    if view.x is not None:
        return usable(view.x)
    used = [line.x for line in series if line.x.size]
    if not used:
        return usable(Range(0.0, view.planned or 1.0))
    first, last = min(float(x[0]) for x in used), max(float(x[-1]) for x in used)
    if view.planned is not None and first >= 0 and last <= view.planned * (1 + 1e-9):
        return usable(Range(0.0, view.planned))
    if view.x_scale is Scale.CLOCK or first > 0.5 * last or first < 0:
        return usable(Range(first, first + grown_end(last - first, view.x_scale)))
    return usable(Range(0.0, grown_end(last, view.x_scale)))


def y_range(series: Iterable[Series], view: View, shown: Range, rows: int) -> Range:
    """A round range around what is visible, without the rare outliers of each series."""
    if view.y is not None:
        return usable_log(view.y) if view.log_y else usable(view.y)
    spans = [span for line in series for span in _spans(line, view, shown)]
    if not spans:
        return Range(0.1, 1.0) if view.log_y else usable(view.bounds or Range(0.0, 1.0))
    low, high = min(span.low for span in spans), max(span.high for span in spans)
    wanted = log_range(low, high) if view.log_y else rounded_range(low, high, rows, view.bounds)
    before = view.before.y if view.before and view.before.log_y == view.log_y else None
    found = steady(before, wanted)
    return usable_log(found) if view.log_y else usable(found)


def _spans(line: Series, view: View, shown: Range) -> list[Range]:
    window = slice(int(np.searchsorted(line.x, shown.low)), int(np.searchsorted(line.x, shown.high, "right")))
    edges = () if line.band is None else line.band
    spans = [_extent(values[window], log=view.log_y, clip=view.clip_outliers) for values in (line.y, *edges)]
    return [span for span in spans if span is not None]


def _extent(values: Floats, *, log: bool, clip: bool) -> Range | None:
    """Least and greatest value, without rare outliers if these would flatten the rest.

    Outliers are in the first fifth of the points and 1% at each end. They are left out only if the rest takes less than
    a quarter of the whole range: an ordinary learning curve is shown from its first point on.
    """
    finite = values[np.isfinite(values) & (values > 0)] if log else values[np.isfinite(values)]
    if finite.size == 0:
        return None
    whole = Range(float(finite.min()), float(finite.max()))
    if not clip or finite.size < 10:
        return whole
    settled = finite[finite.size // 5 :]
    rest = Range(_percentile(settled, 1), _percentile(settled, 99))
    return whole if _length(whole, log=log) <= 4 * _length(rest, log=log) else rest


def _percentile(values: Floats, percent: float) -> float:
    """As np.percentile with linear interpolation, at a third of its cost: charts need it four times a second."""
    place = (values.size - 1) * percent / 100
    below = int(place)
    above = min(below + 1, values.size - 1)
    split = np.partition(values, (below, above))
    return float(split[below] + (place - below) * (split[above] - split[below]))


def _length(ends: Range, *, log: bool) -> float:
    return float(np.log10(ends.high / ends.low)) if log else ends.span

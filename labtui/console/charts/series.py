"""What a chart draws: series, and the view of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labtui.console.charts.ticks import Range, Scale, grown_end, log_range, rounded_range, steady

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

    def x_at(self, column: int) -> float:
        """The x at the middle of a column of the plot area; column 0 is the left one."""
        return self.x.low + (column + 0.5) / max(1, self.across) * self.x.span

    def column_of(self, x: float) -> int:
        """The column of the plot area in which an x lies; it may lie outside."""
        return int((x - self.x.low) / self.x.span * self.across)


def x_range(series: Iterable[Series], view: View) -> Range:
    """From the first x (or 0) to the planned end; an axis without a planned end grows in round steps."""
    if view.x is not None:
        return view.x
    used = [line.x for line in series if line.x.size]
    if not used:
        return Range(0.0, view.planned or 1.0)
    first, last = min(float(x[0]) for x in used), max(float(x[-1]) for x in used)
    if view.planned is not None and first >= 0 and last <= view.planned * (1 + 1e-9):
        return Range(0.0, view.planned)
    if view.x_scale is Scale.CLOCK or first > 0.5 * last or first < 0:
        return Range(first, first + grown_end(last - first, view.x_scale))
    return Range(0.0, grown_end(last, view.x_scale))


def y_range(series: Iterable[Series], view: View, shown: Range, rows: int) -> Range:
    """A round range around what is visible, without the rare outliers of each series."""
    if view.y is not None:
        return view.y
    spans = [span for line in series for span in _spans(line, view, shown)]
    if not spans:
        return view.bounds or (Range(0.1, 1.0) if view.log_y else Range(0.0, 1.0))
    low, high = min(span.low for span in spans), max(span.high for span in spans)
    with_known_axis = log_range(low, high) if view.log_y else rounded_range(low, high, rows, view.bounds)
    return steady(view.before.y if view.before else None, with_known_axis)


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

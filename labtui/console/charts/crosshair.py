"""What the crosshair reads: every series at one x."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from labtui.console.charts.series import Series


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

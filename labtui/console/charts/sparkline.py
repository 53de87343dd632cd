"""A curve in one line of text: eight heights of bars, the mean of each bucket, a blank where it is not a number."""

import numpy as np
from numpy.typing import NDArray

from labtui.console.charts.ticks import Range
from labtui.console.ui.glyphs import UNICODE, Glyphs


def sparkline(
    values: NDArray[np.floating],
    room: int,
    glyphs: Glyphs = UNICODE,
    *,
    ends: Range | None = None,
    planned: int | None = None,
) -> str:
    """At most `room` bars of `values` (n,).

    `ends` fixes the range (0 to 100 for accuracy), else it is the data's own. `planned` values will fill the room, so
    a run under way fills a part of it. A constant series lies in the middle.
    """
    if values.size == 0 or room <= 0:
        return ""
    means = bucket_means(np.asarray(values, dtype=np.float64), room, max(planned or values.size, values.size))
    finite = means[np.isfinite(means)]
    if finite.size == 0:
        return " " * means.size
    low, high = ends or Range(float(finite.min()), float(finite.max()))
    top = len(glyphs.bars) - 1
    with np.errstate(invalid="ignore"):
        heights = (means - low) / (high - low) * top if high > low else np.where(np.isfinite(means), top / 2, np.nan)
    levels = np.clip(np.rint(heights), 0, top)
    return "".join(" " if np.isnan(level) else glyphs.bars[int(level)] for level in levels)


def bucket_means(values: NDArray[np.float64], room: int, total: int) -> NDArray[np.float64]:
    """The means of the finite values in at most `room` buckets that `total` values would fill; NaN where none is.

    Fewer values than buckets are returned one by one.
    """
    if total <= room:
        return np.where(np.isfinite(values), values, np.nan)
    bucket = np.arange(values.size) * room // total
    finite = np.isfinite(values)
    count = np.bincount(bucket[finite], minlength=bucket[-1] + 1)
    sums = np.bincount(bucket[finite], weights=values[finite], minlength=bucket[-1] + 1)
    means: NDArray[np.float64] = np.divide(sums, count, out=np.full(count.size, np.nan), where=count > 0)
    return means

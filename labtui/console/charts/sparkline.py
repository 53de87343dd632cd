"""Curves in one line of text: eight heights of bars, each the mean of a bucket, a blank where it is not a number."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labtui.console.charts.ticks import Range
from labtui.console.data.snapshot import Trend
from labtui.console.ui.glyphs import UNICODE, Glyphs
from labtui.store.tags import LIVE_ACCURACY, is_accuracy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labtui.store.curve import Curve


def sparkline(
    values: NDArray[np.floating],
    width: int,
    glyphs: Glyphs = UNICODE,
    *,
    ends: Range | None = None,
    planned: int | None = None,
) -> str:
    """At most `width` bars of `values` (n,).

    `ends` fixes the range (0 to 100 for accuracy), else it is the data's own. `planned` values will fill the width, so
    that an active run fills a part of it. A constant series is drawn at half height.
    """
    if values.size == 0 or width <= 0:
        return ""
    means = bucket_means(np.asarray(values, dtype=np.float64), width, max(planned or values.size, values.size))
    finite = means[np.isfinite(means)]
    if finite.size == 0:
        return " " * means.size
    low, high = ends or Range(float(finite.min()), float(finite.max()))
    top = len(glyphs.bars) - 1
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        heights = (means - low) / (high - low) * top if high > low else np.where(np.isfinite(means), top / 2, np.nan)
    levels = np.clip(np.rint(heights), 0, top)
    return "".join(" " if np.isnan(level) else glyphs.bars[int(level)] for level in levels)


def bucket_means(values: NDArray[np.float64], width: int, total: int) -> NDArray[np.float64]:
    """The means of the finite values in at most `width` buckets that `total` values would fill; NaN for empty buckets.

    Fewer values than buckets are returned unchanged.
    """
    if total <= width:
        return np.where(np.isfinite(values), values, np.nan)
    bucket = np.arange(values.size) * width // total
    finite = np.isfinite(values)
    count = np.bincount(bucket[finite], minlength=bucket[-1] + 1)
    sums = np.bincount(bucket[finite], weights=values[finite], minlength=bucket[-1] + 1)
    means: NDArray[np.float64] = np.divide(sums, count, out=np.full(count.size, np.nan), where=count > 0)
    return means


TREND_VALUES = 64


def trend_of(curves: "Mapping[str, Curve]", metric: str = "") -> Trend:
    """The trend of the metric that a program is judged by, else of the live accuracy, else of the first accuracy, else
    of the first curve; empty if there is none.

    Of another tool's accuracy it is not known whether it is a percentage, so its trend has no fixed range.
    """
    judged = metric in curves and curves[metric].values.size > 0
    tag = metric if judged else _tag(curves)
    if tag is None:
        return Trend("", np.empty(0, dtype=np.float32), float("nan"), 0, is_accuracy=False)
    values = curves[tag].values
    means = bucket_means(values.astype(np.float64), TREND_VALUES, values.size).astype(np.float32)
    shown_as_accuracy = is_accuracy(tag) and not curves[tag].is_foreign
    return Trend(tag, means, float(values[-1]), values.size, shown_as_accuracy, int(curves[tag].steps[-1]))


def _tag(curves: "Mapping[str, Curve]") -> str | None:
    """The tag for the trend; a curve with one point (`test/accuracy`, at the end) is the last choice."""
    filled = [tag for tag, curve in curves.items() if curve.values.size]
    live = [tag for tag in LIVE_ACCURACY if tag in filled and not curves[tag].is_foreign]
    long = [tag for tag in live if curves[tag].values.size > 1]
    return next(iter([*long, *live, *(tag for tag in filled if is_accuracy(tag)), *filled]), None)

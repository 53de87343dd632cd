"""A curve small enough for a list: the mean of each of at most 64 stretches."""

from typing import TYPE_CHECKING

import numpy as np

from labtui.console.charts.sparkline import bucket_means
from labtui.console.data.snapshot import Trend
from labtui.store.tags import LIVE_ACCURACY, is_accuracy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labtui.store.curve import Curve

LONGEST = 64


def trend_of(curves: "Mapping[str, Curve]") -> Trend:
    """The live accuracy if there is one, else the first accuracy, else the first curve; empty where there is none."""
    tag = _tag(curves)
    if tag is None:
        return Trend("", np.empty(0, dtype=np.float32), float("nan"), float("nan"), 0, is_accuracy=False)
    values = curves[tag].values
    finite = values[np.isfinite(values)]
    higher = is_accuracy(tag)
    best = float("nan") if finite.size == 0 else float(finite.max() if higher else finite.min())
    means = bucket_means(values.astype(np.float64), LONGEST, values.size).astype(np.float32)
    return Trend(tag, means, float(values[-1]), best, values.size, is_accuracy=higher)


def _tag(curves: "Mapping[str, Curve]") -> str | None:
    """A curve of one point (`test/accuracy`, once at the end) tells less than one of many."""
    filled = [tag for tag, curve in curves.items() if curve.values.size]
    live = [tag for tag in LIVE_ACCURACY if tag in filled]
    long = [tag for tag in live if curves[tag].values.size > 1]
    return next(iter([*long, *live, *(tag for tag in filled if is_accuracy(tag)), *filled]), None)

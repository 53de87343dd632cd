"""Several seeds as one curve: the mean, and the band of one standard deviation around it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Mean(NamedTuple):
    """Each (n,): x, the mean of the curves that reach there, mean -/+ one unbiased standard deviation, how many."""

    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    n: NDArray[np.int64]


def mean_and_band(curves: Sequence[tuple[Floats, Floats]]) -> Mean:
    """Over every x that any curve has; between its points a curve counts with its straight line, beyond its ends not.

    The band closes to the line where a single curve is left.
    """
    x, table = _table(curves)
    finite = np.isfinite(table)
    count = finite.sum(axis=0)
    total = np.where(finite, table, 0.0).sum(axis=0)
    mean = np.divide(total, count, out=np.full(x.size, np.nan), where=count > 0)
    squares = np.where(finite, (table - mean) ** 2, 0.0).sum(axis=0)
    spread = np.sqrt(np.divide(squares, count - 1, out=np.zeros(x.size), where=count > 1))
    return Mean(x, mean, mean - spread, mean + spread, count)


def _table(curves: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Every x (n,), and each curve's values there (curves, n). Seeds mostly have the same x: then they are at hand."""
    if not curves:
        return np.empty(0), np.empty((0, 0))
    first = curves[0][0]
    if bool((first[1:] > first[:-1]).all()) and all(np.array_equal(first, other) for other, _ in curves[1:]):
        return first, np.array([y for _, y in curves])
    x = np.unique(np.concatenate([one for one, _ in curves]))
    return x, np.array([_at(x, *curve) for curve in curves])


def _at(x: Floats, own_x: Floats, own_y: Floats) -> Floats:
    if own_x.size == 0:
        return np.full(x.size, np.nan)
    return np.interp(x, own_x, own_y, left=np.nan, right=np.nan)

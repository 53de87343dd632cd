"""Borrowed spread: three seeds hardly tell a standard deviation; the other rows of a table help to estimate it.

The moderated t statistic (Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004): each variance is
drawn towards the mean of the others, with the weight of `d0` degrees of freedom, and the t distribution gains those
degrees of freedom. Here `d0` is at most 2, a variance far above the others keeps its own value, and nothing is borrowed
where the baseline is the one that spreads more, since every difference contains the baseline.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labtui.compare.statistics import Estimate, Numbers, few_and_unequal

MOST_BORROWED = 2.0
"""The most degrees of freedom that the other cells may lend."""

OUTLIER = 4.0
"""A variance of more than this many times the mean of the others is believed."""

BASELINE_OUTLIER = 2.0
"""Nothing is borrowed where the baseline's variance is more than this many times the mean of the rows' variances.

Every difference contains the baseline. At 4, false claims of three rows against a baseline of five times their spread
reach 6%."""

FEWEST_CELLS = 3
"""Cells from which spread is borrowed at all."""


class Moderated(NamedTuple):
    """Variances [..., cells] with what was borrowed."""

    variance: Numbers
    freedom: Numbers
    borrowed: Numbers
    """Degrees of freedom that the other cells lent; 0 where a cell keeps its own variance."""


def moderate(variances: ArrayLike, freedom: ArrayLike) -> Moderated:
    """Draw each variance [..., cells] with `freedom` degrees of freedom [..., cells] towards the mean of the others."""
    own = np.asarray(variances, dtype=np.float64)
    degrees = np.broadcast_to(np.asarray(freedom, dtype=np.float64), own.shape)
    cells = own.shape[-1]
    if cells < FEWEST_CELLS:
        return Moderated(own, degrees, np.zeros(own.shape))
    others = (own.sum(axis=-1, keepdims=True) - own) / (cells - 1)
    lent = np.broadcast_to(np.minimum(prior_freedom(own, degrees), MOST_BORROWED)[..., None], own.shape)
    lent = np.where((own > OUTLIER * others) | (own <= 0) | (others <= 0), 0.0, lent)
    return Moderated((lent * others + degrees * own) / (lent + degrees), degrees + lent, lent)


def prior_freedom(variances: ArrayLike, freedom: ArrayLike) -> Numbers:
    """How alike the variances [..., cells] are, as degrees of freedom `d0` [...]; infinite where as alike as by chance.

    By the moments of log variances (Smyth 2004, section 6.2), with the inverse trigamma function by Newton's method.
    """
    from scipy.special import polygamma, psi  # deferred: 60 ms

    own = np.asarray(variances, dtype=np.float64)
    degrees = np.broadcast_to(np.asarray(freedom, dtype=np.float64), own.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(own) - psi(degrees / 2) + np.log(degrees / 2)
        excess = np.var(logs, axis=-1, ddof=1) - polygamma(1, degrees / 2).mean(axis=-1)
    wanted = np.where(np.isfinite(excess) & (excess > 0), excess, np.nan)
    x = 0.5 + 1 / wanted
    for _ in range(20):
        value = polygamma(1, x)
        x = x + value * (1 - value / wanted) / polygamma(2, x)
    return np.where(np.isnan(wanted), np.where(np.isnan(excess), 0.0, np.inf), 2 * x)


class Borrowed(NamedTuple):
    """Differences of rows to one baseline, with spread borrowed from each other."""

    estimate: Estimate
    """Arrays [..., rows]."""
    lent: NDArray[np.bool_]
    """Whether a row's estimate [..., rows] has borrowed anything; else it is the usual one."""
    is_outlier: NDArray[np.bool_]
    """Whether the baseline [...] spreads so much more than the rows that nothing is borrowed."""


def borrow(baseline: ArrayLike, rows: Sequence[ArrayLike], *, pairs: bool) -> Borrowed:
    """Compare rows [..., n] with a baseline [..., n], each row's spread drawn towards that of the others.

    With `pairs` the seeds are those of the baseline, and the spread is that of the paired differences. Else each row
    may have seeds of its own, and the baseline's spread is drawn towards that of the rows as well.
    """
    base, others = np.asarray(baseline, dtype=np.float64), [np.asarray(row, dtype=np.float64) for row in rows]
    spreads = np.stack([row.var(axis=-1, ddof=1) for row in others], axis=-1)
    of_base = base.var(axis=-1, ddof=1)
    is_outlier = np.asarray(of_base > BASELINE_OUTLIER * spreads.mean(axis=-1))
    if pairs:
        return _paired(base, others, is_outlier)
    return _apart(base, of_base, others, spreads, is_outlier)


def _paired(base: Numbers, rows: Sequence[Numbers], is_outlier: NDArray[np.bool_]) -> Borrowed:
    n = base.shape[-1]
    differences = np.stack([row - base for row in rows], axis=-2)
    own = differences.var(axis=-1, ddof=1)
    spread = moderate(own, n - 1)
    lent = (spread.borrowed > 0) & ~is_outlier[..., None]
    error = np.sqrt(np.where(lent, spread.variance, own) / n)
    return Borrowed(
        Estimate(differences.mean(axis=-1), error, np.where(lent, spread.freedom, n - 1.0)), lent, is_outlier
    )


def _apart(
    base: Numbers, of_base: Numbers, rows: Sequence[Numbers], of_rows: Numbers, is_outlier: NDArray[np.bool_]
) -> Borrowed:
    counts = np.array([base.shape[-1], *(row.shape[-1] for row in rows)], dtype=np.float64)
    own = np.concatenate((of_base[..., None], of_rows), axis=-1)
    spread = moderate(own, counts - 1)
    lent = (spread.borrowed > 0) & ~is_outlier[..., None]
    variance = np.where(lent, spread.variance, own) / counts
    freedom = np.where(lent, spread.freedom, counts - 1)
    total = variance[..., :1] + variance[..., 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = total**2 / (variance[..., :1] ** 2 / freedom[..., :1] + variance[..., 1:] ** 2 / freedom[..., 1:])
    unequal = np.array([few_and_unequal([base.shape[-1], row.shape[-1]]) for row in rows])
    degrees = np.where(unequal, np.minimum(freedom[..., :1], freedom[..., 1:]), degrees)
    delta = np.stack([row.mean(axis=-1) for row in rows], axis=-1) - base.mean(axis=-1)[..., None]
    return Borrowed(Estimate(delta, np.sqrt(total), degrees), lent[..., :1] | lent[..., 1:], is_outlier)

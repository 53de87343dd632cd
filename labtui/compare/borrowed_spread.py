"""Borrowed spread: three seeds hardly tell a standard deviation; the other rows of a table help to estimate it.

The moderated t statistic (Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004): each variance is
drawn towards the mean of the others, with the weight of `d0` degrees of freedom, and the t distribution gains those
degrees of freedom. Here `d0` is at most 2, a variance far above the others keeps its own value, and nothing is borrowed
where the baseline is the one that spreads more, since every difference contains the baseline.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labtui.compare.statistics import Estimate, Numbers

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


def paired_borrowed(baseline: ArrayLike, rows: ArrayLike) -> Estimate:
    """Rows [..., rows, n] against a baseline [..., n] of the same seeds; gives estimates [..., rows].

    Each row's spread of differences is drawn towards that of the other rows.
    """
    base, others = np.asarray(baseline, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    n = others.shape[-1]
    differences = others - base[..., None, :]
    own = differences.var(axis=-1, ddof=1)
    spread = moderate(own, n - 1)
    outlying = _baseline_is_outlier(base, others)
    variance = np.where(outlying, own, spread.variance)
    return Estimate(differences.mean(axis=-1), np.sqrt(variance / n), np.where(outlying, n - 1.0, spread.freedom))


def welch_borrowed(baseline: ArrayLike, rows: ArrayLike) -> Estimate:
    """Rows [..., rows, n] against a baseline [..., n_b] of other seeds; gives estimates [..., rows].

    Each cell's spread, the baseline's too, is drawn towards that of the other cells.
    """
    base, others = np.asarray(baseline, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    counts = np.array([base.shape[-1], *[others.shape[-1]] * others.shape[-2]], dtype=np.float64)
    own = np.concatenate((base.var(axis=-1, ddof=1)[..., None], others.var(axis=-1, ddof=1)), axis=-1)
    spread = moderate(own, counts - 1)
    outlying = _baseline_is_outlier(base, others)
    variance = np.where(outlying, own, spread.variance) / counts
    freedom = np.where(outlying, counts - 1, spread.freedom)
    total = variance[..., :1] + variance[..., 1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = total**2 / (variance[..., :1] ** 2 / freedom[..., :1] + variance[..., 1:] ** 2 / freedom[..., 1:])
    return Estimate(others.mean(axis=-1) - base.mean(axis=-1)[..., None], np.sqrt(total), degrees)


def _baseline_is_outlier(baseline: Numbers, rows: Numbers) -> NDArray[np.bool_]:
    spread = rows.var(axis=-1, ddof=1).mean(axis=-1, keepdims=True)
    return np.asarray(baseline.var(axis=-1, ddof=1)[..., None] > BASELINE_OUTLIER * spread)

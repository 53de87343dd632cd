"""Intervals and tests from means, spreads and counts.

All functions take numbers or arrays of equal shape, so that a simulation of ten thousand experiments is one call.
Student's distribution comes from scipy.special, which loads in a tenth of the time that scipy.stats takes.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]

EXACT_SIGN_FLIPS = 40
"""Pairs up to which the sign-flip test is exact: two halves of 2^20 sums at most."""

FEW = 4
"""Values below which a group of another size than the others makes Satterthwaite's degrees of freedom too many."""

ALPHA = 0.05
"""The accepted chance of a false claim, over a whole table."""


class Estimate(NamedTuple):
    """A difference with its standard error and degrees of freedom."""

    delta: Numbers
    error: Numbers
    """Standard error of the difference."""
    freedom: Numbers


def mean_and_sd(values: ArrayLike) -> tuple[Numbers, Numbers]:
    """Mean and standard deviation (n - 1) along the last axis; the deviation of a single value is NaN."""
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape[-1] < 2:
        return numbers.mean(axis=-1), np.full(numbers.shape[:-1], np.nan)
    return numbers.mean(axis=-1), numbers.std(axis=-1, ddof=1)


def paired(differences: ArrayLike) -> Estimate:
    """The mean of paired differences [..., n], for Student's paired t."""
    numbers = np.asarray(differences, dtype=np.float64)
    mean, sd = mean_and_sd(numbers)
    n = numbers.shape[-1]
    return Estimate(mean, sd / np.sqrt(n), np.full(mean.shape, n - 1.0))


def contrast(weights: Sequence[float], groups: Sequence[ArrayLike]) -> Estimate:
    """A weighted sum of group means, each group [..., n_i] with its own variance and n_i >= 2.

    Degrees of freedom after Satterthwaite (1946) and Welch (1947): (sum v)² / sum v²/(n - 1) with v = w² s² / n. Where
    the groups are not equally large and the smallest has fewer than four values, that many minus one: Satterthwaite's
    interval would cover the truth in as few as 88 of 100 cases instead of 95.
    """
    means, variances, freedoms = [], [], []
    for weight, group in zip(weights, groups, strict=True):
        numbers = np.asarray(group, dtype=np.float64)
        mean, sd = mean_and_sd(numbers)
        means.append(weight * mean)
        variances.append(weight**2 * sd**2 / numbers.shape[-1])
        freedoms.append(numbers.shape[-1] - 1)
    total = np.sum(variances, axis=0)
    weighed = np.sum([variance**2 / free for variance, free in zip(variances, freedoms, strict=True)], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(weighed > 0, total**2 / weighed, np.float64(sum(freedoms)))
    if few_and_unequal([free + 1 for free in freedoms]):
        freedom = np.full_like(freedom, min(freedoms))
    return Estimate(np.sum(means, axis=0), np.sqrt(total), freedom)


def few_and_unequal(counts: Sequence[int]) -> bool:
    """Whether groups are too small and too unequal for Satterthwaite's degrees of freedom."""
    return min(counts) < FEW and len(set(counts)) > 1


def welch(here: ArrayLike, there: ArrayLike) -> Estimate:
    """The difference of two independent means (here minus there) with unequal variances: Welch (1947)."""
    return contrast((1.0, -1.0), (here, there))


def partly_paired(here: ArrayLike, there: ArrayLike, pairs: int, correlation: ArrayLike) -> Estimate:
    """The difference of two means (here minus there) of groups [..., n] of which `pairs` values belong together.

    `correlation` is that of the pairs. With the standard error and degrees of freedom of Derrick, Russ, Toher and White
    (Journal of Modern Applied Statistical Methods 16(1), 2017), which are those of the paired t test if all values have
    a partner and of Welch's if none has.
    """
    ours, theirs = np.asarray(here, dtype=np.float64), np.asarray(there, dtype=np.float64)
    apart, n, m = welch(ours, theirs), ours.shape[-1], theirs.shape[-1]
    shared = np.asarray(correlation) * mean_and_sd(ours)[1] * mean_and_sd(theirs)[1] * pairs / (n * m)
    error = np.sqrt(np.maximum(apart.error**2 - 2 * shared, 0.0))
    alone = n + m - 2 * pairs
    freedom = pairs - 1 + (apart.freedom - pairs + 1) / (n + m) * alone
    return Estimate(apart.delta, error, freedom)


def bounds(estimate: Estimate, level: ArrayLike = 1 - ALPHA) -> tuple[Numbers, Numbers]:
    """The interval that covers the true difference with probability `level` if values are normally distributed."""
    half = _quantile(estimate.freedom, (1 + np.asarray(level)) / 2) * estimate.error
    return estimate.delta - half, estimate.delta + half


def p_two_sided(estimate: Estimate) -> Numbers:
    """The two-sided p-value of a difference; NaN if its standard error is zero."""
    from scipy.special import stdtr  # deferred: 60 ms

    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(estimate.delta) / estimate.error
    p = 2 * stdtr(estimate.freedom, -t)
    return cast("Numbers", np.where(estimate.error > 0, p, np.nan))


class Adjusted(NamedTuple):
    """Holm's procedure over the last axis."""

    p: Numbers
    level: Numbers
    """At which each interval excludes 0 exactly if Holm rejects."""


def holm(p: ArrayLike, alpha: float = ALPHA) -> Adjusted:
    """Holm (1979): the chance of any false rejection stays under `alpha`, however the tests depend on each other.

    In ascending order the k-th of m is tested at alpha / (m - k + 1). After the first that is not rejected, none is,
    and all of these have the level of that first one.
    """
    numbers = np.asarray(p, dtype=np.float64)
    m = numbers.shape[-1]
    order = np.argsort(numbers, axis=-1, kind="stable")
    ranked = np.take_along_axis(numbers, order, axis=-1)
    factors = np.arange(m, 0, -1, dtype=np.float64)
    adjusted = np.minimum(np.maximum.accumulate(ranked * factors, axis=-1), 1.0)
    rejected = np.logical_and.accumulate(ranked * factors <= alpha, axis=-1)
    last = np.minimum(rejected.sum(axis=-1, keepdims=True), m - 1)
    alphas = np.where(rejected, alpha / factors, alpha / factors[last])
    back = np.argsort(order, axis=-1, kind="stable")
    return Adjusted(np.take_along_axis(adjusted, back, axis=-1), 1 - np.take_along_axis(alphas, back, axis=-1))


def sign_flip(differences: ArrayLike) -> float | None:
    """Exact two-sided p of the mean of paired differences: the share of all 2^n sign patterns at least as far from 0.

    It assumes no normal distribution, only that a difference and its negative are equally likely. None for more than
    40 pairs. The smallest possible value is 2 / 2^n: 0.25 for 3 pairs, 0.031 for 6.
    """
    numbers = np.asarray(differences, dtype=np.float64)
    if not 1 <= len(numbers) <= EXACT_SIGN_FLIPS:
        return None
    half = len(numbers) // 2
    left, right = _signed_sums(numbers[:half]), np.sort(_signed_sums(numbers[half:]))
    # Ties must count although sums are rounded.
    edge = abs(float(numbers.sum())) - 1e-9 * float(np.abs(numbers).sum())
    above = len(right) - np.searchsorted(right, edge - left, side="left")
    below = np.searchsorted(right, -edge - left, side="right")
    return min(1.0, float((above + below).sum()) / 2.0 ** len(numbers))


def binomial_error(percent: float, images: int) -> float:
    """Standard error, in points, of an accuracy that is measured on `images` test images."""
    share = min(max(percent / 100, 0.0), 1.0)
    return 100 * float(np.sqrt(share * (1 - share) / images))


def mcnemar(fixes: int, breaks: int) -> float:
    """Exact two-sided McNemar test: the binomial one on the images that exactly one of two networks gets right."""
    from scipy.special import bdtr  # deferred: 60 ms

    if fixes + breaks == 0:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(fixes, breaks), fixes + breaks, 0.5)))


def correlation_interval(correlation: float, n: int) -> tuple[float, float] | None:
    """The 95% interval of a correlation over `n` pairs, by Fisher's transformation; None below four pairs."""
    if n < 4 or not abs(correlation) < 1:
        return None
    middle, half = math.atanh(correlation), 1.959964 / math.sqrt(n - 3)
    return math.tanh(middle - half), math.tanh(middle + half)


def fisher(left: tuple[int, int], right: tuple[int, int]) -> float:
    """Fisher's exact two-sided test of two success rates, each side as (successes, failures): 1.0 without a seed.

    The sum of the probabilities of all tables with these margins that are not more likely than the given one.
    """
    first, n, successes = sum(left), sum(left) + sum(right), left[0] + right[0]
    ways = {
        hits: math.comb(successes, hits) * math.comb(n - successes, first - hits)
        for hits in range(max(0, first + successes - n), min(first, successes) + 1)
    }
    given = ways[left[0]]
    return sum(number for number in ways.values() if number <= given) / math.comb(n, first)


def expected_best(values: Sequence[float], *, higher_is_better: bool = True) -> tuple[float, ...]:
    """The expected best of 1, 2, …, n of n values that are drawn at random with replacement.

    After Dodge, Gururangan, Card, Schwartz and Smith (Show Your Work, 2019): the sum over the ordered values v_i of
    v_i ((i/n)^k - ((i-1)/n)^k).
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    ordered = ordered if higher_is_better else ordered[::-1]
    n = len(ordered)
    shares = np.arange(n + 1) / n
    return tuple(float(np.sum(ordered * np.diff(shares**k))) for k in range(1, n + 1))


def _quantile(freedom: ArrayLike, probability: ArrayLike) -> Numbers:
    from scipy.special import stdtrit  # deferred: 60 ms

    return cast("Numbers", stdtrit(freedom, probability))


def _signed_sums(numbers: Numbers) -> Numbers:
    sums = np.zeros(1)
    for number in numbers:
        sums = np.concatenate((sums + number, sums - number))
    return sums

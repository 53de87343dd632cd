"""Verdicts that may be looked at after every seed: repeated confidence intervals within a plan, and without one.

Within a plan (`labtui run … --until decided`) the seeds 0, 1, 2, … are trained in order, and after each complete prefix
of at least three the difference is looked at. The share of false claims that is accepted over all looks is spent a
little at each look, so that looking often costs nothing but width: repeated confidence intervals (Jennison and
Turnbull, JRSS B 51, 1989) by a spending function (Lan and DeMets, Biometrika 70, 1983) of the power family (Kim and
DeMets, Biometrika 74, 1987), alpha * (n / cap)^1.5, applied to Student's t. The boundaries hold for any subset of the
looks and whether or not one stops where a boundary is crossed.

Without a plan nobody knows how often was looked, and the interval must hold for every number of looks: the always-valid
t interval (Wang and Ramdas, arXiv 2310.03722; right-Haar prior with a Gaussian mixture).
"""

from enum import StrEnum
from functools import cache
from typing import cast

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike

from labtui.compare.model import Verdict
from labtui.compare.statistics import ALPHA, Estimate, Numbers, bounds

FIRST_LOOK = 3
"""Seeds at the first look: fewer say nothing about spread."""

CAP = 20
"""Seeds at which a plan ends unless it names another number."""

SPENDING_POWER = 1.5

FUTILITY_FROM = 6
"""Seeds from which a plan may stop because it is unlikely to be decided by its cap."""

FUTILITY = 0.10
"""A plan stops where its chance of a decision by the cap is smaller."""

NULL_PATHS = 1_000_000
"""Simulated plans without any difference, from which boundaries are read where no table has them."""

FUTURES = 2_000
"""Simulated continuations from which the chance to be decided is read."""

# Calibrated from 10^6 null paths at alpha 5% (claims) and 10% (the interval of twice the error for equivalence).
_CLAIM_AT_5 = (
    *(0.00289, 0.00203, 0.00253, 0.00302, 0.00364, 0.00443, 0.00537, 0.00638, 0.00738),
    *(0.00833, 0.00935, 0.0106, 0.0118, 0.0132, 0.0146, 0.0160, 0.0174, 0.0190),
)
_EQUIVALENCE_AT_5 = (
    *(0.00581, 0.00432, 0.00517, 0.00645, 0.00800, 0.00975, 0.0117, 0.0138, 0.0159),
    *(0.0185, 0.0212, 0.0236, 0.0268, 0.0299, 0.0330, 0.0365, 0.0399, 0.0437),
)


class Boundaries(Struct, frozen=True, kw_only=True):
    """The two-sided error rates of the intervals at the looks of one plan, from `FIRST_LOOK` seeds to `cap`."""

    alpha: float
    """False claims accepted over all looks, for one of the plan's comparisons."""
    cap: int
    claim: tuple[float, ...] = ()
    """Per look: the interval at 1 minus this rate that excludes zero is a claim."""
    equivalence: tuple[float, ...] = ()
    """Per look: the interval at 1 minus this rate that lies within the smallest effect excludes what matters."""

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of seeds at which a look is taken."""
        return tuple(range(FIRST_LOOK, self.cap + 1))

    def rates(self, seeds: int) -> tuple[float, float]:
        """The rates of both intervals at a look. Raises IndexError for a number of seeds that the plan has not."""
        if not FIRST_LOOK <= seeds <= self.cap:
            raise IndexError(f"the plan has no look at {seeds} seeds")
        return self.claim[seeds - FIRST_LOOK], self.equivalence[seeds - FIRST_LOOK]


class Decision(StrEnum):
    """What a look says; `CONTINUE` asks for another seed."""

    HIGHER = "higher"
    LOWER = "lower"
    NEGLIGIBLE = Verdict.NO_DIFFERENCE.value
    FUTILE = "not decidable within the cap"
    CONTINUE = "continue"


def boundaries(alpha: float = ALPHA, cap: int = CAP) -> Boundaries:
    """The boundaries of a plan; `alpha` is already divided by the number of comparisons that share it.

    The usual plan comes from a table, any other is calibrated within seconds, always to the same digits.
    Raises ValueError for a cap below three seeds or an alpha outside (0, 0.5).
    """
    if cap < FIRST_LOOK or not 0 < alpha < 0.5:
        raise ValueError(f"a plan needs {FIRST_LOOK} seeds or more and an alpha between 0 and 0.5")
    if (alpha, cap) == (ALPHA, CAP):
        return Boundaries(alpha=alpha, cap=cap, claim=_CLAIM_AT_5, equivalence=_EQUIVALENCE_AT_5)
    return Boundaries(
        alpha=alpha, cap=cap, claim=calibrated(alpha, cap), equivalence=calibrated(min(2 * alpha, 0.999), cap)
    )


def calibrated(alpha: float, cap: int, paths: int = NULL_PATHS) -> tuple[float, ...]:
    """Error rates for looks at 3, 4, … `cap` seeds whose claims on null paths add up to the spending function."""
    from scipy.special import stdtr  # deferred: 60 ms

    random = np.random.default_rng(20)
    total, squares = np.zeros(paths), np.zeros(paths)
    alive = np.ones(paths, dtype=bool)
    spent, rates = 0, []
    for n in range(1, cap + 1):
        values = random.standard_normal(paths)
        total += values
        squares += values**2
        if n < FIRST_LOOK:
            continue
        mean = total / n
        t = np.abs(mean) / np.sqrt((squares - n * mean**2) / (n - 1) / n)
        claims = round(paths * alpha * (n / cap) ** SPENDING_POWER) - spent
        still = t[alive]
        edge = np.partition(still, len(still) - claims - 1)[len(still) - claims - 1 :][:1] if claims else [np.inf]
        rates.append(float(2 * stdtr(n - 1, -edge[0])))
        alive &= t <= edge[0]
        spent += claims
    return tuple(rates)


def prefix_estimates(groups: tuple[ArrayLike, ...], looks: tuple[int, ...]) -> Estimate:
    """The estimate at each look [..., looks], from paired differences [..., n] or from two groups [..., n] each.

    Looks beyond n are left out. Two groups are compared after Welch, with Satterthwaite's degrees of freedom.
    """
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    counts = np.array([look for look in looks if look <= min(array.shape[-1] for array in arrays)])
    means, variances = [], []
    for array in arrays:
        centred = array - array[..., :1]  # sums of squares of what is far from zero would lose digits
        total = np.cumsum(centred, axis=-1)[..., counts - 1]
        squares = np.cumsum(centred**2, axis=-1)[..., counts - 1]
        mean = total / counts
        means.append(mean + array[..., :1])
        variances.append(np.maximum(squares - counts * mean**2, 0) / (counts - 1) / counts)
    if len(arrays) == 1:
        return Estimate(means[0], np.sqrt(variances[0]), np.broadcast_to(counts - 1.0, means[0].shape))
    here, there = variances
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(here + there > 0, (here + there) ** 2 * (counts - 1) / (here**2 + there**2), counts - 1.0)
    return Estimate(means[0] - means[1], np.sqrt(here + there), freedom)


def decided(estimate: Estimate, plan: Boundaries, smallest_effect: float | None) -> Numbers:
    """Per look: +1 and -1 for a claim, 2 for no difference that matters, 0 for undecided.

    Without a smallest effect nothing is ever called negligible. A look without any spread decides nothing.
    """
    shown = estimate.delta.shape[-1]
    return _decided(estimate, plan.claim[:shown], plan.equivalence[:shown], smallest_effect)


def decision_at(
    estimate: Estimate, seeds: int, plan: Boundaries, smallest_effect: float | None, resolution: float
) -> tuple[float, float, Decision]:
    """The repeated interval at a look after `seeds` seeds, and what it decides; never that continuing is futile.

    `resolution` is the smallest step of the metric (100 / images for an accuracy in percent): spread below half of it
    is rounding, and decides nothing. Raises IndexError for a number of seeds that the plan has no look at.
    """
    claim, equivalence = plan.rates(seeds)
    low, high = (float(edge) for edge in bounds(estimate, 1 - claim))
    if not float(estimate.error) > 0.5 * resolution / seeds**0.5:
        return low, high, Decision.CONTINUE
    return low, high, _DECISIONS[float(_decided(estimate, claim, equivalence, smallest_effect))]


def chance_to_decide(
    groups: tuple[ArrayLike, ...], plan: Boundaries, smallest_effect: float | None, futures: int = FUTURES
) -> float:
    """The share of simulated continuations that are decided by the cap.

    Each continuation draws mean and spread from what the seeds so far say of them (the posterior under Jeffreys' prior
    for a normal distribution), then the missing seeds. The random seed is fixed: the same values give the same answer.
    """
    random = np.random.default_rng(19)
    seeds = min(len(np.asarray(group)) for group in groups)
    if seeds >= plan.cap:
        return 0.0
    continued = []
    for group in groups:
        values = np.asarray(group, dtype=np.float64)[:seeds]
        spread = values.std(ddof=1) * np.sqrt((seeds - 1) / random.chisquare(seeds - 1, futures))
        mean = values.mean() + spread / np.sqrt(seeds) * random.standard_normal(futures)
        future = mean[:, None] + spread[:, None] * random.standard_normal((futures, plan.cap - seeds))
        continued.append(np.hstack((np.broadcast_to(values, (futures, seeds)), future)))
    decisions = decided(prefix_estimates(tuple(continued), plan.looks), plan, smallest_effect)
    return float((decisions[:, seeds - FIRST_LOOK + 1 :] != 0).any(axis=-1).mean())


def always_valid_bounds(estimate: Estimate, seeds: ArrayLike, alpha: float = ALPHA) -> tuple[Numbers, Numbers]:
    """The interval that covers the true difference at every number of seeds at once, however often one looks.

    `seeds` is the number of pairs, or of seeds in the smaller of two groups, whose degrees of freedom then count.
    Infinite at three and four seeds with alpha 5%. t² = v (K - 1) / (1 - K / (1 + n)) with K = (sqrt(1 + n) / alpha)^(2
    / n) and v = n - 1 (Wang and Ramdas 2023).
    """
    n = np.asarray(seeds, dtype=np.float64)
    k = (np.sqrt(1 + n) / alpha) ** (2 / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(k < 1 + n, np.sqrt((n - 1) * (k - 1) / (1 - k / (1 + n))), np.inf)
    half = t * estimate.error
    return estimate.delta - half, estimate.delta + half


@cache
def average_seeds(effect: float, *, equivalence: bool, paths: int = 4_000) -> int:
    """Seeds per side that the usual plan takes on average if the true difference is `effect`, in standard deviations
    of one difference. With `equivalence`, it also ends where differences of that size are excluded.

    The stop for futility, which ends plans earlier, is left out: it would take a simulation at every look.
    """
    plan = boundaries()
    values = effect + np.random.default_rng(21).standard_normal((paths, plan.cap))
    decisions = decided(prefix_estimates((values,), plan.looks), plan, effect if equivalence else None) != 0
    decisions[:, -1] = True
    return round(float(FIRST_LOOK + decisions.argmax(axis=1).mean()))


def first_always_valid(alpha: float = ALPHA) -> int:
    """The fewest seeds with which the always-valid interval is finite: 5 at alpha 5%."""
    n = 2
    while (np.sqrt(1 + n) / alpha) ** (2 / n) >= 1 + n:
        n += 1
    return n


def always_valid_p(estimate: Estimate, seeds: ArrayLike) -> Numbers:
    """The smallest alpha at which the always-valid interval excludes zero; 1 where none does."""
    n = np.asarray(seeds, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = (estimate.delta / estimate.error) ** 2
        k = (squared + n - 1) / (n - 1 + squared / (1 + n))
    p = np.minimum(1.0, np.sqrt(1 + n) * k ** (-n / 2))
    return cast("Numbers", np.where(estimate.error > 0, p, np.nan))


_DECISIONS = {0.0: Decision.CONTINUE, 1.0: Decision.HIGHER, -1.0: Decision.LOWER, 2.0: Decision.NEGLIGIBLE}


def _decided(estimate: Estimate, claim: ArrayLike, equivalence: ArrayLike, smallest_effect: float | None) -> Numbers:
    """What estimates decide at these error rates, as numbers: the keys of `_DECISIONS`."""
    low, high = bounds(estimate, 1 - np.asarray(claim))
    decision = np.where(low > 0, 1.0, np.where(high < 0, -1.0, 0.0))
    if smallest_effect:
        low, high = bounds(estimate, 1 - np.asarray(equivalence))
        within = (low > -smallest_effect) & (high < smallest_effect)
        decision = np.where((decision == 0) & within, 2.0, decision)
    return np.where(estimate.error > 0, decision, 0.0)

"""P(A > B): its interval where the truth is known, and what it never says beyond the verdict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from labtui.compare.statistics import bounds, paired, welch
from labtui.compare.superiority import noncentrality, superiority


def covered(n: int, effect: float, ratio: float | None, tries: int) -> float:
    """How often in 100 the interval covers the truth: of pairs, or of two sides whose spreads have this ratio."""
    random = np.random.default_rng(31)
    if ratio is None:
        differences = random.normal(effect, 1, (tries, n))
        estimate, sd = paired(differences), differences.std(axis=-1, ddof=1)
    else:
        here = random.normal(effect * (1 + ratio**2) ** 0.5, ratio, (tries, n))
        there = random.normal(0, 1, (tries, n))
        estimate, sd = welch(here, there), np.hypot(here.std(axis=-1, ddof=1), there.std(axis=-1, ddof=1))
    found, truth = superiority(estimate, sd, n), ndtr(effect)
    return 100 * float(((found.low <= truth) & (truth <= found.high)).mean())


@pytest.mark.parametrize("tries", [1_500, pytest.param(4_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("n", [3, 5, 10, 20])
@pytest.mark.parametrize("ratio", [None, 1, 2, 5])
def test_the_interval_covers_the_true_chance_in_95_of_100_cases_or_a_few_more(
    ratio: float | None, n: int, tries: int
) -> None:
    sampling = 3 * 100 * (0.05 * 0.95 / tries) ** 0.5
    for effect in (0.0, 0.5, 1.0, 2.0, 3.0):
        assert 94.7 - sampling <= covered(n, effect, ratio, tries) <= 99.1 + sampling


@pytest.mark.parametrize("level", [0.9, 0.95, 0.995])
def test_pairs_are_better_than_even_exactly_where_their_difference_excludes_zero(level: float) -> None:
    differences = np.random.default_rng(32).normal(1, 1, (2_000, 4))
    estimate = paired(differences)
    found = superiority(estimate, differences.std(axis=-1, ddof=1), 4, level)
    low, high = bounds(estimate, level)
    assert ((found.low > 0.5) == (low > 0)).all()
    assert ((found.high < 0.5) == (high < 0)).all()


def test_independent_sides_are_better_than_even_only_where_their_difference_excludes_zero() -> None:
    random = np.random.default_rng(33)
    here, there = random.normal(2, 2, (2_000, 5)), random.normal(0, 1, (2_000, 5))
    estimate = welch(here, there)
    found = superiority(estimate, np.hypot(here.std(axis=-1, ddof=1), there.std(axis=-1, ddof=1)), 5)
    assert (bounds(estimate)[0][found.low > 0.5] > 0).all()


@given(st.floats(-50, 50), st.integers(1, 60))
def test_the_two_ends_enclose_the_observed_value_and_turn_with_its_sign(t: float, freedom: int) -> None:
    low, high = noncentrality(t, freedom)
    assert low < high
    assert noncentrality(-t, freedom) == pytest.approx((-high, -low), abs=1e-6)


def test_an_interval_from_the_literature() -> None:
    """Cumming and Finch (2001): t = 2.0 with 20 degrees of freedom has a noncentrality within 0.0 and 4.0."""
    low, high = noncentrality(2.0859634, 20)
    assert float(low) == pytest.approx(0.0, abs=1e-4)
    assert float(high) == pytest.approx(4.1, abs=0.1)


def test_a_difference_beyond_all_measure_has_no_gaps() -> None:
    ends = [noncentrality(t, 2) for t in (20.0, 29.0, 31.0, 300.0, 1e9, np.inf)]
    assert np.isfinite(ends).all()
    lows = [float(low) for low, _ in ends]
    assert lows == sorted(lows)

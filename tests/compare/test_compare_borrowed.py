"""Spread borrowed from the other rows: what it gains, and that it claims no more than five times in a hundred."""

import numpy as np
import pytest

from labtui.compare.borrowed_spread import borrow, moderate, prior_freedom
from labtui.compare.secondary import borrowed_level
from labtui.compare.statistics import Estimate, bounds, holm, p_two_sided, paired, welch

TABLES = 6_000

STRESSES = (
    "equal",
    "baseline of five times the spread",
    "one row of five times the spread",
    "log-normal spreads",
    "heavy tails",
)


def rows_of(row: np.ndarray) -> list[np.ndarray]:
    """The rows of tables [tables, rows, n], one array each."""
    return list(np.moveaxis(row, 1, 0))


def claims(estimate: Estimate) -> np.ndarray:
    """Which rows [tables, rows] are claimed after Holm's correction within each table."""
    return holm(p_two_sided(estimate)).p <= 0.05


def tables(
    stress: str, rows: int, n: int, random: np.random.Generator, count: int = TABLES
) -> tuple[np.ndarray, np.ndarray]:
    """Baselines [tables, n] and rows [tables, rows, n] without any difference, under one stress."""
    base, row = np.ones((count, 1)), np.ones((count, rows, 1))
    if stress == "baseline of five times the spread":
        base *= 5
    if stress == "one row of five times the spread":
        row[:, 0] = 5
    if stress == "log-normal spreads":
        base, row = np.exp(random.normal(0, 0.5, base.shape)), np.exp(random.normal(0, 0.5, row.shape))
    if stress == "heavy tails":
        return base * random.standard_t(4, (count, n)), row * random.standard_t(4, (count, rows, n))
    return base * random.standard_normal((count, n)), row * random.standard_normal((count, rows, n))


@pytest.mark.parametrize("rows", [3, 5, 12])
@pytest.mark.parametrize("stress", STRESSES)
def test_borrowed_spread_makes_a_false_claim_in_at_most_five_tables_of_a_hundred(stress, rows):
    random = np.random.default_rng(11)
    sampling = 3 * 100 * (0.05 * 0.95 / TABLES) ** 0.5
    for n in (3, 5):
        base, row = tables(stress, rows, n, random)
        for pairs in (False, True):
            assert 100 * claims(borrow(base, rows_of(row), pairs=pairs).estimate).any(axis=-1).mean() <= 5.0 + sampling


@pytest.mark.parametrize("tables_made", [2_000, pytest.param(20_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("rows", [3, 5, 12])
@pytest.mark.parametrize("stress", STRESSES)
@pytest.mark.parametrize("pairs", [False, True])
def test_at_the_level_that_the_table_shows_rows_without_effect_are_claimed_in_at_most_five_tables_of_a_hundred(
    pairs, stress, rows, tables_made
):
    """Half of the rows have true effects, which loosens Holm's level."""
    random = np.random.default_rng(15)
    sampling = 3 * 100 * (0.05 * 0.95 / tables_made) ** 0.5
    for n in (3, 5):
        base, row = tables(stress, rows, n, random, tables_made)
        row[:, rows // 2 :] += 30 * np.arange(1, rows - rows // 2 + 1)[None, :, None]
        usual = paired(row - base[:, None]) if pairs else welch(row, np.broadcast_to(base[:, None], row.shape))
        level = np.vectorize(borrowed_level)(holm(p_two_sided(usual)).level, rows)
        low, high = bounds(borrow(base, rows_of(row), pairs=pairs).estimate, level)
        false = ((low > 0) | (high < 0))[:, : rows // 2]
        assert 100 * false.any(axis=-1).mean() <= 5.0 + sampling


@pytest.mark.parametrize(("base_seeds", "row_seeds"), [(10, 3), (3, 10), (2, 10), (20, 3)])
def test_unequal_numbers_of_seeds_make_no_more_false_claims(base_seeds, row_seeds):
    random = np.random.default_rng(16)
    base = random.standard_normal((TABLES, base_seeds))
    rows = [random.standard_normal((TABLES, row_seeds)) for _ in range(5)]
    sampling = 3 * 100 * (0.05 * 0.95 / TABLES) ** 0.5
    assert 100 * claims(borrow(base, rows, pairs=False).estimate).any(axis=-1).mean() <= 5.0 + sampling


def test_borrowed_spread_sees_three_times_as_many_effects_with_three_seeds():
    random = np.random.default_rng(12)
    base, row = tables("equal", 12, 3, random)
    row[:, 0] += 3
    borrowed = 100 * claims(borrow(base, rows_of(row), pairs=False).estimate)[:, 0].mean()
    plain = 100 * claims(welch(row, np.broadcast_to(base[:, None], row.shape)))[:, 0].mean()
    assert borrowed == pytest.approx(38, abs=3)
    assert plain == pytest.approx(11, abs=3)


def test_pairs_that_share_their_seeds_noise_gain_as_well():
    random = np.random.default_rng(13)
    shared = 0.6**0.5 * random.standard_normal((TABLES, 1, 3))
    base = shared[:, 0] + 0.4**0.5 * random.standard_normal((TABLES, 3))
    row = shared + 0.4**0.5 * random.standard_normal((TABLES, 12, 3))
    row[:, 0] += 3
    borrowed = 100 * claims(borrow(base, rows_of(row), pairs=True).estimate)[:, 0].mean()
    plain = 100 * claims(paired(row - base[:, None]))[:, 0].mean()
    assert borrowed == pytest.approx(54, abs=5)
    assert plain < 20


def test_a_variance_far_above_the_others_keeps_its_own_value():
    spread = moderate([1.0, 1.1, 0.9, 1.0, 20.0], 2)
    assert spread.variance[-1] == 20.0
    assert spread.borrowed[-1] == 0.0
    assert (spread.borrowed[:-1] > 0).all()


def test_nothing_is_borrowed_from_fewer_than_three_cells():
    spread = moderate([1.0, 2.0], 2)
    assert list(spread.variance) == [1.0, 2.0]
    assert list(spread.freedom) == [2.0, 2.0]


def test_equal_variances_are_pooled_without_limit_and_unequal_ones_hardly():
    random = np.random.default_rng(14)
    alike = random.chisquare(10, (200, 30)) / 10
    unlike = alike * np.exp(random.normal(0, 2, alike.shape))
    assert np.median(prior_freedom(alike, 10)) > 20
    assert np.median(prior_freedom(unlike, 10)) < 2

"""Ten thousand made-up tables with known truth: intervals cover it, false claims stay rare."""

import numpy as np
import pytest

from labtui.compare import statistics
from labtui.compare.verdicts import chance_to_rule_out, chance_to_see

TABLES = 10_000
SIZES = [3, 5, 10]


def samples(*shape: int, mean: float = 0.0, sd: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, sd, shape)


@pytest.mark.parametrize("seeds", SIZES)
def test_paired_intervals_cover_the_truth_in_95_of_100_cases(seeds: int) -> None:
    truth = 1.7
    differences = samples(TABLES, seeds, mean=truth, sd=0.4)
    low, high = statistics.bounds(statistics.paired(differences))
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("ratio", [1.0, 3.0])
@pytest.mark.parametrize("seeds", SIZES)
def test_unpaired_intervals_cover_the_truth_in_95_of_100_cases(seeds: int, ratio: float) -> None:
    """Welch's degrees of freedom are themselves estimated: three seeds of equal spread a side are covered in 96.4."""
    here = samples(TABLES, seeds, mean=62.0, sd=0.4, seed=2)
    there = samples(TABLES, seeds, mean=60.5, sd=0.4 * ratio, seed=3)
    low, high = statistics.bounds(statistics.welch(here, there))
    covered = np.mean((low <= 1.5) & (high >= 1.5))
    assert 0.94 <= covered <= (0.97 if seeds == 3 else 0.96)


@pytest.mark.parametrize("seeds", SIZES)
def test_the_interaction_of_two_factors_is_covered_in_95_of_100_cases(seeds: int) -> None:
    groups = [samples(TABLES, seeds, mean=mean, sd=0.5, seed=index) for index, mean in enumerate((60, 62, 61, 64))]
    low, high = statistics.bounds(statistics.contrast((1, -1, -1, 1), groups))
    assert 0.94 <= np.mean((low <= 1.0) & (high >= 1.0)) <= (0.97 if seeds == 3 else 0.96)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("seeds", SIZES)
def test_tables_without_any_effect_claim_one_in_5_of_100_cases_at_most(seeds: int, paired: bool) -> None:
    p = null_table(12, seeds, paired=paired)
    claimed = statistics.holm(p).p <= 0.05
    assert np.mean(claimed.any(axis=-1)) <= 0.055  # three standard errors of ten thousand tables above 5%


@pytest.mark.parametrize("seeds", SIZES)
def test_real_effects_in_a_table_do_not_open_the_door_to_false_ones(seeds: int) -> None:
    p = null_table(8, seeds, paired=True)
    p[:, :4] = 1e-6  # four rows with effects that everybody sees
    false = (statistics.holm(p).p <= 0.05)[:, 4:]
    assert np.mean(false.any(axis=-1)) <= 0.055


def null_table(rows: int, seeds: int, *, paired: bool) -> np.ndarray:
    """p values of rows that all share one baseline and none of which differs from it."""
    baseline = samples(TABLES, 1, seeds, sd=0.5, seed=11)
    here = samples(TABLES, rows, seeds, sd=0.5, seed=12)
    estimate = statistics.paired(here - baseline) if paired else statistics.welch(here, np.repeat(baseline, rows, 1))
    return np.array(statistics.p_two_sided(estimate))


@pytest.mark.parametrize("seeds", SIZES)
def test_a_difference_that_matters_is_called_none_in_5_of_100_tables_at_most(seeds: int) -> None:
    smallest, rows = 0.5, 6
    differences = samples(TABLES, rows, seeds, mean=smallest, sd=0.15, seed=4)
    low, high = statistics.bounds(statistics.paired(differences), 1 - 0.05 / rows)
    called_none = (low > -smallest) & (high < smallest)
    assert np.mean(called_none.any(axis=-1)) <= 0.055


@pytest.mark.parametrize("effect", [0.5, 1.0])
@pytest.mark.parametrize("seeds", SIZES)
def test_the_promised_chance_of_seeing_an_effect_is_kept(seeds: int, effect: float) -> None:
    differences = samples(TABLES, seeds, mean=effect, sd=0.5, seed=5)
    low, _ = statistics.bounds(statistics.paired(differences))
    assert np.mean(low > 0) == pytest.approx(chance_to_see(effect, 0.5, seeds), abs=0.015)


@pytest.mark.parametrize("seeds", SIZES)
def test_the_promised_chance_is_kept_and_exceeded_without_pairs(seeds: int) -> None:
    here, there = samples(TABLES, seeds, mean=1.0, sd=0.5, seed=6), samples(TABLES, seeds, sd=0.5, seed=7)
    low, _ = statistics.bounds(statistics.welch(here, there))
    promised = chance_to_see(1.0, np.sqrt(0.5), seeds)
    assert promised - 0.01 <= np.mean(low > 0) <= promised + 0.15


@pytest.mark.parametrize(("seeds", "spread"), [(5, 0.12), (5, 0.2), (10, 0.3), (20, 0.5)])
def test_the_promised_chance_of_ruling_a_difference_out_is_kept(seeds: int, spread: float) -> None:
    differences = samples(TABLES, seeds, mean=0.1, sd=spread, seed=10)
    low, high = statistics.bounds(statistics.paired(differences))
    promised = chance_to_rule_out(0.5, 0.1, spread, seeds)
    assert np.mean((low > -0.5) & (high < 0.5)) == pytest.approx(promised, abs=0.06)


@pytest.mark.parametrize("seeds", [3, 5])
def test_a_coarse_test_set_does_not_make_false_gains(seeds: int) -> None:
    """The embedded digits have 360 test images: accuracies come in steps of 0.28 points, and spreads of zero."""
    generator = np.random.default_rng(8)
    level = generator.normal(0.95, 0.008, (TABLES, 2, seeds)).clip(0, 1)
    here, there = np.moveaxis(100 * generator.binomial(360, level) / 360, 1, 0)
    estimate = statistics.paired(here - there)
    low, high = statistics.bounds(estimate)
    judged = estimate.error > 1e-9
    assert np.mean(judged & ((low > 0) | (high < 0))) <= 0.055


def test_a_sign_flip_test_without_any_effect_rejects_as_often_as_it_may() -> None:
    differences = samples(400, 8, seed=9)
    p = np.array([statistics.sign_flip(one) for one in differences])
    assert np.mean(p <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)

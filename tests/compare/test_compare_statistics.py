"""Every statistic against scipy, statsmodels or a published worked example."""

import math

import numpy as np
import pytest
import scipy.stats
import statsmodels.stats.contingency_tables
import statsmodels.stats.multitest
import statsmodels.stats.power
import statsmodels.stats.weightstats
from hypothesis import given
from hypothesis import strategies as st

from labtui.compare import statistics
from labtui.compare.verdicts import MOST_SEEDS, chance_to_see, interval, seeds_needed

# "Student" (1908), extra hours of sleep under two drugs, ten patients: t = 4.06, p = 0.0028.
SLEEP_ONE = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_TWO = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

# Darwin's maize, crossed minus self-fertilised, in eighths of an inch; Fisher (1935) counted 1,726 of the 32,768 sign
# patterns as at least as extreme as the 314 observed.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]

GROUPS = [np.random.default_rng(seed).normal(60, 1 + seed, 4 + 2 * seed) for seed in range(3)]

finite = st.floats(-100, 100).map(lambda value: round(value, 3))


def test_the_paired_test_gives_what_student_published() -> None:
    estimate = statistics.paired(np.subtract(SLEEP_TWO, SLEEP_ONE))
    assert float(estimate.delta / estimate.error) == pytest.approx(4.0621, abs=1e-4)
    assert float(statistics.p_two_sided(estimate)) == pytest.approx(0.002833, abs=1e-6)
    assert interval(estimate) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)


def test_the_paired_test_agrees_with_scipy() -> None:
    theirs = scipy.stats.ttest_rel(SLEEP_TWO, SLEEP_ONE)
    estimate = statistics.paired(np.subtract(SLEEP_TWO, SLEEP_ONE))
    assert float(statistics.p_two_sided(estimate)) == pytest.approx(theirs.pvalue, rel=1e-10)
    for level in (0.9, 0.95, 0.999):
        bounds = theirs.confidence_interval(level)
        assert interval(estimate, level) == pytest.approx((bounds.low, bounds.high), rel=1e-10)


def test_welchs_test_gives_the_published_figures_of_the_sleep_data() -> None:
    estimate = statistics.welch(SLEEP_ONE, SLEEP_TWO)
    assert float(estimate.freedom) == pytest.approx(17.776, abs=1e-3)
    assert float(statistics.p_two_sided(estimate)) == pytest.approx(0.07939, abs=1e-5)
    assert interval(estimate) == pytest.approx((-3.3654832, 0.2054832), abs=1e-6)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 2), (2, 1)])
def test_welchs_test_agrees_with_scipy(one: int, other: int) -> None:
    theirs = scipy.stats.ttest_ind(GROUPS[one], GROUPS[other], equal_var=False)
    estimate = statistics.welch(GROUPS[one], GROUPS[other])
    bounds = theirs.confidence_interval(0.95)
    assert float(statistics.p_two_sided(estimate)) == pytest.approx(theirs.pvalue, rel=1e-10)
    assert float(estimate.freedom) == pytest.approx(theirs.df, rel=1e-10)
    assert interval(estimate) == pytest.approx((bounds.low, bounds.high), rel=1e-10)


def test_a_contrast_of_four_groups_agrees_with_a_model_of_unequal_variances() -> None:
    generator = np.random.default_rng(2)
    groups = [generator.normal(60 + index, 1 + index, 5 + index) for index in range(4)]
    estimate = statistics.contrast((1, -1, -1, 1), groups)
    errors = [group.var(ddof=1) / len(group) for group in groups]
    assert float(estimate.delta) == pytest.approx(
        groups[0].mean() - groups[1].mean() - groups[2].mean() + groups[3].mean()
    )
    assert float(estimate.error) == pytest.approx(math.sqrt(sum(errors)))
    freedom = sum(errors) ** 2 / sum(error**2 / (len(group) - 1) for error, group in zip(errors, groups, strict=True))
    assert float(estimate.freedom) == pytest.approx(freedom)


def test_mean_and_spread_agree_with_numpy_and_one_value_has_no_spread() -> None:
    mean, sd = statistics.mean_and_sd(GROUPS[1])
    assert (float(mean), float(sd)) == pytest.approx((GROUPS[1].mean(), GROUPS[1].std(ddof=1)))
    assert math.isnan(float(statistics.mean_and_sd([61.0])[1]))


def test_no_spread_gives_no_p_value() -> None:
    assert math.isnan(float(statistics.p_two_sided(statistics.paired([1.5, 1.5, 1.5]))))


@pytest.mark.parametrize(
    "p", [[0.01, 0.04, 0.03, 0.005], [0.5], [0.0, 1.0, 1.0], [0.012, 0.02, 0.011], list(np.linspace(0.001, 0.2, 13))]
)
def test_holm_agrees_with_statsmodels(p: list[float]) -> None:
    rejected, adjusted, *_ = statsmodels.stats.multitest.multipletests(p, 0.05, method="holm")
    ours = statistics.holm(p)
    assert ours.p == pytest.approx(adjusted)
    assert list(np.asarray(p) <= 1 - ours.level + 1e-12) == list(rejected)


def test_holm_gives_the_figures_of_a_worked_example() -> None:
    # Unadjusted 0.01, 0.04, 0.03, 0.005: only the first and the last are rejected (Holm's own step-down by hand).
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]).p == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=14))
def test_an_interval_at_holms_level_is_beyond_zero_exactly_where_holm_rejects(p: list[float]) -> None:
    ours = statistics.holm(p)
    beyond = np.asarray(p) <= 1 - ours.level
    np.testing.assert_array_equal(beyond, ours.p <= 0.05 * (1 + 1e-12))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8).flatmap(lambda p: st.tuples(st.just(p), st.permutations(p))))
def test_holm_does_not_depend_on_the_order_of_the_rows(pair: tuple[list[float], list[float]]) -> None:
    one, other = (dict(zip(p, statistics.holm(p).p.tolist(), strict=True)) for p in pair)
    assert one == pytest.approx(other)


def test_the_sign_flip_test_gives_fishers_count_for_darwins_maize() -> None:
    assert statistics.sign_flip(DARWIN) == 1_726 / 32_768


def test_the_sign_flip_test_agrees_with_scipys_exact_permutations() -> None:
    differences = np.round(np.random.default_rng(1).normal(0.4, 1, 9), 3)
    theirs = scipy.stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert statistics.sign_flip(differences) == pytest.approx(theirs.pvalue)


@given(st.lists(finite, min_size=1, max_size=9))
def test_the_sign_flip_test_counts_what_listing_all_patterns_counts(differences: list[float]) -> None:
    signs = np.array(np.meshgrid(*[[-1, 1]] * len(differences))).reshape(len(differences), -1)
    sums = np.abs(np.asarray(differences) @ signs)
    edge = abs(sum(differences)) - 1e-9 * sum(map(abs, differences))
    assert statistics.sign_flip(differences) == pytest.approx(np.mean(sums >= edge))


@pytest.mark.parametrize(("pairs", "smallest"), [(3, 0.25), (5, 0.0625), (6, 0.03125), (30, 2 / 2**30)])
def test_the_sign_flip_test_cannot_go_below_two_in_all_patterns(pairs: int, smallest: float) -> None:
    assert statistics.sign_flip([1.0] * pairs) == smallest


def test_the_sign_flip_test_stops_where_it_would_not_be_exact() -> None:
    assert statistics.sign_flip([1.0] * 41) is None
    assert statistics.sign_flip([]) is None


@pytest.mark.parametrize(("fixes", "breaks"), [(412, 231), (5, 5), (0, 7), (1, 0), (30, 44)])
def test_mcnemars_test_agrees_with_statsmodels(fixes: int, breaks: int) -> None:
    theirs = statsmodels.stats.contingency_tables.mcnemar([[900, fixes], [breaks, 80]], exact=True).pvalue
    assert statistics.mcnemar(fixes, breaks) == pytest.approx(min(1.0, theirs))
    binomial = scipy.stats.binomtest(fixes, fixes + breaks).pvalue
    assert statistics.mcnemar(fixes, breaks) == pytest.approx(binomial)


def test_mcnemars_test_gives_agrestis_approval_ratings() -> None:
    # 1,600 voters asked twice, 150 and 86 changed their mind: z² = 17.36, p = 3.1e-5 (Agresti); exact 3.7e-5.
    assert statistics.mcnemar(150, 86) == pytest.approx(3.716e-5, rel=1e-3)


def test_networks_that_agree_everywhere_differ_by_chance() -> None:
    assert statistics.mcnemar(0, 0) == 1.0


@pytest.mark.parametrize(("percent", "error"), [(80.0, 0.40), (94.0, 0.237), (0.0, 0.0), (100.0, 0.0)])
def test_the_binomial_noise_of_ten_thousand_images(percent: float, error: float) -> None:
    assert statistics.binomial_error(percent, 10_000) == pytest.approx(error, abs=1e-3)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("effect", [0.2, 1.0, 2.5])
def test_power_agrees_with_statsmodels(seeds: int, effect: float) -> None:
    theirs = statsmodels.stats.power.TTestPower().power(effect, seeds, 0.05)
    # statsmodels counts the wrong tail in; ours does not.
    wrong = scipy.stats.nct.cdf(scipy.stats.t.ppf(0.025, seeds - 1), seeds - 1, effect * math.sqrt(seeds))
    assert chance_to_see(effect, 1, seeds) == pytest.approx(theirs - wrong, abs=1e-6)


def test_power_goes_on_smoothly_where_the_noncentral_distribution_has_gaps() -> None:
    near, far = (chance_to_see(effect, 1, 2) for effect in (29.9 / 2**0.5, 30.1 / 2**0.5))
    assert far == pytest.approx(near, abs=2e-3)
    assert chance_to_see(38 / 59**0.5, 1, 59, 0.004) == pytest.approx(1)


def planned(effect: float, sd: float) -> int | None:
    return seeds_needed(lambda seeds: chance_to_see(effect, sd, seeds))


def test_the_seeds_needed_are_the_fewest_that_have_the_power() -> None:
    needed = planned(0.5, 0.6)
    assert needed is not None
    assert chance_to_see(0.5, 0.6, needed) >= 0.8 > chance_to_see(0.5, 0.6, needed - 1)


def test_the_seeds_needed_agree_with_statsmodels() -> None:
    exact = statsmodels.stats.power.TTestPower().solve_power(0.5 / 0.6, power=0.8, alpha=0.05)
    assert planned(0.5, 0.6) == math.ceil(exact)


def test_the_seeds_needed_have_an_end() -> None:
    assert planned(0.01, 1.0) is None
    assert planned(1e9, 1e-3) == 2
    assert seeds_needed(lambda seeds: float(seeds >= MOST_SEEDS)) == MOST_SEEDS
    assert seeds_needed(lambda seeds: float(seeds > MOST_SEEDS)) is None


def test_an_interval_inside_the_smallest_effect_is_a_two_one_sided_test() -> None:
    generator = np.random.default_rng(5)
    for _ in range(50):
        here, there = generator.normal(60, 0.3, 6), generator.normal(60.1, 0.3, 6)
        p, *_ = statsmodels.stats.weightstats.ttost_paired(here, there, -0.5, 0.5)
        low, high = interval(statistics.paired(here - there), 0.95)
        assert (low > -0.5 and high < 0.5) == (p < 0.025)

"""Looking after every seed: the boundaries of a plan, and the interval that holds without one."""

import numpy as np
import pytest

from labtui.compare.sequential import (
    FUTILITY,
    FUTILITY_FROM,
    Decision,
    always_valid_bounds,
    boundaries,
    calibrated,
    chance_to_decide,
    decided,
    decision_at,
    prefix_estimates,
)
from labtui.compare.statistics import bounds, paired, welch

PLAN = boundaries()


def false_claims(groups: tuple[np.ndarray, ...], looks: tuple[int, ...] | None = None) -> float:
    """The percentage of plans with a claim at any of the looks."""
    claims = np.isin(decided(prefix_estimates(groups, PLAN.looks), PLAN, None), (1, -1))
    chosen = [PLAN.looks.index(look) for look in looks or PLAN.looks]
    return 100 * float(claims[:, chosen].any(axis=-1).mean())


def test_the_table_of_boundaries_is_what_a_calibration_gives():
    claim, equivalence = calibrated(0.05, 20), calibrated(0.10, 20)
    assert claim == pytest.approx(PLAN.claim, rel=0.06)
    assert equivalence == pytest.approx(PLAN.equivalence, rel=0.06)


def test_a_calibration_gives_the_same_digits_each_time_and_spends_its_alpha():
    plan = boundaries(0.025, 8)
    assert plan == boundaries(0.025, 8)
    assert plan.looks == (3, 4, 5, 6, 7, 8)
    paths = np.random.default_rng(1).standard_normal((100_000, 8))
    claims = np.isin(decided(prefix_estimates((paths,), plan.looks), plan, None), (1, -1)).any(axis=-1)
    assert 100 * claims.mean() == pytest.approx(2.5, abs=0.25)


def test_estimates_of_prefixes_are_those_of_the_fixed_tests():
    values = np.random.default_rng(2).normal(60, 1, (2, 9))
    alone = prefix_estimates((values[0] - values[1],), (3, 6, 9))
    two = prefix_estimates((values[0], values[1]), (3, 6, 9))
    for place, n in enumerate((3, 6, 9)):
        for whole, fixed in (
            (alone, paired(values[0, :n] - values[1, :n])),
            (two, welch(values[0, :n], values[1, :n])),
        ):
            assert [float(part[place]) for part in whole] == pytest.approx([float(part) for part in fixed])


@pytest.mark.parametrize("paths", [20_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_looking_after_every_seed_makes_no_more_false_claims_than_one_look(paths):
    margin = 0.5 if paths == 100_000 else 0.7
    random = np.random.default_rng(3)
    assert false_claims((random.standard_normal((paths, 20)),)) == pytest.approx(5.0, abs=margin)
    for ratio in (1, 2, 5):
        pair = random.standard_normal((paths, 20)), ratio * random.standard_normal((paths, 20))
        assert 4.0 - (margin - 0.5) <= false_claims(pair) <= 5.6 + (margin - 0.5)


def test_a_skipped_look_never_raises_the_share_of_false_claims():
    paths = np.random.default_rng(4).standard_normal((20_000, 20))
    every = false_claims((paths,))
    assert false_claims((paths,), (3, 7, 11, 20)) <= every
    assert false_claims((paths,), (20,)) <= every


@pytest.mark.parametrize("paths", [60, pytest.param(1_000, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("effect", "claimed", "negligible", "seeds"),
    [(0, 3.3, 95, 11.9), (0.5, 39, 53, 13.7), (1, 95, 3, 11.0), (2, 100, 0, 6.5)],
)
def test_plans_decide_as_often_and_as_soon_as_their_design_says(paths, effect, claimed, negligible, seeds):
    values = effect + np.random.default_rng(5).standard_normal((paths, 20))
    decisions = decided(prefix_estimates((values,), PLAN.looks), PLAN, 1.0)
    ends = [_end(row, decision) for row, decision in zip(values, decisions, strict=True)]
    sampling = 1 + 300 * (0.25 / paths) ** 0.5  # one point, and three standard errors of a share of one half
    assert 100 * np.mean([end in (1, -1) for end, _ in ends]) == pytest.approx(claimed, abs=sampling)
    assert 100 * np.mean([end == 2 for end, _ in ends]) == pytest.approx(negligible, abs=sampling)
    assert np.mean([n for _, n in ends]) == pytest.approx(seeds, abs=0.3 + 12 / paths**0.5)


def _end(values: np.ndarray, decisions: np.ndarray) -> tuple[float, int]:
    for decision, n in zip(decisions, PLAN.looks, strict=True):
        futile = FUTILITY_FROM <= n < PLAN.cap and chance_to_decide((values[:n],), PLAN, 1.0, futures=300) < FUTILITY
        if decision or futile:
            return float(decision), n
    return 0.0, PLAN.cap


def test_a_look_claims_what_lies_beyond_zero():
    values = np.array([2.1, 1.9, 2.0, 2.2])
    low, high, decision = decision_at(paired(values), 4, PLAN, 0.5, resolution=0.01)
    assert decision is Decision.HIGHER
    assert 0 < low < 2.05 < high
    assert decision_at(paired(-values), 4, PLAN, 0.5, resolution=0.01)[2] is Decision.LOWER


def test_a_look_sees_that_no_difference_matters_only_where_somebody_said_what_matters():
    values = paired([0.01, -0.02, 0.02, -0.01, 0.0, 0.01])
    assert decision_at(values, 6, PLAN, 0.5, resolution=0.001)[2] is Decision.NEGLIGIBLE
    assert decision_at(values, 6, PLAN, None, resolution=0.001)[2] is Decision.CONTINUE


def test_differences_that_differ_by_rounding_alone_decide_nothing():
    for values in ([0.37, 0.37, 0.37], [0.37, 0.37, 0.370001]):
        assert decision_at(paired(values), 3, PLAN, 0.5, resolution=0.01)[2] is Decision.CONTINUE


def test_a_plan_has_no_look_beyond_its_cap():
    with pytest.raises(IndexError):
        decision_at(paired([1.0, 2.0]), 21, PLAN, 0.1, resolution=0.01)


def test_the_chance_to_be_decided_is_small_where_the_difference_lies_on_the_edge_of_what_matters():
    assert chance_to_decide((np.tile([1.25, -0.75], 7),), PLAN, 0.3) < FUTILITY
    assert chance_to_decide((np.tile([2.25, 0.25], 4),), PLAN, 0.3) > 0.9
    assert chance_to_decide((np.tile([1.25, -0.75], 10),), PLAN, 0.3) == 0.0


@pytest.mark.parametrize(("alpha", "cap"), [(0.0, 20), (0.5, 20), (0.05, 2)])
def test_a_plan_without_room_for_a_look_or_an_error_is_refused(alpha, cap):
    with pytest.raises(ValueError, match="a plan needs 3 seeds"):
        boundaries(alpha, cap)


def test_the_always_valid_interval_says_nothing_below_five_seeds_and_is_wider_than_the_plans():
    for n in (3, 4):
        assert np.isinf(always_valid_bounds(paired(np.arange(n)), n)).all()
    values = np.random.default_rng(7).normal(1, 1, 12)
    low, high = always_valid_bounds(paired(values), 12)
    inner = bounds(paired(values))
    assert low < inner[0] < inner[1] < high


@pytest.mark.parametrize("paths", [10_000, pytest.param(50_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("ratio", [None, 1, 5])
def test_the_always_valid_interval_holds_however_often_one_looks(paths, ratio):
    random = np.random.default_rng(8)
    groups = (random.standard_normal((paths, 40)),)
    if ratio is not None:
        groups = (*groups, ratio * random.standard_normal((paths, 40)))
    looks = tuple(range(3, 41))
    low, high = always_valid_bounds(prefix_estimates(groups, looks), np.array(looks))
    assert 100 * float(((low > 0) | (high < 0)).any(axis=-1).mean()) <= 5.0

"""Plans: which seeds they ask for, what their looks see, and that nothing but outcomes can change their end."""

import random

import msgspec
import pytest

from labtui.compare.differences import difference
from labtui.compare.outcomes import SeedOutcome, worst_value
from labtui.compare.plans import Plan, PlannedComparison, Side, changed_terms, evaluate, wanted_seeds
from labtui.compare.sequential import Decision, boundaries
from tests.support.comparisons import spec

BASE = Side(engine_spec=spec(), recipe="base")
ROW = Side(engine_spec=spec("dropout", "Dropout"), recipe="row")


def plan(
    *, cap: int = 20, method: str = "paired", smallest: float | None = 0.5, rows: tuple[Side, ...] = (ROW,)
) -> Plan:
    return Plan(
        id="p",
        created=0.0,
        metric="test/accuracy",
        higher_is_better=True,
        alpha=0.05,
        boundaries=boundaries(0.05, cap),
        comparisons=tuple(
            PlannedComparison(row=row, baseline=BASE, method=method, smallest_effect=smallest) for row in rows
        ),
        resolution=0.01,
        chance=10.0,
    )


def outcomes(base: list[float | None], row: list[float | None]) -> dict[str, dict[int, SeedOutcome]]:
    def of(values):
        return {
            seed: SeedOutcome(seed, value, "" if value is not None else "diverged") for seed, value in enumerate(values)
        }

    return {"base": of(base), "row": of(row)}


GAIN = [60.0, 60.3, 59.8, 60.1, 60.2], [65.1, 65.2, 64.9, 65.2, 65.1]


def test_a_plan_begins_with_three_seeds_of_both_sides_and_then_asks_for_one_more():
    first = wanted_seeds(evaluate(plan(), {}), {}, ahead=1)
    assert [(side.name, seed) for side, seed in first] == [
        (name, seed) for seed in range(3) for name in ("network", "dropout")
    ]
    seen = outcomes([60, 60.5, 59.5], [60.2, 60.1, 59.9])
    assert [(s.name, seed) for s, seed in wanted_seeds(evaluate(plan(), seen), seen, ahead=1)] == [
        ("network", 3),
        ("dropout", 3),
    ]


def test_free_places_are_filled_with_later_seeds():
    seen = outcomes([60, 60.5, 59.5], [60.2, 60.1, 59.9])
    asked = wanted_seeds(evaluate(plan(), seen), seen, ahead=5)
    assert [seed for _, seed in asked] == [3, 3, 4, 4, 5]


def test_a_decided_plan_asks_for_nothing_and_later_seeds_do_not_change_it():
    seen = outcomes(*GAIN)
    state = evaluate(plan(), seen)
    assert state.has_ended
    assert state.comparisons[0].decision is Decision.HIGHER
    assert wanted_seeds(state, seen, ahead=9) == ()
    longer = outcomes([*GAIN[0], 60, 60], [*GAIN[1], 20, 20])
    assert evaluate(plan(), longer).comparisons == state.comparisons


def test_seeds_that_end_out_of_order_wait_for_the_prefix():
    seen = outcomes(*GAIN)
    del seen["row"][1]
    assert evaluate(plan(), seen).comparisons[0].looks == ()


def test_the_same_outcomes_give_the_same_end_in_whichever_order_they_arrive():
    rng = random.Random(3)
    seen = outcomes([60 + rng.gauss(0, 1) for _ in range(20)], [61 + rng.gauss(0, 1) for _ in range(20)])
    whole = evaluate(plan(), seen)
    arrived: dict[str, dict[int, SeedOutcome]] = {"base": {}, "row": {}}
    order = [(side, seed) for side in arrived for seed in range(20)]
    rng.shuffle(order)
    last = None
    for side, seed in order:
        arrived[side][seed] = seen[side][seed]
        state = evaluate(plan(), arrived)
        if last is not None and last.has_ended:
            assert state == last
        last = state
    assert last == whole


def test_a_row_whose_seeds_fail_does_not_gain_by_those_that_finished():
    assert evaluate(plan(), outcomes(*GAIN)).comparisons[0].decision is Decision.HIGHER
    failing = outcomes([60.1, 60.2, 59.9, 60.0, 60.1] * 4, [62.0, 62.4, None, None, None] * 4)
    state = evaluate(plan(), failing)
    assert all(look.decision is not Decision.HIGHER for look in state.comparisons[0].looks)
    assert state.comparisons[0].looks[-1].row_failed > 0


def test_failed_seeds_of_the_baseline_do_not_speak_for_the_row():
    even = outcomes([60.1, None, None, 60.3, 59.8] * 4, [60.2, 60.0, 60.1, 60.2, 59.9] * 4)
    assert all(look.decision is not Decision.HIGHER for look in evaluate(plan(), even).comparisons[0].looks)


def test_a_plan_ends_at_its_cap_undecided():
    seen = outcomes([60, 61, 60, 61], [60.4, 60.6, 60.9, 60.2])
    state = evaluate(plan(cap=4), seen)
    assert state.has_ended
    assert state.comparisons[0].decision is Decision.FUTILE
    assert state.comparisons[0].looks[-1].seeds == 4


def test_rows_share_their_baselines_seeds():
    other = Side(engine_spec=spec("l2", "L2"), recipe="other")
    asked = wanted_seeds(evaluate(plan(rows=(ROW, other)), {}), {}, ahead=1)
    assert [side.name for side, seed in asked if seed == 0] == ["network", "dropout", "l2"]


def test_a_plan_survives_its_file_and_a_changed_one_names_what_changed():
    first = plan()
    assert msgspec.json.decode(msgspec.json.encode(first), type=Plan) == first
    assert changed_terms(first, msgspec.structs.replace(first, created=5.0)) == ()
    assert changed_terms(first, plan(cap=8)) == ("max seeds",)
    assert changed_terms(first, plan(smallest=None)) == ("comparisons",)


def test_the_difference_is_given_over_finished_seeds_and_with_the_failed_ones_counted_in():
    base = [SeedOutcome(seed, 60.0 + 0.1 * seed) for seed in range(5)]
    row = [SeedOutcome(0, 62.0), SeedOutcome(1, 62.4), *(SeedOutcome(seed, None, "diverged") for seed in (2, 3, 4))]
    found = difference(row, base, pairs=False, worst=10.0)
    assert found.delta == pytest.approx(62.2 - 60.2)
    assert found.row_at_worst is not None
    assert found.row_at_worst.delta == pytest.approx((62.0 + 62.4 + 30.0) / 5 - 60.2)
    assert found.baseline_at_worst is None


def test_what_a_failed_seed_counts_is_chance_or_else_the_worst_that_was_seen():
    seen = [SeedOutcome(0, 2.0), SeedOutcome(1, 3.0), SeedOutcome(2, None, "NaN")]
    assert worst_value(seen, higher_is_better=True, chance=1.0) == 1.0
    assert worst_value(seen, higher_is_better=True, chance=10.0) == 2.0
    assert worst_value(seen, higher_is_better=False, chance=None) == 3.0
    assert worst_value(seen[2:], higher_is_better=True, chance=None) is None

"""What a comparison may be called, and when it is not judged at all."""

from random import Random

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.compare.model import Comparison, Verdict
from labtui.compare.render.commands import run_command
from labtui.compare.verdicts import upper_spread
from labtui.spec import Cnn, Data, Sgd
from labtui.store import tags
from tests.support.comparisons import judged, row, run, runs_of, said, spec, variant

BASE = spec(baseline=None)
DROPOUT = spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))
SGD = spec("sgd", "SGD", optimizer=Sgd(lr=0.1), factor=("optimizer",))
VARIANTS = [variant(BASE), variant(DROPOUT), variant(SGD)]


def compared(here: list[float], there: list[float], **options: object) -> Comparison:
    table = judged([*runs_of(BASE, there), *runs_of(DROPOUT, here)], VARIANTS, **options)
    found = row(table, "dropout").declared
    assert found is not None
    return found


def test_an_interval_above_zero_is_a_gain_and_below_zero_a_loss() -> None:
    assert compared([62, 62.4, 62.1], [60, 60.5, 60.3]).verdict is Verdict.GAIN
    assert compared([60, 60.5, 60.3], [62, 62.4, 62.1]).verdict is Verdict.LOSS


def test_lower_losses_are_gains() -> None:
    better = compared([66, 67, 66.5], [60, 60.5, 60.3], metric=tags.TEST_LOSS)
    assert better.delta is not None
    assert better.delta < 0
    assert better.verdict is Verdict.GAIN


def test_an_interval_within_the_smallest_effect_is_no_difference_that_matters() -> None:
    found = compared([60.02, 60.31, 60.1, 60.22], [60.0, 60.3, 60.12, 60.2])
    assert found.verdict is Verdict.NO_DIFFERENCE


def test_an_interval_with_zero_and_effects_that_matter_is_undecided_and_says_what_it_takes() -> None:
    found = compared([61, 62.4, 60.1], [60, 60.5, 61.3])
    assert found.verdict is Verdict.UNDECIDED
    assert found.need is not None
    assert run_command(found.need.runs) == "labtui run dropout --until decided"
    said_so = "seeds per side would give 80% power if the true difference is 0.50 points, the smallest that matters"
    assert said_so in found.need.text
    assert "or run --until decided: " in found.need.text
    assert "seeds on average, 20 at most" in found.need.text
    assert found.need.seconds is not None


def test_the_number_of_seeds_is_a_range_because_the_spread_is_hardly_known() -> None:
    """F10: from a pilot of three seeds, plans by the observed spread reached 80% power in 45 of 100 cases."""
    found = compared([60.3, 60.25, 60.5], [60, 60.1, 60.05])
    assert found.need is not None
    low, high = found.need.text.partition(" ")[0].split("-")
    assert int(low) < found.need.seeds == int(high)


def test_the_spread_is_taken_at_its_upper_limit() -> None:
    """F10: s * sqrt((n - 1) / chi2_0.2)."""
    assert upper_spread(1.0, 2) == pytest.approx((2 / 0.446287) ** 0.5)


@pytest.mark.parametrize("seeds", [4, 6, 8, 12])
def test_an_undecided_row_always_asks_for_more_seeds_than_it_has(seeds: int) -> None:
    generator = np.random.default_rng(seeds)
    rates = [(f"o{index}", Sgd(lr=0.1 + index)) for index in range(9)]
    others = [spec(name, name, optimizer=optimizer, factor=("optimizer",)) for name, optimizer in rates]
    base = generator.normal(60, 0.3, seeds).round(2)
    runs = [
        *runs_of(BASE, base.tolist()),
        *(one for of in others for one in runs_of(of, (base + generator.normal(0, 0.35, seeds)).round(2).tolist())),
    ]
    found = [one.declared for one in judged(runs, [variant(BASE), *map(variant, others)]).rows if one.declared]
    undecided = [one for one in found if one.verdict is Verdict.UNDECIDED]
    assert undecided
    assert all(one.need and (one.need.seeds is None or one.need.seeds > seeds) for one in undecided)


def test_a_row_that_narrowly_missed_both_ways_asks_for_one_more_seed() -> None:
    base = [60 + seed / 10 for seed in range(10)]
    here = [value + 0.245 + (0.332 if seed % 2 else -0.332) for seed, value in enumerate(base)]
    variants = [variant(BASE), variant(DROPOUT, smallest_effect=0.445)]
    found = row(judged([*runs_of(BASE, base), *runs_of(DROPOUT, here)], variants), "dropout").declared
    assert found is not None
    assert found.verdict is Verdict.UNDECIDED
    assert found.need is not None
    assert found.need.seeds == 11


def test_a_gain_that_is_smaller_than_what_matters_says_so() -> None:
    found = compared([60.22, 60.51, 60.31, 60.42], [60.0, 60.3, 60.12, 60.2])
    assert found.verdict is Verdict.GAIN
    assert found.why == "smaller than the 0.50 points that matter here"


def test_no_difference_must_hold_over_all_judged_rows_at_once() -> None:
    """Beside rows with large effects Holm leaves the last one its own 95%; that many tries are not forgotten here."""
    others = [
        spec(f"drop{index}", f"Drop {index}", model=Cnn(dropout=(index / 10, 0.2)), factor=("model.dropout",))
        for index in range(1, 6)
    ]
    base, near = [60.0, 60.3, 60.12, 60.2], [60.28, 60.02, 60.37, 60.0]
    far = [one for of in others for one in runs_of(of, [70.0, 70.31, 70.1, 70.22])]
    variants = [*VARIANTS, *(variant(of) for of in others)]
    alone = row(judged([*runs_of(BASE, base), *runs_of(DROPOUT, near)], variants), "dropout").declared
    among = row(judged([*runs_of(BASE, base), *runs_of(DROPOUT, near), *far], variants), "dropout").declared
    assert alone is not None
    assert among is not None
    assert alone.verdict is Verdict.NO_DIFFERENCE
    assert among.adjusted == pytest.approx(alone.adjusted)
    assert among.verdict is Verdict.UNDECIDED
    assert among.need is not None
    assert (among.need.seeds or 0) > 4


def test_the_smallest_effect_is_the_variants_own() -> None:
    wide = [variant(BASE), variant(DROPOUT, smallest_effect=5.0)]
    runs = [*runs_of(BASE, [60, 60.5, 61.3]), *runs_of(DROPOUT, [61, 61.4, 60.1])]
    found = row(judged(runs, wide), "dropout").declared
    assert found is not None
    assert found.verdict is Verdict.NO_DIFFERENCE


def test_without_a_smallest_effect_nothing_is_called_no_difference() -> None:
    none = [variant(BASE), variant(DROPOUT, smallest_effect=0.0)]
    runs = [*runs_of(BASE, [60.0, 60.3, 60.12]), *runs_of(DROPOUT, [60.02, 60.29, 60.13])]
    found = row(judged(runs, none), "dropout").declared
    assert found is not None
    assert found.verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(("here", "there"), [([62.0], [60, 61, 60.5]), ([62.0, 62.5], [60.0]), ([62.0], [60.0])])
def test_one_seed_never_makes_a_claim_and_says_what_is_missing(here: list[float], there: list[float]) -> None:
    found = compared(here, there)
    assert found.verdict is Verdict.NOT_JUDGED
    assert found.why.startswith("one seed")
    assert (found.p, found.interval, found.judged) == (None, None, False)
    assert found.need is not None
    assert found.need.seeds == 3


def test_seeds_without_any_spread_are_not_judged() -> None:
    assert compared([62, 62, 62], [60, 60, 60]).why == "no spread over seeds"


def test_a_baseline_that_learned_nothing_judges_nothing() -> None:
    assert compared([62, 62.3, 62.1], [10.0, 10.02, 9.99]).why == "baseline at chance"


def test_equal_seeds_are_paired_where_they_mean_the_same_draws() -> None:
    found = compared([61, 62, 63, 64], [60, 61.1, 62, 63.1])
    assert (found.method, found.seeds) == ("paired", (0, 1, 2, 3))
    assert found.verdict is Verdict.GAIN  # apart, these ranges overlap


def test_other_data_means_other_draws_and_no_pairs() -> None:
    half = msgspec.structs.replace(DROPOUT, data=Data(name="cifar10", train_fraction=0.5), factor=("data",))
    runs = [*runs_of(BASE, [60, 61, 62]), *runs_of(half, [61, 62, 63])]
    found = row(judged(runs, [variant(BASE), variant(half)], names=["dropout"]), "dropout").declared
    assert found is not None
    assert found.method == "welch"


def test_seeds_that_differ_are_not_paired() -> None:
    apart = [run(DROPOUT, seed, {tags.TEST_ACCURACY: 60.0 + seed}) for seed in (7, 8, 9)]
    found = row(judged([*runs_of(BASE, [60, 61, 62]), *apart], VARIANTS), "dropout").declared
    assert found is not None
    assert found.method == "welch"


def test_the_sign_flip_p_is_given_from_six_pairs_on() -> None:
    five, six = [60.0 + seed / 3 for seed in range(5)], [60.0 + seed / 3 for seed in range(6)]
    more = [0.5, 0.7, 0.4, 0.9, 0.6, 0.8]
    assert compared([one + other for one, other in zip(five, more, strict=False)], five).sign_flip_p is None
    found = compared([one + other for one, other in zip(six, more, strict=True)], six)
    assert found.sign_flip_p == 2 / 2**6


def test_judged_rows_share_the_chance_of_a_false_claim() -> None:
    runs = [*runs_of(BASE, [60, 60.4, 60.9]), *runs_of(DROPOUT, [61.4, 61.9, 62.2]), *runs_of(SGD, [60.1, 60.2, 61])]
    alone = row(judged(runs[:6], VARIANTS), "dropout").declared
    together = row(judged(runs, VARIANTS), "dropout").declared
    assert alone is not None
    assert together is not None
    assert alone.p == together.p
    assert alone.interval == together.interval
    assert alone.adjusted is not None
    assert together.adjusted is not None
    assert together.adjusted[0] < alone.adjusted[0]
    assert together.p_adjusted == pytest.approx(2 * (alone.p_adjusted or 0))


def test_confounded_rows_do_not_cost_the_others_anything() -> None:
    confounded = msgspec.structs.replace(SGD, data=Data(name="cifar10", train_fraction=0.5))
    runs = [*runs_of(BASE, [60, 60.4, 60.9]), *runs_of(DROPOUT, [61.4, 61.9, 62.2]), *runs_of(confounded, [50, 51, 52])]
    table = judged(runs, [variant(BASE), variant(DROPOUT), variant(confounded)])
    assert table.judged == 1
    assert row(table, "sgd").label == "confounded"


def test_earlier_runs_of_a_seed_are_noted() -> None:
    old, new = runs_of(DROPOUT, [50, 51], created=1.0), runs_of(DROPOUT, [61, 62], created=9.0)
    dropout = row(judged([*runs_of(BASE, [60, 61]), *new, *old], VARIANTS), "dropout")
    assert dropout.mean == 61.5
    assert said(dropout, "superseded") == "2 earlier runs of the same seeds not counted"


def test_the_noise_of_the_test_set_stands_beside_the_mean() -> None:
    found = row(judged(runs_of(BASE, [80.0, 80.0]), VARIANTS), "network")
    assert found.noise == pytest.approx(0.4, abs=1e-3)


accuracies = st.lists(
    st.floats(20, 90).map(lambda value: float(np.float32(round(value, 2)))), min_size=3, max_size=6, unique=True
)


@given(accuracies, accuracies, st.randoms(use_true_random=False))
def test_no_row_depends_on_the_order_of_runs_or_of_variants(
    some: list[float], more: list[float], random: Random
) -> None:
    runs = [*runs_of(BASE, some), *runs_of(DROPOUT, more), *runs_of(SGD, some[::-1])]
    mixed, variants = list(runs), list(VARIANTS)
    random.shuffle(mixed)
    random.shuffle(variants)
    one, other = judged(runs, VARIANTS), judged(mixed, variants)
    assert {found.name: found for found in one.rows} == {found.name: found for found in other.rows}


@given(accuracies, accuracies)
def test_the_other_way_round_every_difference_changes_its_sign_and_every_gain_is_a_loss(
    here: list[float], there: list[float]
) -> None:
    one, other = compared(here, there), compared(there, here)
    assert one.delta == pytest.approx(-(other.delta or 0))
    assert one.p == pytest.approx(other.p)
    opposite = {Verdict.GAIN: Verdict.LOSS, Verdict.LOSS: Verdict.GAIN}
    assert opposite.get(one.verdict, one.verdict) is other.verdict


@given(accuracies, accuracies, st.sampled_from([-8.0, 4.0, 8.0]))
def test_a_shift_of_all_accuracies_changes_no_difference(here: list[float], there: list[float], shift: float) -> None:
    one = compared(here, there)
    other = compared([value + shift for value in here], [value + shift for value in there])
    assert one.delta == pytest.approx(other.delta, abs=1e-4)
    assert one.interval == pytest.approx(other.interval, abs=1e-2)

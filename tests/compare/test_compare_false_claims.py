"""Inputs from which a claim could be made that is not there, each with what is said instead."""

import msgspec
import numpy as np
import pytest

from labtui.compare import statistics
from labtui.compare.assertions import check_all
from labtui.compare.cells import cells
from labtui.compare.model import ComparisonTable, Verdict
from labtui.compare.render import text
from labtui.compare.spec_diff import pairs_by_seed
from labtui.spec import Adam, Cnn, Cosine, Data, Penalty, Reference, Sgd
from labtui.store import tags
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.comparisons import (
    judged,
    report_runs,
    report_variants,
    row,
    run,
    run_data,
    runs_of,
    said,
    spec,
    variant,
)

BASE = spec(baseline=None)
DROPOUT = spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))
VARIANTS = [variant(BASE), variant(DROPOUT)]


def table_of(here: list[float], there: list[float], **options: object) -> ComparisonTable:
    return judged([*runs_of(BASE, there), *runs_of(DROPOUT, here)], VARIANTS, **options)


# --- Rounding is no spread ------------------------------------------------------------------------------------------


def test_the_noise_of_float32_is_no_spread_over_seeds() -> None:
    """F3: +0.37 [+0.37, +0.37] with p = 1e-11 was a gain."""
    here, there = [62.37, 61.40, 61.99], [62.00, 61.03, 61.62]
    found = row(table_of(here, there), "dropout").declared
    assert found is not None
    assert (found.verdict, found.why) == (Verdict.NOT_JUDGED, "no spread over seeds")
    runs = [*runs_of(BASE, there), *runs_of(DROPOUT, here)]
    (asserted,) = check_all(["dropout > network"], cells(runs), VARIANTS, run_data=run_data())
    assert not asserted.holds


def test_a_spread_of_one_image_is_one() -> None:
    found = row(table_of([62.37, 61.40, 61.99], [62.00, 61.02, 61.62]), "dropout").declared
    assert found is not None
    assert found.verdict is Verdict.GAIN


def test_the_noise_of_float32_is_no_spread_of_a_loss_either() -> None:
    there = [1.0731, 1.1182, 1.0940]
    pairs = [run(of, seed, {tags.TEST_ACCURACY: 60.0, tags.TEST_LOSS: value + off})
             for of, off in ((BASE, 0.0), (DROPOUT, -0.0123)) for seed, value in enumerate(there)]  # fmt: skip
    found = row(judged(pairs, VARIANTS, metric=tags.TEST_LOSS), "dropout").declared
    assert found is not None
    assert found.why == "no spread over seeds"


# --- Intervals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(2, 5), (2, 10), (2, 20), (3, 20)])
@pytest.mark.parametrize("ratio", [0.5, 1, 2])
def test_welch_covers_the_truth_with_few_and_unequal_seeds(sizes: tuple[int, int], ratio: float) -> None:
    """F7: Satterthwaite's degrees of freedom gave 88.1% for 2 and 20 seeds, 92.6% for 3 and 20."""
    random = np.random.default_rng(sum(sizes))
    here, there = (random.standard_normal((10_000, size)) for size in sizes)
    low, high = statistics.bounds(statistics.welch(ratio * here, there))
    assert np.mean((low <= 0) & (high >= 0)) >= 0.945


@pytest.mark.parametrize(
    ("here", "there", "pairs"), [(4, 3, 3), (5, 3, 3), (10, 3, 3), (5, 4, 4), (8, 8, 5), (10, 9, 9)]
)
@pytest.mark.parametrize("correlation", [0.0, 0.7])
@pytest.mark.parametrize("ratio", [1, 3])
def test_partly_paired_seeds_make_no_more_false_claims(
    here: int, there: int, pairs: int, correlation: float, ratio: float
) -> None:
    random = np.random.default_rng(here + there)
    base, ours = random.standard_normal((4_000, there)), random.standard_normal((4_000, here))
    ours[:, :pairs] = correlation * base[:, :pairs] + (1 - correlation**2) ** 0.5 * ours[:, :pairs]
    centred = [side[:, :pairs] - side[:, :pairs].mean(axis=1, keepdims=True) for side in (ours, base)]
    found = (centred[0] * centred[1]).sum(axis=1) / np.sqrt((centred[0] ** 2).sum(1) * (centred[1] ** 2).sum(1))
    low, high = statistics.bounds(statistics.partly_paired(ratio * ours, base, pairs, found))
    assert np.mean((low > 0) | (high < 0)) <= 0.06


def test_no_difference_that_matters_is_decided_at_five_percent() -> None:
    """F11: with the 95% interval the chance to miss a difference that matters was 2.5%."""
    there = [60.0, 60.4, 60.1, 60.3, 60.2, 59.9]
    here = [value + off for value, off in zip(there, (0.5, -0.2, 0.45, -0.15, 0.55, 0.05), strict=True)]
    found = row(table_of(here, there), "dropout").declared
    assert found is not None
    assert found.interval is not None
    assert found.interval[1] > 0.5
    assert found.verdict is Verdict.NO_DIFFERENCE


def test_a_difference_that_matters_is_missed_in_five_of_a_hundred_cases() -> None:
    random = np.random.default_rng(11)
    low, high = statistics.bounds(statistics.paired(0.5 + 0.15 * random.standard_normal((20_000, 6))), 0.90)
    assert np.mean((low > -0.5) & (high < 0.5)) == pytest.approx(0.05, abs=0.006)


def test_the_captions_say_that_verdicts_hold_at_once_not_that_intervals_do() -> None:
    runs = report_runs()
    head = " ".join(text.to_text(judged(runs, report_variants()), 80, sections=("verdicts",)).split())
    assert "95% intervals, adjusted so that all 9 verdicts hold at once (Holm)" in head


# --- Grids ----------------------------------------------------------------------------------------------------------


def rate(value: float, accuracies: list[float]) -> list[Run]:
    of = spec("adam", f"Adam {value:g}", member=f"{value:g}", optimizer=Adam(lr=value), factor=("optimizer.lr",))
    if accuracies:
        return runs_of(of, accuracies)
    return [run(of, seed, {}, state=State.DIVERGED, created=1.0) for seed in range(3)]


def grid() -> ComparisonTable:
    runs = [
        *rate(1e-4, [50.0, 50.3, 50.1]),
        *rate(3e-4, [58.0, 58.2, 58.4]),
        *rate(3e-3, [62.0, 62.3, 62.1]),
        *rate(1e-2, []),
    ]
    return judged(runs, [variant(one.spec) for one in runs[::3] if one.spec])


def test_a_diverged_value_of_a_grid_was_tried() -> None:
    """F8: "go on: lr = 0.03" and "best of 3" were said although 0.01 had diverged."""
    found = row(grid(), "adam@0.003")
    assert "grid-edge" not in {finding.code for finding in found.findings}
    assert said(found, "selection").startswith("the best of 4 by test/accuracy")


def test_the_edge_of_a_grid_is_not_claimed_inside_an_undecided_difference() -> None:
    runs = [*rate(1e-4, [50.0, 50.3, 50.1]), *rate(1e-3, [61.0, 63.3, 62.1]), *rate(3e-3, [63.0, 61.2, 62.9])]
    found = row(judged(runs, [variant(one.spec) for one in runs[::3] if one.spec]), "adam@0.003")
    assert said(found, "grid-edge") == (
        "the best optimizer.lr of 0.0001, 0.001, 0.003 is the largest tried, "
        "but whether it is better than 0.001 is undecided"
    )
    assert all(finding.remedy is None for finding in found.findings if finding.code == "grid-edge")


# --- Published figures ----------------------------------------------------------------------------------------------


def test_faithful_rows_are_rarely_called_not_reproduced() -> None:
    """F9: of 13 faithful rows at least one was called not reproduced in 48 of 100 tables."""
    random = np.random.default_rng(9)
    tables, called = 60, 0
    for _ in range(tables):
        runs, variants = [], []
        for index in range(13):
            of = spec(f"e{index}", f"E {index}", optimizer=Adam(lr=0.001 + index / 1e5), baseline=None)
            ours, figure = random.normal(60, 0.5, 3), float(random.normal(60, 0.5))
            runs += [
                run(of, seed, {tags.REPORT_TEST_ACCURACY: value, tags.TEST_ACCURACY: value})
                for seed, value in enumerate(ours.tolist())
            ]
            variants.append(variant(of, reference=Reference(figures={tags.REPORT_TEST_ACCURACY: figure}, epoch=10)))
        found = judged(runs, variants)
        called += any(finding.code == "not-reproduced" for one in found.rows for finding in one.findings)
    assert called / tables <= 0.15  # 5%, and three standard errors of sixty tables


# --- Two factors ----------------------------------------------------------------------------------------------------


def square(both: float) -> ComparisonTable:
    """80 becomes 90 by each factor alone: a doubling of the odds and more."""
    first = msgspec.structs.replace(DROPOUT)
    second = spec("l2", "L2", penalty=Penalty(norm="l2", weight=0.1), factor=("penalty",))
    together = spec("both", "Both", model=first.model, penalty=second.penalty, factor=("model.dropout", "penalty"))
    ways = [(BASE, 80.0), (first, 90.0), (second, 90.0), (together, both)]
    off = [[0.0, 0.3, 0.1, 0.2], [0.1, 0.3, 0.2, 0.0], [0.2, 0.1, 0.3, 0.1], [0.1, 0.2, 0.1, 0.3]]
    runs = [one for (of, level), more in zip(ways, off, strict=True) for one in runs_of(of, [level + x for x in more])]
    return judged(runs, [variant(of) for of, _ in ways])


def test_what_the_ceiling_explains_is_not_called_less_than_the_sum() -> None:
    """F16: the logits of 80, 90, 90 and 95.3% add up."""
    (found,) = square(95.3).factorials
    assert found.text == (
        "the combined effect is worse than the sum of the two in points, but not on the logit scale, which has no "
        "ceiling; the conclusion depends on the scale"
    )


def test_what_holds_on_both_scales_is_said() -> None:
    (found,) = square(88.0).factorials
    assert found.text == "the combined effect is worse than the sum of the two"


def test_an_interaction_is_judged_together_with_the_rows() -> None:
    found = square(95.3)
    assert found.judged == sum(one.declared is not None and one.declared.judged for one in found.rows) + 1


# --- Pairs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "paired"),
    [
        (DROPOUT, True),
        (spec("l2", "L2", penalty=Penalty(norm="l2", weight=0.1)), True),
        (spec("adam", "Adam", optimizer=Adam(lr=1e-4)), False),
        (spec("sgd", "SGD", optimizer=Sgd(lr=0.1)), False),
        (spec("cosine", "Cosine", scheduler=Cosine()), False),
        (spec("half", "Half", data=Data(name="cifar10", train_fraction=0.5)), False),
    ],
)
def test_the_kind_of_factor_decides_about_pairs_before_any_value(other: object, paired: bool) -> None:
    assert pairs_by_seed(other, BASE) is paired


def test_the_correlation_of_the_pairs_is_printed() -> None:
    found = table_of([61.0, 62.4, 60.1, 61.9], [60.0, 60.5, 59.3, 61.0])
    comparison = row(found, "dropout").declared
    assert comparison is not None
    assert comparison.correlation == pytest.approx(np.corrcoef([61, 62.4, 60.1, 61.9], [60, 60.5, 59.3, 61])[0, 1])
    assert f"correlation {comparison.correlation:.2f} over 4 seeds" in " ".join(text.to_text(found).split())


# --- Losses ---------------------------------------------------------------------------------------------------------


def test_converted_losses_are_said_to_be_means_over_batches() -> None:
    found = " ".join(text.to_text(judged(report_runs(), report_variants()), 80, sections=("losses",)).split())
    assert "losses as cross-entropy, whatever scale" in found
    assert "a small last one weighs as much, up to 3% off the mean per image" in found

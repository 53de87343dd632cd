"""Two networks on the same images, and accuracy class by class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.compare.findings.per_image import class_accuracy, image_test
from labtui.compare.render import phrases
from labtui.spec import Cnn
from tests.support.comparisons import judged, predictions, row, run_data, runs_of, spec, variant

LABELS = [0, 0, 0, 1, 1, 1, 2, 2]
BASE = spec(baseline=None)
DROPOUT = spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))
VARIANTS = [variant(BASE), variant(DROPOUT)]


def test_fixes_and_breaks_are_counted_by_hand() -> None:
    here, there = predictions(LABELS, [0, 0, 0, 1, 1, 0, 2, 0]), predictions(LABELS, [0, 1, 1, 1, 1, 1, 0, 0])
    found = image_test(here, there, seed=4)
    assert found is not None
    assert (found.seed, found.images, found.fixes, found.breaks) == (4, 8, 3, 1)
    assert found.p == pytest.approx(0.625)


def test_networks_that_saw_other_images_are_not_put_side_by_side() -> None:
    assert image_test(predictions([0, 1], [0, 1]), predictions([1, 0], [0, 1]), 0) is None
    assert image_test(predictions([0, 1], [0, 1]), predictions([0], [0]), 0) is None


answers = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@given(answers)
def test_the_two_counts_are_the_difference_in_images_and_swap_with_the_networks(triples: list[tuple[int, ...]]) -> None:
    labels, ours, theirs = map(list, zip(*triples, strict=True))
    one = image_test(predictions(labels, ours), predictions(labels, theirs), 0)
    other = image_test(predictions(labels, theirs), predictions(labels, ours), 0)
    assert one is not None
    assert other is not None
    assert (one.fixes, one.breaks, one.p) == (other.breaks, other.fixes, other.p)
    right = sum(a == b for a, b in zip(labels, ours, strict=True)) - sum(
        a == b for a, b in zip(labels, theirs, strict=True)
    )
    assert one.fixes - one.breaks == right


def test_accuracy_per_class_is_of_that_classs_images() -> None:
    found = class_accuracy(predictions(LABELS, [0, 0, 1, 1, 1, 1, 0, 0]), 4)
    assert found[:3] == pytest.approx([200 / 3, 100, 0])
    assert np.isnan(found[3])


def test_classes_beyond_the_known_ones_do_no_harm() -> None:
    assert class_accuracy(predictions([0, 9, 1], [0, 9, 0]), 2) == pytest.approx([100, 0])


def compared(here: list[list[int]], there: list[list[int]]):  # type: ignore[no-untyped-def]
    runs = [runs_of(BASE, [60.0 + seed for seed in range(2)]), runs_of(DROPOUT, [61.0 + seed for seed in range(2)])]
    said = {
        one.id: predictions(LABELS, answer)
        for side, answers in zip(runs, (there, here), strict=True)
        for one, answer in zip(side, answers, strict=False)
    }
    table = judged(
        [*runs[0], *runs[1]], VARIANTS, run_data=run_data(said=said), classes={"cifar10": ("cat", "dog", "ship")}
    )
    return row(table, "dropout")


def test_class_differences_are_means_over_the_seeds_that_both_sides_have() -> None:
    right, wrong = LABELS, [1, 1, 1, 1, 1, 1, 2, 2]
    found = compared([right, wrong], [wrong, wrong])
    assert found.declared.per_class == pytest.approx((50, 0, 0))
    assert found.class_accuracy == pytest.approx((50, 100, 100))
    assert phrases.classes(found, found.declared) == "by class, from +50.0 points (cat) to 0.0 points (dog)"


def test_the_image_test_is_of_the_first_common_seed() -> None:
    found = compared([LABELS, LABELS], [[1, 1, 1, 1, 1, 1, 2, 2], LABELS])
    assert found.declared.images.seed == 0
    assert (found.declared.images.fixes, found.declared.images.breaks) == (3, 0)


def test_without_predictions_nothing_is_said_about_images() -> None:
    found = compared([], [])
    assert (found.declared.images, found.declared.per_class, found.class_accuracy) == (None, (), ())

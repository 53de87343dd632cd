"""Comparing a first epoch with its repetition."""

import math

import pytest

from labtui.api.reproduce import Reproducibility, compare_first_epochs, environment_changes
from labtui.store.tags import REPORT_TEST_ACCURACY, REPORT_TRAIN_LOSS, TRAIN_LOSS, step_unit

from tests.support.samples import make_launch  # isort: skip

UNITS = {tag: step_unit(tag) for tag in (REPORT_TEST_ACCURACY, REPORT_TRAIN_LOSS, TRAIN_LOSS)}
ORIGINAL = {REPORT_TRAIN_LOSS: {1: 0.125}, REPORT_TEST_ACCURACY: {1: 55.0}, TRAIN_LOSS: {1: 2.3, 40: 1.9}}


def test_equal_points_are_bit_exact() -> None:
    verification = compare_first_epochs(ORIGINAL, ORIGINAL, UNITS)
    assert (verification.grade, verification.points, verification.worst) == (Reproducibility.EXACT, 4, "")


def test_points_spaced_by_wall_clock_time_may_be_at_other_steps() -> None:
    repeated = {**ORIGINAL, TRAIN_LOSS: {1: 2.3, 57: 1.8}}
    assert compare_first_epochs(ORIGINAL, repeated, UNITS).grade is Reproducibility.EXACT


@pytest.mark.parametrize(
    ("loss", "word"),
    [(0.1251, Reproducibility.CLOSE), (0.13, Reproducibility.DIFFERENT), (math.nan, Reproducibility.DIFFERENT)],
)
def test_a_loss_is_close_within_a_hundredth(loss: float, word: Reproducibility) -> None:
    verification = compare_first_epochs(ORIGINAL, {**ORIGINAL, REPORT_TRAIN_LOSS: {1: loss}}, UNITS)
    assert verification.grade is word
    assert verification.worst.startswith("Train Loss at epoch 1: 0.125, now")


@pytest.mark.parametrize(("accuracy", "word"), [(55.9, Reproducibility.CLOSE), (56.1, Reproducibility.DIFFERENT)])
def test_an_accuracy_is_close_within_a_point(accuracy: float, word: Reproducibility) -> None:
    assert compare_first_epochs(ORIGINAL, {**ORIGINAL, REPORT_TEST_ACCURACY: {1: accuracy}}, UNITS).grade is word


def test_a_diverged_run_can_be_reproduced_bit_by_bit() -> None:
    diverged = {REPORT_TRAIN_LOSS: {1: math.nan}}
    assert compare_first_epochs(diverged, diverged, UNITS).grade is Reproducibility.EXACT


def test_a_point_that_only_one_side_has_makes_them_different() -> None:
    without = {tag: points for tag, points in ORIGINAL.items() if tag != REPORT_TRAIN_LOSS}
    verification = compare_first_epochs(ORIGINAL, without, UNITS)
    assert (verification.grade, verification.missing) == (Reproducibility.DIFFERENT, 1)


def test_nothing_in_common_is_not_called_exact() -> None:
    assert compare_first_epochs({}, {}, UNITS).grade is Reproducibility.DIFFERENT


def test_changes_of_the_environment_are_listed_with_both_values() -> None:
    then = make_launch(threads=1, versions={"torch": "2.10.0", "numpy": "2.2.0"}, device="cpu")
    now = make_launch(threads=2, versions={"torch": "2.15.0", "numpy": "2.2.0"}, device="cpu")
    assert environment_changes(then, now) == ("torch 2.10.0, now 2.15.0", "threads 1, now 2")
    assert environment_changes(then, None) == ()

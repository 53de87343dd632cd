"""Two factors, alone and together."""

import numpy as np
import pytest
import statsmodels.api

from labtui.compare.model import Factorial
from labtui.spec import Augment, Cnn, Data, HorizontalFlip
from labtui.store import tags
from tests.support.comparisons import AUGMENT, NORMALIZE, judged, runs_of, spec, variant

FLIP = Augment(mode="replace", transforms=(HorizontalFlip(),))
BASE = spec(baseline=None)
NORM = spec("norm", "Norm", data=Data(name="cifar10", normalize=NORMALIZE), factor=("data.normalize",))
DROP = spec("drop", "Drop", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))
BOTH = spec(
    "both", "Both", data=Data(name="cifar10", normalize=NORMALIZE), model=Cnn(dropout=(0.3, 0.2)),
    factor=("data.normalize", "model.dropout"),
)  # fmt: skip


def readout(base: list[float], norm: list[float], drop: list[float], both: list[float]) -> Factorial:
    pairs = ((BASE, base), (NORM, norm), (DROP, drop), (BOTH, both))
    runs = [one for of, values in pairs for one in runs_of(of, values)]
    (found,) = judged(runs, [variant(of) for of, _ in pairs]).factorials
    return found


def test_main_effects_and_interaction_are_those_of_the_four_means() -> None:
    found = readout([60, 61, 62], [62, 63, 64.5], [61, 61.5, 63], [66, 67, 68.2])
    base, norm, drop, both = 61.0, 63.166667, 61.833333, 67.066667
    assert [one.title for one in found.effects] == ["Norm", "Drop", "interaction"]
    assert [one.delta for one in found.effects] == pytest.approx(
        [((norm - base) + (both - drop)) / 2, ((drop - base) + (both - norm)) / 2, both - norm - drop + base], abs=1e-4
    )
    assert found.text == "the combined effect is better than the sum of the two"
    assert found.method == "paired over seeds 0-2"


def test_without_pairs_the_effects_are_those_of_a_regression_with_each_groups_own_variance() -> None:
    generator = np.random.default_rng(4)
    groups = [generator.normal(mean, 0.4, 4).round(2).tolist() for mean in (60, 62, 61, 63)]
    augmented = [
        BASE,
        spec("a", "A", data=Data(name="cifar10", augment=AUGMENT), factor=("data.augment",)),
        DROP,
        spec(
            "ad", "AD", data=Data(name="cifar10", augment=AUGMENT), model=Cnn(dropout=(0.3, 0.2)),
            factor=("data.augment", "model.dropout"),
        ),
    ]  # fmt: skip
    runs = [one for of, values in zip(augmented, groups, strict=True) for one in runs_of(of, values)]
    (found,) = judged(runs, [variant(of) for of in augmented]).factorials
    first, second = np.repeat([-0.5, 0.5, -0.5, 0.5], 4), np.repeat([-0.5, -0.5, 0.5, 0.5], 4)
    design = np.column_stack([np.ones(16), first, second, first * second])
    # HC2 errors with a cell model are exactly sqrt(sum of s²/n): Welch's.
    fit = statsmodels.api.OLS(np.concatenate(groups), design).fit(cov_type="HC2")
    assert [one.delta for one in found.effects] == pytest.approx(list(fit.params[1:]), abs=1e-4)
    widths = [(one.interval[1] - one.interval[0]) / 2 for one in found.effects]
    assert widths[2] == pytest.approx(2 * widths[0], rel=1e-6)
    assert min(width / error for width, error in zip(widths, fit.bse[1:], strict=True)) > 1.96
    assert found.method == "Welch"


def test_an_interaction_around_zero_is_not_decided() -> None:
    found = readout([60, 61.2, 62], [62, 63, 64.1], [61, 62.1, 63], [63, 64.4, 64.9])
    assert "is undecided" in found.text


def test_one_seed_has_effects_without_intervals_and_says_so() -> None:
    found = readout([60], [62], [61], [63])
    assert found.effects == ()
    assert "one seed" in found.text


def test_a_missing_corner_makes_no_readout() -> None:
    runs = [one for of in (NORM, DROP, BOTH) for one in runs_of(of, [60, 61])]
    assert judged(runs, [variant(of) for of in (NORM, DROP, BOTH)]).factorials == ()


def test_a_corner_that_differs_in_more_makes_no_readout() -> None:
    half = spec("half", "Half", data=Data(name="cifar10", train_fraction=0.5), baseline=None)
    runs = [one for of in (half, NORM, DROP, BOTH) for one in runs_of(of, [60, 61])]
    assert judged(runs, [variant(of) for of in (half, NORM, DROP, BOTH)]).factorials == ()


def test_factors_that_overlap_make_no_readout() -> None:
    flips = spec("flips", "Flips", data=Data(name="cifar10", augment=FLIP), factor=("data",))
    runs = [one for of in (BASE, NORM, flips, BOTH) for one in runs_of(of, [60, 61])]
    assert judged(runs, [variant(of) for of in (BASE, NORM, flips, BOTH)]).factorials == ()


def test_lower_losses_together_are_more_than_the_sum() -> None:
    pairs = ((BASE, [60, 61, 62]), (NORM, [62, 63, 64.5]), (DROP, [61, 61.5, 63]), (BOTH, [66, 67, 68.2]))
    runs = [one for of, values in pairs for one in runs_of(of, values)]
    (found,) = judged(runs, [variant(of) for of, _ in pairs], metric=tags.TEST_LOSS).factorials
    assert found.text == "the combined effect is better than the sum of the two"

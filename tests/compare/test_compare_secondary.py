"""What is shown beside the verdicts: other images, borrowed spread and P(A > B), from runs to text."""

import json
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pytest

from labtui.compare.differences import Difference
from labtui.compare.image_sampling import other_images
from labtui.compare.looks import History, Looks, looks_of_table, new_looks
from labtui.compare.model import Comparison, ComparisonTable, Verdict
from labtui.compare.render import phrases
from labtui.compare.render.export import to_csv, to_json
from labtui.compare.render.text import to_text
from labtui.compare.report import difference_plots
from labtui.compare.secondary import shown_level
from labtui.compare.statistics import bounds, correlation_interval, paired
from labtui.spec import Adam, Cnn, Penalty
from labtui.store import tags
from labtui.store.predictions import Predictions
from labtui.store.run import Run
from labtui.text.spans import text_width
from tests.support.comparisons import judged, predictions, row, run, run_data, runs_of, spec, variant

BASE = spec(baseline=None)
DROPOUT = spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))
L1 = spec("l1", "L1", penalty=Penalty(norm="l1", weight=0.5, modules="fc1"), factor=("penalty",))
L2 = spec("l2", "L2", penalty=Penalty(norm="l2", weight=0.5, modules="fc1"), factor=("penalty",))
SLOW = spec("slow", "Slow", optimizer=Adam(lr=1e-4), factor=("optimizer.lr",))
VARIANTS = [variant(of) for of in (BASE, DROPOUT, L1, L2, SLOW)]
IMAGES = 400


def network(accuracy: float, random: np.random.Generator, labels: np.ndarray) -> Predictions:
    """Predictions of which about `accuracy` percent are right."""
    right = random.random(len(labels)) < accuracy / 100
    return predictions(labels.tolist(), np.where(right, labels, (labels + 1) % 10).tolist())


def runs_with_predictions(
    accuracies: Mapping[str, Sequence[float]], images: int = IMAGES
) -> tuple[list[Run], dict[str, Predictions]]:
    """Runs by experiment whose accuracies are those of their predictions."""
    random, labels = np.random.default_rng(41), np.arange(images) % 10
    known = {one.spec.experiment: one.spec for one in VARIANTS}
    runs, said = [], {}
    for name, values in accuracies.items():
        for seed, accuracy in enumerate(values):
            answer = network(accuracy, random, labels)
            measured = 100.0 * float((answer.predicted == answer.labels).mean())
            made = run(known[name], seed, {tags.TEST_ACCURACY: measured}, test_images=images)
            runs.append(made)
            said[made.id] = answer
    return runs, said


def compared(found: ComparisonTable, name: str = "dropout") -> Comparison:
    declared = row(found, name).declared
    assert declared is not None
    return declared


# --- Other images ---------------------------------------------------------------------------------------------------


def test_the_table_shows_the_analysis_of_seeds_and_images_at_the_level_of_its_own_interval() -> None:
    runs, said = runs_with_predictions({"network": [60, 61, 62], "dropout": [66, 66, 68]})
    one = compared(judged(runs, VARIANTS, run_data=run_data(said=said)))
    sides = [
        [said[made.id].predicted == said[made.id].labels for made in runs if made.name == name]
        for name in ("dropout", "network")
    ]
    estimate = other_images(sides[0], sides[1], pairs=True)
    assert one.other_images is not None
    assert one.other_images.images == IMAGES
    low, high = bounds(estimate)
    assert one.other_images.interval == pytest.approx((float(low), float(high)), rel=1e-6)
    assert float(estimate.delta) == pytest.approx(one.delta)


def test_sides_whose_seeds_are_not_paired_are_compared_seed_by_seed_of_each_side() -> None:
    runs, said = runs_with_predictions({"network": [60, 61, 62], "slow": [50, 52, 55, 51]})
    one = compared(judged(runs, VARIANTS, run_data=run_data(said=said)), "slow")
    assert one.method == "welch"
    assert one.other_images is not None
    assert one.other_images.interval is not None
    assert sum(one.other_images.interval) / 2 == pytest.approx(one.delta)


def test_a_seed_without_predictions_is_named_instead_of_an_interval() -> None:
    runs, said = runs_with_predictions({"network": [60, 61, 62], "dropout": [66, 66, 68]})
    gone = next(made.id for made in runs if made.name == "network" and made.seed == 1)
    found = judged(runs, VARIANTS, run_data=run_data(said={key: said[key] for key in said if key != gone}))
    one = compared(found)
    assert one.other_images is not None
    assert (one.other_images.interval, one.other_images.why) == (None, "no stored predictions of Network, seed 1")
    assert "on other images: Dropout: no stored predictions of Network, seed 1" in to_text(found, 160)


def test_other_test_images_are_not_put_side_by_side() -> None:
    runs, said = runs_with_predictions({"network": [60, 61, 62], "dropout": [66, 66, 68]})
    for made in runs:
        if made.name == "dropout":
            said[made.id] = said[made.id]._replace(labels=said[made.id].labels[::-1])
    one = compared(judged(runs, VARIANTS, run_data=run_data(said=said)))
    assert one.other_images is not None
    assert one.other_images.why == "their test images are not the same"


def test_a_metric_that_is_not_measured_image_by_image_has_nothing_to_say_about_images() -> None:
    runs, said = runs_with_predictions({"network": [60, 61, 62], "dropout": [66, 66, 68]})
    runs = [
        msgspec_replace_last(made, {tags.TEST_ACCURACY: 60.0, tags.TEST_LOSS: 1.0 + 0.1 * (made.seed or 0)})
        for made in runs
    ]
    one = compared(judged(runs, VARIANTS, run_data=run_data(said=said), metric=tags.TEST_LOSS))
    assert one.other_images is None


def msgspec_replace_last(made: Run, last: Mapping[str, float]) -> Run:
    assert made.spec is not None
    return run(made.spec, made.seed or 0, last)


# Standard deviations on a latent scale, of seeds and of images within a seed; the share of them that both sides have in
# common; and the difference.
WORLDS = {
    "seeds alike, images alike within a seed": (0.08, 0.3, 0.0, 0.15),
    "seeds alike, images vary within a seed": (0.08, 1.0, 0.0, 0.15),
    "seeds vary, images alike within a seed": (0.15, 0.3, 0.0, 0.15),
    "seeds vary, images vary within a seed": (0.15, 1.0, 0.0, 0.15),
    "seeds vary and share their noise, images alike": (0.25, 0.3, 0.6, 0.15),
    "seeds vary and share their noise, images vary": (0.25, 1.0, 0.6, 0.15),
    "no difference at all": (0.15, 0.3, 0.0, 0.0),
}
_LEVEL, _PREFERENCE = 0.4, 0.4


def world(name: str, tables: int, n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
    """Right answers [tables, seeds, images] of two recipes, and the true difference in points.

    An image is right if its latent value is above zero, so that the truth over all seeds and images is known exactly.
    """
    from scipy.special import ndtr

    of_seed, within, shared, effect = WORLDS[name]
    common = [random.normal(size=(tables, n, size)) * shared**0.5 for size in (1, IMAGES)]
    images = random.normal(size=(tables, 1, IMAGES))
    sides = []
    for shift in (effect, 0.0):
        own = [random.normal(size=part.shape) * (1 - shared) ** 0.5 for part in common]
        noise = of_seed * (common[0] + own[0]) + within * (common[1] + own[1])
        preference = _PREFERENCE * random.normal(size=images.shape)
        sides.append(_LEVEL + shift + images + preference + noise > 0)
    total = (of_seed**2 + 1 + _PREFERENCE**2 + within**2) ** 0.5
    return sides[0], sides[1], 100 * float(ndtr((_LEVEL + effect) / total) - ndtr(_LEVEL / total))


@pytest.mark.parametrize("tries", [600, pytest.param(10_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("n", [3, 5])
@pytest.mark.parametrize("name", WORLDS)
def test_the_interval_covers_the_truth_on_new_images_in_94_to_97_of_100_cases(name: str, n: int, tries: int) -> None:
    random, hits = np.random.default_rng(42), 0
    for _ in range(tries // 200):
        here, there, truth = world(name, 200, n, random)
        low, high = bounds(other_images(here, there, pairs=True))
        hits += int(((low <= truth) & (truth <= high)).sum())
    sampling = 3 * 100 * (0.05 * 0.95 / tries) ** 0.5
    assert 94.0 - sampling <= 100 * hits / tries <= 97.0 + sampling


@pytest.mark.parametrize("tries", [400, pytest.param(10_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("counts", [(3, 3), (5, 5), (2, 5), (3, 10)])
def test_seeds_of_each_sides_own_cover_the_truth_as_well(counts: tuple[int, int], tries: int) -> None:
    random, hits = np.random.default_rng(43), 0
    for _ in range(tries // 200):
        here, there, truth = world("seeds vary, images vary within a seed", 200, max(counts), random)
        low, high = bounds(other_images(here[:, : counts[0]], there[:, : counts[1]], pairs=False))
        hits += int(((low <= truth) & (truth <= high)).sum())
    assert 100 * hits / tries >= 94.0 - 3 * 100 * (0.05 * 0.95 / tries) ** 0.5


# --- Borrowed spread ------------------------------------------------------------------------------------------------


def four_rows(**changes: Sequence[float]) -> ComparisonTable:
    accuracies: dict[str, Sequence[float]] = {
        "network": [60.0, 60.5, 61.0],
        "dropout": [60.4, 61.5, 61.6],
        "l1": [58.0, 58.9, 59.2],
        "l2": [57.0, 57.2, 58.1],
    }
    accuracies |= changes
    known = {one.spec.experiment: one.spec for one in VARIANTS}
    runs = [made for name, values in accuracies.items() for made in runs_of(known[name], values)]
    return judged(runs, VARIANTS)


def test_three_rows_lend_each_other_spread_beside_the_verdict() -> None:
    found = four_rows()
    one = compared(found)
    assert one.borrowed is not None
    assert one.borrowed.rows == 2
    assert one.borrowed.interval is not None
    assert sum(one.borrowed.interval) / 2 == pytest.approx(one.delta)
    assert "the interval if seeds spread here as in 2 other rows, adjusted for all" in " ".join(
        to_text(found, 80).split()
    )


def test_what_is_shown_beside_a_verdict_never_changes_it() -> None:
    found, shown = four_rows(), {}
    for name in ("dropout", "l1", "l2"):
        one = compared(found, name)
        assert one.borrowed is not None
        shown[name] = one.borrowed.interval, one.adjusted, one.verdict
    borrowed, own, verdict = shown["dropout"]
    assert borrowed is not None
    assert own is not None
    assert verdict is Verdict.UNDECIDED
    assert borrowed[0] > 0 > own[0]


def test_two_rows_lend_nothing() -> None:
    assert compared(four_rows(l2=[57.0])).borrowed is None


def test_a_baseline_that_spreads_more_than_its_rows_is_said_to_and_nothing_is_borrowed() -> None:
    found = four_rows(network=[55.0, 60.5, 66.0])
    one = compared(found)
    assert one.borrowed is not None
    assert one.borrowed.interval is None
    text = " ".join(to_text(found, 80).split())
    assert "the seeds of Network spread more than those of its rows: nothing is borrowed" in text


def test_rows_with_failed_seeds_neither_lend_nor_borrow() -> None:
    accuracies = {"network": [60.0, 60.5, 61.0], "dropout": [62.0, 62.9, 62.8], "l1": [58.0, 58.4, 59.1]}
    known = {one.spec.experiment: one.spec for one in VARIANTS}
    runs = [made for name, values in accuracies.items() for made in runs_of(known[name], values)]
    runs += [*runs_of(L2, [57.0, 57.7]), run(L2, 2, {tags.TEST_ACCURACY: float("nan")})]
    found = judged(runs, VARIANTS)
    assert compared(found, "l2").superiority is None
    assert all(compared(found, name).borrowed is None for name in ("dropout", "l1", "l2"))


# --- P(A > B) -------------------------------------------------------------------------------------------------------


def test_a_meaningful_chance_is_marked_and_belongs_to_a_verdict() -> None:
    found = four_rows(dropout=[66.0, 66.6, 66.8])
    one = compared(found)
    assert one.verdict is Verdict.GAIN
    assert one.superiority is not None
    assert one.superiority.paired
    assert one.superiority.is_meaningful
    assert "* meaningful: above 0.5, and reaching above 0.75" in " ".join(to_text(found, 80).split())


def test_of_a_loss_the_better_run_is_the_one_with_the_lower_value() -> None:
    known = {one.spec.experiment: one.spec for one in VARIANTS}
    runs = [
        run(known[name], seed, {tags.TEST_LOSS: value})
        for name, values in {"network": [1.0, 1.1, 1.2], "dropout": [0.5, 0.61, 0.69]}.items()
        for seed, value in enumerate(values)
    ]
    one = compared(judged(runs, VARIANTS, metric=tags.TEST_LOSS))
    assert one.superiority is not None
    assert one.superiority.probability > 0.99
    assert one.verdict is Verdict.GAIN


def test_where_nothing_is_judged_nothing_is_said_about_chances() -> None:
    one = compared(four_rows(dropout=[66.0]))
    assert (one.superiority, one.borrowed, one.other_images) == (None, None, None)


# --- Levels ---------------------------------------------------------------------------------------------------------


def test_the_level_is_that_of_the_interval_that_is_shown() -> None:
    estimate = paired([1.0, 2.0, 2.5, 0.5])
    found = Difference(1.5, "paired", (0, 1, 2, 3), estimate, 4)
    shown = compared(four_rows())
    for level in (0.9, 0.95, 0.999):
        low, high = bounds(estimate, level)
        one = msgspec.structs.replace(shown, adjusted=(float(low), float(high)))
        assert shown_level(one, found) == pytest.approx(level)


def test_where_no_interval_is_shown_nothing_is_shown_beside_it() -> None:
    withheld = msgspec.structs.replace(compared(four_rows()), adjusted=None, interval=None)
    assert shown_level(withheld, Difference(1.5, "paired", (0, 1, 2), paired([1.0, 2.0, 2.5]), 3)) is None
    infinite = msgspec.structs.replace(withheld, interval=(float("-inf"), float("inf")))
    assert shown_level(infinite, Difference(1.5, "paired", (0, 1, 2), paired([1.0, 2.0, 2.5]), 3)) is None


def test_what_stands_beside_a_verdict_widens_with_its_interval_when_one_looks_again() -> None:
    base, here = [60.0 + 0.3 * (seed % 3) for seed in range(8)], [61.0 + 0.3 * (seed % 4) for seed in range(8)]
    runs = [*runs_of(BASE, base), *runs_of(DROPOUT, here)]
    first = judged(runs, VARIANTS, looks=Looks())
    earlier = judged([made for made in runs if (made.seed or 0) < 4], VARIANTS, looks=Looks())
    history = History(new_looks(History(()), looks_of_table(earlier).items(), 1.0))
    again = judged(runs, VARIANTS, looks=Looks(history=history))
    once, twice = compared(first), compared(again)
    assert once.superiority is not None
    assert twice.superiority is not None
    assert twice.look is not None
    assert twice.look.showing == "always valid"
    assert twice.superiority.interval[0] < once.superiority.interval[0]
    assert once.adjusted is not None
    assert twice.adjusted is not None
    assert (once.superiority.interval[0] > 0.5) == (once.adjusted[0] > 0)
    assert (twice.superiority.interval[0] > 0.5) == (twice.adjusted[0] > 0)


# --- Text -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_the_columns_fit_every_width_and_stand_beside_the_verdicts_where_there_is_room(width: int) -> None:
    accuracies = {"network": [60, 61, 62], "dropout": [66, 66, 68], "l1": [50, 55, 53], "l2": [48, 49, 53]}
    runs, said = runs_with_predictions(accuracies)
    lines = to_text(judged(runs, VARIANTS, run_data=run_data(said=said)), width, sections=("verdicts",)).splitlines()
    assert max(map(text_width, lines)) <= width
    heads = [line for line in lines if "on other images  " in line]
    assert len(heads) == 1
    assert ("verdict" in heads[0]) == (width == 160)


def test_json_and_csv_have_them_beside_the_keys_that_were_there_before() -> None:
    runs, said = runs_with_predictions({"network": [60, 61, 62], "dropout": [66, 66, 68]})
    found = judged(runs, VARIANTS, run_data=run_data(said=said))
    declared = next(one for one in json.loads(to_json(found))["rows"] if one["name"] == "dropout")["declared"]
    assert declared["images"]["images"] == IMAGES  # the McNemar test of the first seed
    assert declared["other_images"]["images"] == IMAGES
    assert declared["superiority"]["probability"] > 0.5
    assert declared["borrowed"] is None
    heads = to_csv(found).splitlines()[0].split(",")
    assert heads[-7:] == [
        "other_images_low",
        "other_images_high",
        "borrowed_low",
        "borrowed_high",
        "p_better",
        "p_better_low",
        "p_better_high",
    ]


def test_the_plot_shows_the_same_interval_for_other_images_as_the_table() -> None:
    """F17: the table's ruler and the plot's were two."""
    runs, said = runs_with_predictions({"network": [60, 61, 62], "dropout": [66, 66, 68]})
    one = compared(judged(runs, VARIANTS, run_data=run_data(said=said)))
    assert one.other_images is not None
    assert difference_plots.other_images_of(one) == one.other_images.interval


# --- Pairs ----------------------------------------------------------------------------------------------------------


def test_the_correlation_of_pairs_is_printed_with_how_little_three_seeds_say_about_it() -> None:
    text = phrases.pairing(compared(four_rows()))
    assert text.endswith("over 3 seeds, which are too few to say more: any value is possible")


def test_from_four_pairs_on_the_correlation_has_an_interval() -> None:
    assert correlation_interval(0.69, 3) is None
    assert correlation_interval(1.0, 10) is None
    assert correlation_interval(0.6, 10) == pytest.approx((-0.048, 0.893), abs=1e-3)

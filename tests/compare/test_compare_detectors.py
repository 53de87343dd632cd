"""Runs that learned nothing, settings without effect, grids that end too early, losses on other scales."""

import math

import msgspec
import numpy as np
import pytest
import statsmodels.api

from labtui.compare.findings.losses import losses
from labtui.compare.findings.not_learning import learning_findings
from labtui.compare.findings.published import expected
from labtui.compare.findings.search import grid_findings, grid_searches, no_effect_findings, same_bits, tunable_values
from labtui.compare.metrics import cross_entropy, metric
from labtui.compare.render.commands import remedy_text
from labtui.learning import at_chance, is_falling
from labtui.spec import Adam, Cnn, Data, Penalty, Reference, Sgd, Training
from labtui.store import tags
from tests.support.comparisons import (
    codes,
    curve,
    judged,
    on_report_scale,
    only_cell,
    predictions,
    row,
    run,
    run_data,
    runs_of,
    said,
    spec,
    variant,
)

BASE = spec(baseline=None)
GUESS = math.log(10)


def rates(name: str, accuracies: dict[float, float]) -> list:
    """Runs of a grid of learning rates."""
    return [
        one
        for rate, accuracy in accuracies.items()
        for one in runs_of(
            spec(name, f"{name} {rate:g}", member=f"{rate:g}", optimizer=Sgd(lr=rate), factor=("optimizer",)),
            [accuracy, accuracy + 0.1],
        )
    ]


def edge(accuracies: dict[float, float], tag: str = tags.TEST_ACCURACY) -> dict[str, list[str]]:
    """The findings of a grid by the title of the row that they are on."""
    runs = rates("sgd", accuracies)
    table = judged(runs, [variant(one.spec) for one in runs[::2]], metric=tag)
    return {one.title: [text.text for text in one.findings if text.code == "grid-edge"] for one in table.rows}


# --- Learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("percent", "images", "chance"), [(10, 10_000, True), (10.8, 10_000, True), (11, 10_000, False)]
)
def test_chance_is_a_tenth_give_or_take_the_noise_of_the_test_set(percent: float, images: int, chance: bool) -> None:
    assert at_chance(percent, 10, images) is chance


def test_the_embedded_digits_have_a_wider_chance() -> None:
    assert at_chance(14, 10, 360)
    assert not at_chance(16, 10, 360)


def test_a_loss_that_stands_still_is_not_falling_and_one_that_creeps_down_is() -> None:
    noise = np.random.default_rng(0).normal(0, 1e-4, 10)
    assert is_falling([2.3035 + one for one in noise]) is False
    assert is_falling([2.3030 - 4e-4 * epoch + one / 4 for epoch, one in enumerate(noise)]) is True
    assert is_falling([2.9, 2.7, 2.5, 2.4, 2.31, 2.304, *(2.3035 + one for one in noise)]) is False


@pytest.mark.parametrize("points", [4, 8, 10, 20, 50, 200])
def test_a_loss_that_wanders_is_rarely_called_falling(points: int) -> None:
    """F15: the slope alone called 14 to 46% of random walks falling."""
    walks = np.cumsum(np.random.default_rng(points).standard_normal((1_500, points)), axis=1) + 100
    falling = [is_falling(walk) is True for walk in walks.tolist()]
    assert np.mean(falling) <= 0.065


def test_a_loss_that_wandered_down_is_not_called_flat_either() -> None:
    assert is_falling([2.310, 2.308, 2.3075, 2.3055]) is None


def test_two_points_do_not_tell_whether_a_loss_falls() -> None:
    assert is_falling([2.31, 2.30]) is None


def learning(last: float, curve_values: list[float], predicted: list[int] | None = None) -> list[tuple[str, str]]:
    runs = [run(BASE, 0, {tags.TEST_ACCURACY: last, tags.REPORT_TRAIN_ACCURACY: last})]
    known = {runs[0].id: {tags.REPORT_TRAIN_LOSS: curve(tags.REPORT_TRAIN_LOSS, curve_values)}} if curve_values else {}
    answers = {runs[0].id: predictions([0] * len(predicted), predicted)} if predicted else {}
    found = learning_findings(only_cell(runs), run_data(known, answers))
    return [(one.code, one.text) for one in found]


def test_a_dead_run_is_at_chance_with_a_loss_that_stands_still() -> None:
    values = [0.1342 + 1e-5 * (-1) ** epoch for epoch in range(10)]
    (found,) = learning(10.0, values, [3, 3, 3])
    assert found[0] == "dead-run"
    assert found[1] == (
        "not learning: at chance (10.00% with 10 classes), and its loss is flat "
        "(Train Loss 0.13419 half way, 0.13419 at the end); it gives every image the same class"
    )


def test_a_run_that_has_not_started_is_at_chance_with_a_loss_that_still_falls() -> None:
    (found,) = learning(10.0, [0.1343 - 1e-5 * epoch for epoch in range(10)])
    assert found[0] == "not-started"
    assert found[1].startswith("not learning yet: at chance (10.00% with 10 classes), but its loss is still falling")


def test_at_chance_without_curves_is_neither_dead_nor_about_to_start() -> None:
    assert learning(10.0, []) == [("at-chance", "did not learn: at chance (10.00% with 10 classes)")]


def test_a_run_that_learned_is_not_mentioned() -> None:
    assert learning(24.0, [0.13] * 10) == []


def test_a_network_that_knows_its_training_images_is_not_dead() -> None:
    runs = [run(BASE, 0, {tags.TEST_ACCURACY: 10.0, tags.REPORT_TRAIN_ACCURACY: 99.0})]
    assert learning_findings(only_cell(runs), run_data()) == ()


def test_one_dead_seed_of_three_is_counted() -> None:
    runs = runs_of(BASE, [60, 10, 61])
    (found,) = learning_findings(only_cell(runs), run_data())
    assert found.text == "did not learn: 1 of 3 seeds at chance (10.00% with 10 classes)"


# --- Switches --------------------------------------------------------------------------------------------------------

ENDS = {tags.TEST_ACCURACY: 61.5, tags.TEST_LOSS: 1.1234, tags.REPORT_TRAIN_LOSS: 0.0881}


def test_equal_bits_with_unequal_specs_are_a_setting_without_effect() -> None:
    weightless = spec("l1", "L1", penalty=Penalty(norm="l1", weight=0.0), factor=("penalty",))
    runs = [run(of, seed, ENDS) for of in (BASE, weightless) for seed in (0, 1)]
    table = judged(runs, [variant(BASE), variant(weightless)])
    assert said(row(table, "l1"), "dead-switch") == (
        "bit-identical to Network (seeds 0,1) although penalty differs: this setting had no effect"
    )
    assert "dead-switch" in codes(row(table, "network").findings)


def test_equal_bits_under_equal_specs_are_twins() -> None:
    twin = spec("twin", "Twin")
    cells = [only_cell([run(of, 0, ENDS)]) for of in (BASE, twin)]
    (found,) = no_effect_findings(cells[0], cells)
    assert (found.code, found.text) == (
        "twin",
        "the same recipe as Twin, and bit-identical results (seed 0): a duplicate",
    )


def test_one_bit_is_enough_to_tell_two_runs_apart() -> None:
    other = {**ENDS, tags.TEST_LOSS: float(np.nextafter(np.float32(1.1234), np.float32(2)))}
    cells = [only_cell([run(spec(name, name), 0, last)]) for name, last in (("a", ENDS), ("b", other))]
    assert not same_bits(*cells)


def test_points_that_the_clock_spaced_do_not_tell_two_runs_apart() -> None:
    cells = [
        only_cell([run(spec(name, name), 0, {**ENDS, tags.TRAIN_LOSS: last})])
        for name, last in (("a", 1.0), ("b", 2.0))
    ]
    assert same_bits(*cells)


def test_equal_accuracies_alone_are_no_equal_bits() -> None:
    cells = [only_cell([run(spec(name, name), 0, {tags.TEST_ACCURACY: 10.0})]) for name in ("a", "b")]
    assert not same_bits(*cells)


# --- Grids and tuning ------------------------------------------------------------------------------------------------


def test_the_best_value_at_the_edge_of_a_grid_has_a_warning_with_the_next_value_to_try() -> None:
    runs = rates("sgd", {0.01: 24.0, 0.001: 12.0, 0.0001: 11.5})
    table = judged(runs, [variant(one.spec) for one in runs[::2]])
    (found,) = [one for one in row(table, "sgd@0.01").findings if one.code == "grid-edge"]
    assert found.text == (
        "the best optimizer.lr of 0.0001, 0.001, 0.01 is the largest tried: the grid ends at its best value"
    )
    assert remedy_text(found.remedy) == "extend the grid: labtui run sgd@0.01 --set optimizer.lr=0.1 --seeds 0,1"


def test_only_the_best_row_of_a_grid_has_the_warning_and_only_at_an_edge() -> None:
    assert edge({0.1: 60, 0.01: 70, 0.001: 50}) == {"sgd 0.1": [], "sgd 0.01": [], "sgd 0.001": []}
    found = edge({0.1: 60, 0.01: 70, 0.001: 80})
    assert [title for title, texts in found.items() if texts] == ["sgd 0.001"]
    assert "smallest" in found["sgd 0.001"][0]


def test_the_best_loss_of_a_grid_is_the_lowest() -> None:
    assert [title for title, texts in edge({0.1: 60, 0.01: 70, 0.001: 80}, tags.TEST_LOSS).items() if texts] == [
        "sgd 0.001"
    ]


def test_the_best_of_a_grid_was_chosen_by_the_test_images() -> None:
    runs = rates("sgd", {0.1: 60, 0.01: 70, 0.001: 50})
    table = judged(runs, [variant(one.spec) for one in runs[::2]])
    assert said(row(table, "sgd@0.01"), "selection") == (
        "the best of 3 by test/accuracy: the same seeds (0,1) selected it and judge it, which biases the result in its "
        "favour; it was also selected on the test images; select by val/accuracy (protocol `standard`) to avoid this"
    )
    val = metric(tags.VAL_ACCURACY)
    cells = [only_cell([run(one.spec, 0, {tags.VAL_ACCURACY: 50})]) for one in runs[::2]]
    found = [one for cell in cells for grid in grid_searches(cells) for one in grid_findings(cell, grid, val)]
    texts = [one.text for one in found if one.code == "selection"]
    assert texts == [
        (
            "the best of 3 by val/accuracy: the same seed (0) selected it and judges it, "
            "which biases the result in its favour"
        )
    ]


def test_more_epochs_or_more_data_are_no_grid() -> None:
    short = msgspec.structs.replace(BASE, training=Training(epochs=1))
    half = msgspec.structs.replace(BASE, data=Data(name="cifar10", train_fraction=0.5))
    assert grid_searches([only_cell(runs_of(of, [60])) for of in (BASE, short, half)]) == []


def test_settings_that_were_tried_by_hand_count_as_a_grid() -> None:
    l1 = spec("l1", "L1", penalty=Penalty(norm="l1", weight=0.5), factor=("penalty",))
    weaker = msgspec.structs.replace(l1, penalty=Penalty(norm="l1", weight=0.1), overrides={"penalty.weight": 0.1})
    (grid,) = grid_searches([only_cell(runs_of(of, [60])) for of in (l1, weaker)])
    assert (grid.key, grid.values) == ("penalty.weight", (0.1, 0.5))


def test_a_method_tried_with_one_setting_has_a_note() -> None:
    dropout = spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))
    table = judged([*runs_of(BASE, [60, 61]), *runs_of(dropout, [62, 63])], [variant(BASE), variant(dropout)])
    assert said(row(table, "dropout"), "one-setting") == (
        "one setting tried (model.dropout 0.3, 0.2): the row is about this setting, not about the method"
    )


def test_rows_tuned_with_unequal_effort_say_so() -> None:
    runs = [*runs_of(BASE, [60, 61]), *rates("sgd", {0.1: 60, 0.01: 70, 0.001: 50})]
    table = judged(runs, [variant(BASE), *(variant(one.spec) for one in runs[2::2])])
    assert said(row(table, "sgd@0.1"), "tuning") == "unequal tuning: 3 settings tried here, 1 setting of network"


def test_rows_tuned_equally_have_no_note() -> None:
    grids_of_three = [*rates("sgd", {0.1: 60, 0.01: 70, 0.001: 50}), *rates("other", {0.2: 60, 0.02: 70, 0.002: 50})]
    table = judged(grids_of_three, [variant(one.spec) for one in grids_of_three[::2]], baseline="sgd@0.01")
    assert "tuning" not in codes(row(table, "other@0.02").all_findings)


def test_more_data_is_nothing_that_one_tunes() -> None:
    assert tunable_values(spec(data=Data(name="cifar10", train_fraction=0.5)), ("data.train_fraction",)) == ""
    assert tunable_values(spec(optimizer=Adam(lr=0.01)), ("optimizer.lr",)) == "optimizer.lr 0.01"


# --- Losses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "shown", "samples", "entropy"),
    [
        (tags.REPORT_TRAIN_LOSS, 0.0924, 25_000, 1.089),
        (tags.REPORT_TEST_LOSS, 0.1387, 10_000, 1.225),
        (tags.REPORT_TRAIN_LOSS, 0.07862, 100_000, 0.790),
        (tags.REPORT_TEST_LOSS, 0.1248, 20_000, 0.995),
        (tags.REPORT_TRAIN_LOSS, 0.2801, 50_000, 10.03),
        (tags.REPORT_TEST_LOSS, 0.1482, 10_000, 1.399),
        (tags.REPORT_TRAIN_LOSS, 0.1342, 50_000, GUESS),
        (tags.REPORT_TEST_LOSS, 0.1901, 10_000, GUESS),
    ],
)
def test_the_reports_losses_are_turned_back_into_cross_entropy(
    tag: str, shown: float, samples: int, entropy: float
) -> None:
    assert cross_entropy(tag, shown, samples, BASE) == pytest.approx(entropy, rel=1e-3)
    assert on_report_scale(tag, cross_entropy(tag, shown, samples, BASE), samples, BASE) == pytest.approx(shown)


def test_equal_cross_entropies_look_a_factor_of_root_two_apart() -> None:
    train = on_report_scale(tags.REPORT_TRAIN_LOSS, 1.0, 50_000, BASE)
    test = on_report_scale(tags.REPORT_TEST_LOSS, 1.0, 10_000, BASE)
    assert test / train == pytest.approx(math.sqrt(2), rel=3e-3)


def test_a_gap_is_not_given_where_a_penalty_stands_on_one_side() -> None:
    both = {tags.REPORT_TRAIN_LOSS: 0.11, tags.REPORT_TEST_LOSS: 0.1482}
    plain = losses(only_cell([run(BASE, 0, both)]))
    assert plain is not None
    assert plain.gap == pytest.approx(1.399 / 1.547 - 1, abs=2e-3)
    l2 = losses(only_cell([run(spec("l2", "L2", penalty=Penalty(norm="l2", weight=0.5)), 0, both)]))
    assert l2 is not None
    assert (l2.penalty, l2.gap) == (True, None)


def test_a_penalty_that_dominates_the_loss_has_a_warning() -> None:
    l1 = spec("l1", "L1", penalty=Penalty(norm="l1", weight=0.5, modules="fc1"), factor=("penalty",))
    runs = [run(l1, 0, {tags.TEST_ACCURACY: 35, tags.REPORT_TRAIN_LOSS: 0.2801, tags.REPORT_TEST_LOSS: 0.1623})]
    known = {runs[0].id: {tags.MINIBATCH_LOSS: curve(tags.MINIBATCH_LOSS, [1_572, 40, 11])}}
    (found,) = [
        one for one in judged(runs, [variant(l1)], run_data=run_data(known)).rows[0].findings if one.code == "penalty"
    ]
    assert found.text == (
        "the l1 penalty of weight 0.5 on the 146,070 parameters of fc1 dominates the loss: "
        "it starts at 1,572 and ends at 10.03; guessing gives 2.30"
    )
    assert remedy_text(found.remedy) == "try a smaller weight: labtui run l1 --set penalty.weight=0.005 --seed 0"


def test_a_penalty_shows_even_without_curves_where_the_loss_ends_above_guessing() -> None:
    l1 = spec("l1", "L1", penalty=Penalty(norm="l1", weight=0.5), factor=("penalty",))
    runs = [run(l1, 0, {tags.TEST_ACCURACY: 35, tags.REPORT_TRAIN_LOSS: 0.2801, tags.REPORT_TEST_LOSS: 0.1623})]
    assert said(judged(runs, [variant(l1)]).rows[0], "penalty") == (
        "the l1 penalty of weight 0.5 on the 182,060 parameters of the model dominates the loss: "
        "it ends at 10.03; guessing gives 2.30"
    )


def test_a_modest_penalty_is_not_mentioned() -> None:
    l2 = spec("l2", "L2", penalty=Penalty(norm="l2", weight=0.01), factor=("penalty",))
    runs = [run(l2, 0, {tags.TEST_ACCURACY: 60, tags.REPORT_TRAIN_LOSS: 0.09, tags.REPORT_TEST_LOSS: 0.13})]
    known = {runs[0].id: {tags.MINIBATCH_LOSS: curve(tags.MINIBATCH_LOSS, [2.4, 1.9, 1.1])}}
    assert "penalty" not in codes(judged(runs, [variant(l2)], run_data=run_data(known)).rows[0].findings)


# --- What was published ----------------------------------------------------------------------------------------------


def test_where_one_more_run_would_lie_agrees_with_a_regressions_prediction() -> None:
    ours = [63.4, 64.1, 63.7, 64.9]
    fit = statsmodels.api.OLS(np.array(ours), np.ones(4)).fit()
    theirs = fit.get_prediction([[1.0]]).conf_int(obs=True, alpha=0.05)[0]
    assert expected(ours) == pytest.approx(tuple(theirs))
    assert expected([63.4]) is None


def reproduced(figure: float, ours: list[float]) -> dict[str, str]:
    of = spec("adam", "Adam 0.01", optimizer=Adam(lr=0.01), factor=("optimizer.lr",))
    runs = [
        run(of, seed, {tags.REPORT_TEST_ACCURACY: value, tags.TEST_ACCURACY: value}) for seed, value in enumerate(ours)
    ]
    known = Reference(figures={tags.REPORT_TEST_ACCURACY: figure}, epoch=10)
    findings = judged(runs, [variant(of, reference=known)]).rows[0].findings
    return {one.code: one.text for one in findings if one.code in ("published-at-chance", "not-reproduced")}


def test_a_published_run_that_learned_nothing_has_a_finding_that_says_whether_ours_did() -> None:
    assert reproduced(10.0, [10.0, 10.01]) == {
        "published-at-chance": "at chance (10.00%): the published run learned nothing"
    }
    assert reproduced(10.0, [38.3]) == {
        "published-at-chance": "at chance (10.00%): the published run learned nothing, but our seed learned (38.30%), "
        "so optimizer.lr alone is not the cause"
    }
    assert "1 of our 2 seeds learned" in reproduced(10.0, [38.3, 10.0])["published-at-chance"]


def test_a_published_figure_beyond_what_seeds_explain_has_a_finding() -> None:
    assert reproduced(64.0, [63.4, 64.1, 63.7]) == {}
    assert reproduced(70.0, [63.4, 64.1, 63.7]) == {
        "not-reproduced": "ours is 63.73, −6.27 points from the published one: more than the spread over "
        "seeds explains; another run would be expected in [61.99, 65.48]"
    }


def test_one_seed_of_ours_has_a_finding_only_if_it_is_far_off() -> None:
    assert reproduced(62.0, [63.4]) == {}
    assert reproduced(58.0, [63.4]) == {
        "not-reproduced": "ours is 63.40, +5.40 points from the published one: "
        "with one seed of ours, it is unknown whether the spread over seeds explains it"
    }

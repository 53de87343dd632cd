"""The report's 13 runs, with its published figures in place of ours: every problem that it has is named on its row."""

import pytest

from labtui.compare.model import ComparisonRow, ComparisonTable, Finding, Severity, Verdict
from labtui.compare.render.commands import remedy_text
from labtui.store import tags
from tests.support.comparisons import codes, judged, report_run_data, report_runs, report_variants, row, said


@pytest.fixture(scope="module")
def table() -> ComparisonTable:
    runs = report_runs()
    return judged(runs, report_variants(), run_data=report_run_data(runs))


def published(of: ComparisonRow) -> list[str]:
    return [finding.text for finding in of.all_findings if finding.severity is Severity.PUBLISHED]


def warnings(of: ComparisonRow) -> list[Finding]:
    return [finding for finding in of.all_findings if finding.severity is Severity.WARNING]


OTHERS = (
    "augmentation", "normalization", "norm_aug", "dropout", "l1", "l2", "adam@0.01", "adam@0.001", "adam@0.0001",
    "sgd@0.01", "sgd@0.001", "sgd@0.0001",
)  # fmt: skip
AT_CHANCE = ("adam@0.01", "sgd@0.001", "sgd@0.0001")


def test_all_thirteen_runs_have_a_row_in_the_catalogs_order(table: ComparisonTable) -> None:
    assert [one.name for one in table.rows] == ["network", *OTHERS]


@pytest.mark.parametrize("name", OTHERS)
def test_the_baselines_half_data_confounds_every_other_row(table: ComparisonTable, name: str) -> None:
    found = row(table, name).declared
    assert found is not None
    assert (found.against, found.verdict, found.why) == ("Network", Verdict.NOT_JUDGED, "confounded")
    assert [one.text for one in found.confounds] == [
        "data.train_fraction: 0.5 in Network, 1 here (25,000 and 50,000 training images)"
    ]


@pytest.mark.parametrize("name", [name for name in OTHERS if name != "adam@0.001"])
def test_adam_at_a_thousandth_is_the_matched_baseline_of_every_row(table: ComparisonTable, name: str) -> None:
    found = row(table, name).matched
    assert found is not None
    assert (found.against_name, found.judged, found.confounds) == ("adam@0.001", name not in AT_CHANCE, ())


@pytest.mark.parametrize("name", AT_CHANCE)
def test_rows_that_never_learned_say_of_how_many_seeds(table: ComparisonTable, name: str) -> None:
    found = row(table, name)
    assert (found.n, found.mean, found.label) == (0, None, "0 of 3 learned")
    assert found.matched is not None
    assert found.matched.success_p == pytest.approx(0.1)


def test_the_matched_baseline_itself_shows_the_effect_of_the_data(table: ComparisonTable) -> None:
    adam = row(table, "adam@0.001")
    assert said(adam, "own-match").endswith("the difference from it shows the effect of data.train_fraction")
    (text,) = published(adam)
    assert text == (
        "+8.36 against Network (64.26 and 55.90) is not due to optimizer.lr, which is the same, but to "
        "data.train_fraction (0.5 in Network, 1 here); one seed each: their spread is unknown"
    )


def test_the_baseline_is_called_a_poor_one(table: ComparisonTable) -> None:
    assert said(row(table, "network"), "poor-baseline").startswith("a poor baseline: 12 of 12 rows differ from it")


def test_the_overfitting_that_motivates_the_report_is_a_matter_of_two_scales(table: ComparisonTable) -> None:
    assert said(row(table, "network"), "published-loss-scale") == (
        "Train Loss 0.0924 and Test Loss 0.1387 are on two scales, a factor of 1.41 (batches of 128 and 64): "
        "in cross-entropy 1.089 and 1.225, a gap of 12.5%, not 50.1%"
    )


def test_what_the_text_says_beside_the_table_is_kept(table: ComparisonTable) -> None:
    assert said(row(table, "network"), "published-note") == "The text also calls the test accuracy 60."


@pytest.mark.parametrize(
    ("name", "seeming", "fair"),
    [
        ("augmentation", "+10.03", "+1.67"),
        ("normalization", "+10.34", "+1.98"),
        ("norm_aug", "+13.42", "+5.06"),
        ("dropout", "+5.14", "−3.22"),
        ("l1", "−20.62", "−28.98"),
        ("l2", "−8.23", "−16.59"),
        ("sgd@0.01", "−31.77", "−40.13"),
    ],
)
def test_each_published_difference_stands_beside_the_fair_one(
    table: ComparisonTable, name: str, seeming: str, fair: str
) -> None:
    text = said(row(table, name), "published-delta")
    assert text.startswith(f"{seeming} against Network")
    assert "includes the effect of data.train_fraction (0.5 in Network, 1 here)" in text
    assert f"alone, it is {fair} (" in text
    assert text.endswith("one seed each: their spread is unknown")


def test_dropout_seems_to_gain_and_loses_against_its_match(table: ComparisonTable) -> None:
    assert said(row(table, "dropout"), "published-delta") == (
        "+5.14 against Network (61.04 and 55.90) includes the effect of data.train_fraction (0.5 in Network, 1 here); "
        "against Adam 0.001, which differs in model.dropout alone, it is −3.22 (61.04 and 64.26); "
        "one seed each: their spread is unknown"
    )


@pytest.mark.parametrize("name", ["augmentation", "norm_aug"])
def test_augmented_runs_are_tested_on_other_images(table: ComparisonTable, name: str) -> None:
    assert said(row(table, name), "published-test-set") == (
        "on other test images: 10,000 plain for Network, 20,000, half of them with random transforms here"
    )


@pytest.mark.parametrize(("name", "seconds"), [("augmentation", "×5.8"), ("norm_aug", "×6.6")])
def test_augmented_runs_see_four_times_the_images_and_take_six_times_the_time(
    table: ComparisonTable, name: str, seconds: str
) -> None:
    texts = [one.text for one in row(table, name).all_findings if one.severity is Severity.BUDGET]
    assert texts[0] == f"images seen ×4 (1,000,000 against 250,000 in Network), steps ×4, seconds {seconds}"
    assert texts[1].startswith("images seen ×2 (1,000,000 against 500,000 in Adam 0.001), steps ×2")
    matched = row(table, name).matched
    assert matched is not None
    assert matched.label == "gain, budget ×2"


@pytest.mark.parametrize("name", ["augmentation", "norm_aug"])
def test_what_is_reproduced_in_kind_only_says_so(table: ComparisonTable, name: str) -> None:
    assert said(row(table, name), "published-in-kind").startswith("only roughly comparable")


def test_dropout_is_active_in_the_test(table: ComparisonTable) -> None:
    dropout = row(table, "dropout")
    assert said(dropout, "published-eval-mode") == (
        "with dropout active in the test: the original lab report never calls model.eval()"
    )
    assert "test/accuracy, in evaluation mode, is 63.94" in said(dropout, "eval-mode")
    others = [one for one in table.rows if one.name != "dropout"]
    assert not any("eval-mode" in code for one in others for code in codes(one.all_findings))


def test_l1_spends_its_time_on_the_penalty(table: ComparisonTable) -> None:
    assert said(row(table, "l1"), "penalty").startswith(
        "the l1 penalty of weight 0.5 on the 146,070 parameters of fc1 dominates the loss: it starts at 1,572"
    )
    assert "penalty" not in codes(row(table, "l2").all_findings)


@pytest.mark.parametrize(("name", "entropies"), [("l1", "10.033 and 1.678"), ("l2", "1.547 and 1.399")])
def test_penalties_are_counted_on_one_side_of_the_losses(table: ComparisonTable, name: str, entropies: str) -> None:
    text = said(row(table, name), "published-loss-scale")
    assert text.endswith(
        f"the train figure includes the penalty, the test figure does not: in cross-entropy {entropies}"
    )


@pytest.mark.parametrize("name", ["l1", "l2", "dropout"])
def test_one_weight_says_nothing_of_the_method(table: ComparisonTable, name: str) -> None:
    assert said(row(table, name), "one-setting").endswith("the row is about this setting, not about the method")


@pytest.mark.parametrize("name", ["augmentation", "normalization", "dropout", "l1", "l2"])
def test_untuned_rows_stand_against_a_tuned_one(table: ComparisonTable, name: str) -> None:
    assert said(row(table, name), "tuning") == "unequal tuning: 1 setting tried here, 3 settings of adam"


@pytest.mark.parametrize("name", ["adam@0.01", "adam@0.0001", "sgd@0.01"])
def test_the_grids_are_tuned_as_hard_as_their_match_whatever_the_poor_baseline_was(
    table: ComparisonTable, name: str
) -> None:
    assert "tuning" not in codes(row(table, name).all_findings)


def test_adam_at_a_hundredth_is_dead(table: ComparisonTable) -> None:
    assert said(row(table, "adam@0.01"), "dead-run").startswith("not learning: at chance (10.00% with 10 classes)")


@pytest.mark.parametrize("name", ["sgd@0.001", "sgd@0.0001"])
def test_slow_sgd_has_not_started(table: ComparisonTable, name: str) -> None:
    assert said(row(table, name), "not-started").startswith("not learning yet: at chance")


@pytest.mark.parametrize("name", ["sgd@0.001", "sgd@0.0001"])
def test_an_untrained_networks_losses_are_those_of_guessing(table: ComparisonTable, name: str) -> None:
    assert said(row(table, name), "published-loss-scale").endswith("both mean 2.303, the loss of guessing")


def test_the_sgd_grid_ends_at_its_best_rate(table: ComparisonTable) -> None:
    (found,) = [one for one in row(table, "sgd@0.01").findings if one.code == "grid-edge"]
    assert "is the largest tried" in found.text
    assert "--set optimizer.lr=0.1" in remedy_text(found.remedy)
    others = [one for one in table.rows if one.name != "sgd@0.01"]
    assert not any("grid-edge" in codes(one.all_findings) for one in others)


@pytest.mark.parametrize("name", ["adam@0.001", "sgd@0.01"])
def test_the_best_of_three_rates_was_chosen_by_the_test_images(table: ComparisonTable, name: str) -> None:
    assert said(row(table, name), "selection").startswith("the best of 3 by test/accuracy")


@pytest.mark.parametrize("name", ["sgd@0.01", "sgd@0.001", "sgd@0.0001"])
def test_sgd_was_published_at_another_epoch_and_is_compared_at_that(table: ComparisonTable, name: str) -> None:
    found = row(table, name)
    assert said(found, "published-epoch") == "at epoch 9, Network at epoch 10"
    assert [(one.tag, one.epoch) for one in found.published] == [
        (tags.REPORT_TEST_ACCURACY, 9),
        (tags.REPORT_TEST_LOSS, 8),
        (tags.REPORT_TRAIN_LOSS, 8),
    ]


def test_ours_is_read_at_the_published_epoch(table: ComparisonTable) -> None:
    found = row(table, "sgd@0.01").published[0]
    assert found.ours == pytest.approx(
        (row(table, "sgd@0.01").mean or 0) - 1, abs=1e-3
    )  # its curve rises by 1 an epoch
    assert found.n == 3


def test_that_the_published_figures_are_of_one_seed_is_said_once(table: ComparisonTable) -> None:
    assert table.notes == ("published figures are of one seed each, at the last epoch unless a line says otherwise",)


def test_normalization_has_no_finding_of_its_own(table: ComparisonTable) -> None:
    assert warnings(row(table, "normalization")) == []


def test_no_published_loss_is_compared_across_scales(table: ComparisonTable) -> None:
    """Gaps in cross-entropy, train to test, as one gets them by hand from the published figures."""
    gaps = {one.name: one.losses.gap for one in table.rows if one.losses}
    assert gaps["network"] == pytest.approx(1.225 / 1.089 - 1, abs=5e-3)
    assert gaps["normalization"] == pytest.approx(1.068 / 0.631 - 1, abs=5e-3)
    assert gaps["l1"] is None
    assert gaps["l2"] is None


def test_the_two_by_two_goes_through_the_matched_cell(table: ComparisonTable) -> None:
    (square,) = table.factorials
    assert (square.base, square.first, square.second, square.both) == (
        "Adam 0.001",
        "Augmentation",
        "Normalization",
        "Norm_Aug",
    )


def test_under_the_reports_own_metric_the_augmented_rows_cannot_be_judged_at_all() -> None:
    runs = report_runs()
    judged_table = judged(runs, report_variants(), run_data=report_run_data(runs), metric=tags.REPORT_TEST_ACCURACY)
    for name in ("augmentation", "norm_aug", "dropout"):
        assert row(judged_table, name).label == "confounded"
    assert row(judged_table, "normalization").label == "gain"
    assert judged_table.factorials[0].effects == ()
    assert "are not comparable" in judged_table.factorials[0].text


def test_with_one_seed_nothing_is_claimed_anywhere() -> None:
    runs = report_runs(seeds=1)
    judged_table = judged(runs, report_variants(), run_data=report_run_data(runs))
    assert not any(one.verdict.is_claim for found in judged_table.rows for one in found.comparisons)
    assert judged_table.judged == 0

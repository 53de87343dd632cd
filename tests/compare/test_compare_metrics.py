"""Which way a metric is better and in what unit it is: declared or known by name, never guessed."""

import json
import re
from collections.abc import Sequence

import pytest

from labtui.compare.assertions import check_all
from labtui.compare.cells import cells
from labtui.compare.metrics import metric
from labtui.compare.model import ComparisonTable, Verdict
from labtui.compare.render.export import to_json
from labtui.compare.render.text import to_text
from labtui.console.comparison.table_rows import best_rows
from labtui.errors import UsageError
from labtui.spec import Cnn, Metric
from labtui.store import tags
from tests.support.comparisons import curve, judged, row, run, run_data, spec, variant

BASE = spec(baseline=None)
DROPOUT = spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))
VARIANTS = [variant(BASE), variant(DROPOUT)]

FALLING = re.findall(
    r"\S+",
    "perplexity val/perplexity mae mse rmse nll wer cer ece fid latency loss val_loss ValError entropy ppl bpb bpc "
    "dice_loss top1_error",
)
UNKNOWN = re.findall(
    r"\S+", "score grad_norm lossless accumulated neg_mean_squared_error 1-accuracy accuracy_gap loss/iou"
)


def runs(tag: str, here: Sequence[float], there: Sequence[float]) -> list:
    return [
        run(of, seed, {tag: value}) for of, side in ((BASE, there), (DROPOUT, here)) for seed, value in enumerate(side)
    ]


def compared(tag: str, here: Sequence[float], there: Sequence[float], metric: Metric | None = None) -> ComparisonTable:
    return judged(runs(tag, here, there), VARIANTS, metric=metric or tag)


def verdict(table: ComparisonTable) -> Verdict:
    found = row(table, "dropout").declared
    assert found is not None
    return found.verdict


@pytest.mark.parametrize("tag", FALLING)
def test_a_rise_of_what_should_fall_is_a_loss(tag: str) -> None:
    table = compared(tag, [34.1, 34.5, 34.0], [17.3, 17.5, 17.2])
    assert verdict(table) is Verdict.LOSS
    assert best_rows(table) == {row(table, "network").key}
    assert json.loads(to_json(table))["metric"]["higher_is_better"] is False


@pytest.mark.parametrize("tag", ["f1", "val/f1_macro", "mAP50", "AUC", "bleu", "rouge1", "iou", "reward", "precision"])
def test_a_rise_of_what_should_rise_is_a_gain(tag: str) -> None:
    assert verdict(compared(tag, [34.1, 34.5, 34.0], [17.3, 17.5, 17.2])) is Verdict.GAIN


@pytest.mark.parametrize("tag", UNKNOWN)
def test_an_unknown_name_shows_values_and_claims_nothing(tag: str) -> None:
    table = compared(tag, [34.1, 34.5, 34.0], [17.3, 17.5, 17.2])
    found = row(table, "dropout")
    assert found.declared is not None
    assert found.mean == pytest.approx(34.2)
    assert found.declared.delta == pytest.approx(16.87, abs=0.01)
    assert found.label == "direction not declared"
    assert not found.declared.judged
    assert table.judged == 0
    assert best_rows(table) == frozenset()
    assert "--better" in to_text(table, 200)
    content = json.loads(to_json(table))["metric"]
    assert (content["higher_is_better"], content["better"], content["take"]) == (None, None, "last")


def test_an_assertion_by_an_unknown_name_is_refused_and_names_the_option() -> None:
    made = cells(runs("score", [34.1, 34.5, 34.0], [17.3, 17.5, 17.2]))
    with pytest.raises(UsageError, match="score") as refused:
        check_all(["dropout > network"], made, VARIANTS, metric="score", run_data=run_data())
    assert "--better" in str(refused.value)
    declared = Metric(tag="score", better="higher")
    assert check_all(["dropout > network"], made, VARIANTS, metric=declared, run_data=run_data())[0].holds


@pytest.mark.parametrize(("better", "expected"), [("higher", Verdict.GAIN), ("lower", Verdict.LOSS)])
def test_what_is_declared_decides(better: str, expected: Verdict) -> None:
    declared = Metric(tag="score", better=better)  # type: ignore[arg-type]
    assert verdict(compared("score", [34.1, 34.5, 34.0], [17.3, 17.5, 17.2], declared)) is expected


def test_accuracies_logged_as_fractions_are_shown_in_percent_and_said_to_be() -> None:
    table = compared("test_acc", [0.66, 0.662, 0.661], [0.64, 0.642, 0.639])
    found = row(table, "dropout")
    assert found.declared is not None
    assert found.mean == pytest.approx(66.1)
    assert found.declared.delta == pytest.approx(2.07, abs=0.01)
    assert (table.metric.unit, table.metric.delta_unit) == ("%", "points")
    assert found.declared.smallest_effect == 0.5
    text = to_text(table, 200)
    assert "66.10" in text
    assert "logged as fractions (0..1), shown in percent" in text


def test_labtui_s_own_accuracies_are_percent_however_low() -> None:
    table = compared(tags.TEST_ACCURACY, [0.66, 0.662, 0.661], [0.64, 0.642, 0.639])
    assert row(table, "dropout").mean == pytest.approx(0.661)


def test_an_accuracy_in_percent_of_another_program_stays_as_it_is() -> None:
    table = compared("test_acc", [66.0, 66.2, 66.1], [64.0, 64.2, 63.9])
    assert row(table, "dropout").mean == pytest.approx(66.1)
    assert (table.metric.unit, table.metric.percent) == ("%", False)


def test_fractions_against_percent_are_no_gain() -> None:
    table = compared("test_acc", [66.0, 66.2, 66.1], [0.64, 0.642, 0.639])
    assert row(table, "dropout").label == "unit not clear"
    assert best_rows(table) == frozenset()
    made = cells(runs("test_acc", [66.0, 66.2, 66.1], [0.64, 0.642, 0.639]))
    with pytest.raises(UsageError, match="--percent"):
        check_all(["dropout > network"], made, VARIANTS, metric="test_acc", run_data=run_data())


def test_a_declared_unit_is_not_second_guessed() -> None:
    declared = Metric(tag="test_acc", better="higher", unit="%", percent=False)
    assert row(compared("test_acc", [0.66, 0.662], [0.64, 0.642], declared), "dropout").mean == pytest.approx(0.661)
    declared = Metric(tag="hits", better="higher", percent=True)
    table = compared("hits", [0.66, 0.662], [0.64, 0.642], declared)
    assert row(table, "dropout").mean == pytest.approx(66.1)
    assert table.metric.unit == "%"


def taken(take: str) -> ComparisonTable:
    made = runs("val/loss", [3.0, 3.0], [2.0, 2.0])
    curves = {run.id: {"val/loss": curve("val/loss", [5.0, 1.5, float("nan"), 3.0])} for run in made}
    return judged(made, VARIANTS, metric=Metric(tag="val/loss", better="lower", take=take), run_data=run_data(curves))


def test_the_best_or_a_chosen_point_is_taken_from_the_curve() -> None:
    assert row(taken("last"), "network").mean == 2.0
    best, first = taken("best"), taken("at:1")
    assert row(best, "network").mean == 1.5
    assert "best of all recorded points" in best.metric.selection
    assert row(first, "network").mean == 5.0
    assert first.metric.selection.startswith("at epoch 1")
    assert row(taken("at:9"), "network").values == ()
    assert row(taken("at:3"), "network").values == ()


def test_the_best_of_what_has_no_direction_is_refused() -> None:
    with pytest.raises(UsageError, match="--better"):
        metric(Metric(tag="score", take="best"))


def test_the_console_claims_the_best_of_a_curve_only_with_a_direction() -> None:
    assert curve("perplexity", [3, 1, 2]).best(tags.better_by_name("perplexity")) == (2, 1.0)
    assert curve("val/f1", [3, 1, 2]).best(tags.better_by_name("val/f1")) == (1, 3.0)
    assert curve("score", [3, 1, 2]).best(tags.better_by_name("score")) is None

"""A table at an equal budget: every run is read where it had cost as much as the others."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from labtui.compare.equal_budget import parse_equal_budget
from labtui.compare.model import ComparisonTable, EqualBudget, Verdict
from labtui.compare.render.export import to_json
from labtui.compare.render.text import to_text
from labtui.errors import UsageError
from labtui.spec import Adam, Metric, RunSpec, Training
from labtui.store import tags
from tests.support.comparisons import curve, judged, predictions, row, run, run_data, spec, variant

TAG = tags.REPORT_TEST_ACCURACY
BASE = spec(baseline=None)
SLOW = spec("slow", "Slow", optimizer=Adam(lr=1e-4), factor=("optimizer.lr",))
VARIANTS = [variant(BASE), variant(SLOW)]


def with_epochs(of: RunSpec, epochs: int) -> RunSpec:
    return msgspec.structs.replace(
        of, training=Training(epochs=epochs), overrides={"training.epochs": epochs} if epochs != 10 else {}
    )


def table(
    budget: EqualBudget | None, *, epochs: dict[str, int] | None = None, names: Sequence[str] = (), **options: Any
) -> ComparisonTable:
    """A baseline that gains a point per epoch, and a slow row that gains half of one; seeds differ by 0.1."""
    runs, curves, said = [], {}, {}
    for of, gain in ((BASE, 1.0), (SLOW, 0.5)):
        length = (epochs or {}).get(of.experiment, 10)
        for seed in range(3):
            values = [50 + gain * epoch + 0.1 * seed * (1 + gain) for epoch in range(1, length + 1)]
            end = {TAG: values[-1], tags.TEST_ACCURACY: values[-1] + 1, tags.TEST_LOSS: 1.0}
            made = run(with_epochs(of, length), seed, end, seconds=10.0 * length)
            runs.append(made)
            curves[made.id] = {
                TAG: curve(TAG, values),
                tags.TEST_ACCURACY: curve(tags.TEST_ACCURACY, [values[-1] + 1], [length]),
            }
            said[made.id] = predictions([0, 1] * 20, [0, 1, 1, 1] * 10)
    metric: Any = options.pop("metric", TAG)
    return judged(
        runs, VARIANTS, run_data=run_data(curves, said), metric=metric, equal_budget=budget, names=names, **options
    )


def mean(found: ComparisonTable, title: str) -> float | None:
    return row(found, title).mean


def test_every_run_is_read_at_the_largest_budget_that_all_reached() -> None:
    found = table(EqualBudget(unit="epochs"), epochs={"slow": 6})
    assert found.equal_budget == EqualBudget(unit="epochs", value=6)
    assert mean(found, "Network") == pytest.approx(56.2, abs=1e-4)
    assert mean(found, "Slow [epochs=6]") == pytest.approx(53.15, abs=1e-4)
    assert to_text(found).startswith("Test accuracy in %, mean and sd over seeds: at 6 epochs, the largest budget that")


def test_at_its_end_every_run_is_compared_as_it_is() -> None:
    found = table(None, epochs={"slow": 6})
    assert mean(found, "Network") == pytest.approx(60.2, abs=1e-4)
    assert found.equal_budget is None


@pytest.mark.parametrize(("unit", "value"), [("epochs", 4.0), ("images", 200_000.0), ("seconds", 40.0)])
def test_epochs_images_and_seconds_name_the_same_point_of_a_run(unit: Any, value: float) -> None:
    found = table(EqualBudget(unit=unit, value=value, given=True))
    assert mean(found, "Network") == pytest.approx(54.2, abs=1e-4)
    one = row(found, "slow")
    assert one.budget.epochs == 4
    assert one.budget.images_seen == 200_000
    assert one.declared is not None
    assert one.declared.budget == pytest.approx(1.0)


def test_steps_count_optimizer_steps() -> None:
    found = table(EqualBudget(unit="steps", value=391 * 3 + 10, given=True))
    assert mean(found, "Network") == pytest.approx(53.2, abs=1e-4)


def test_a_row_that_did_not_reach_a_given_budget_says_so_and_is_not_judged() -> None:
    found = table(EqualBudget(unit="epochs", value=8, given=True), epochs={"slow": 6})
    one = row(found, "Slow [epochs=6]")
    assert (one.mean, one.label) == (None, "reached only 6 epochs")
    assert one.declared is not None
    assert (one.declared.verdict, one.declared.why) == (Verdict.NOT_JUDGED, "reached only 6 epochs")
    assert "no-metric" not in {finding.code for finding in one.all_findings}


def test_a_baseline_that_did_not_reach_it_leaves_its_rows_unjudged() -> None:
    found = table(EqualBudget(unit="epochs", value=8, given=True), epochs={"network": 6})
    one = row(found, "slow")
    assert one.mean == pytest.approx(54.15, abs=1e-4)
    assert one.declared is not None
    assert one.declared.why.endswith("reached only 6 epochs")


def test_a_metric_that_was_measured_later_has_no_value_there() -> None:
    found = table(EqualBudget(unit="epochs", value=4, given=True), metric=tags.TEST_ACCURACY)
    assert row(found, "network").label == "no test/accuracy up to 4 epochs"


def test_what_needs_the_network_at_its_end_is_left_out_and_that_is_said() -> None:
    whole, found = table(None), table(EqualBudget(unit="epochs", value=10, given=True))
    assert row(whole, "slow").class_accuracy
    assert not row(found, "slow").class_accuracy
    declared = row(found, "slow").declared
    assert declared is not None
    assert (declared.other_images, declared.images, declared.per_class) == (None, None, ())
    assert "are left out" in " ".join(to_text(found).split())


def test_a_seed_that_failed_has_failed_at_every_budget() -> None:
    runs = [run(BASE, seed, {TAG: 60.0 + seed, tags.REPORT_TRAIN_ACCURACY: 60.0}) for seed in range(3)]
    runs += [run(SLOW, seed, {TAG: value}) for seed, value in enumerate([55.0, 56.0, float("nan")])]
    curves = {one.id: {TAG: curve(TAG, [50.0 + epoch + 0.1 * (one.seed or 0) for epoch in range(10)])} for one in runs}
    found = judged(
        runs, VARIANTS, run_data=run_data(curves), metric=TAG, equal_budget=EqualBudget(unit="epochs", value=5.0)
    )
    assert row(found, "slow").seeds_text == "2/3"


def test_the_names_that_were_asked_for_decide_what_all_reached() -> None:
    found = table(EqualBudget(unit="epochs"), epochs={"slow": 6}, names=("network",))
    assert found.equal_budget is not None
    assert found.equal_budget.value == 10


def test_json_says_at_which_budget() -> None:
    found = json.loads(to_json(table(EqualBudget(unit="images"), epochs={"slow": 6})))
    assert found["equal_budget"] == {"unit": "images", "value": 300_000.0, "given": False}
    assert json.loads(to_json(table(None)))["equal_budget"] is None


def test_a_point_that_is_taken_twice_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--equal-budget and --take best both select the point"):
        table(EqualBudget(unit="epochs"), metric=Metric(tag=TAG, better="higher", take="best"))


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("images", EqualBudget(unit="images")),
        ("images=5,000", EqualBudget(unit="images", value=5_000, given=True)),
        ("seconds=1.5", EqualBudget(unit="seconds", value=1.5, given=True)),
    ],
)
def test_the_option_names_a_unit_and_perhaps_a_number(text: str, budget: EqualBudget) -> None:
    assert parse_equal_budget(text) == budget


@pytest.mark.parametrize("text", ["hours", "images=", "images=many", "epochs=0", "epochs=-1", "seconds=inf", "=5"])
def test_anything_else_is_refused_with_what_is_understood(text: str) -> None:
    with pytest.raises(UsageError, match="--equal-budget"):
        parse_equal_budget(text)

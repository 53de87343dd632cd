"""`compare --assert`: a comparison as a gate."""

import pytest

from labtui.compare.assertions import Assertion, AssertionResult, check_all, parse, require_all
from labtui.compare.cells import cells
from labtui.errors import AssertionNotHeld, UsageError
from labtui.spec import Adam, Cnn
from labtui.store import tags
from tests.support.comparisons import report_run_data, report_runs, report_variants, run_data, runs_of, spec, variant

BASE = spec(baseline=None)
DROPOUT = spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("dropout > network", Assertion("dropout", ">", "network", 0)),
        ("dropout>network", Assertion("dropout", ">", "network", 0)),
        (" adam@0.01 < adam@0.001 - 5 ", Assertion("adam@0.01", "<", "adam@0.001", -5)),
        ("norm_aug > norm + 0.5", Assertion("norm_aug", ">", "norm", 0.5)),
        ("Adam 0.01 < Adam 0.001", Assertion("Adam 0.01", "<", "Adam 0.001", 0)),
        ("a-b > c-d +1", Assertion("a-b", ">", "c-d", 1)),
    ],
)
def test_an_assertion_is_two_names_a_sign_and_perhaps_a_margin(text: str, meant: Assertion) -> None:
    assert parse(text) == meant
    assert parse(str(meant)) == meant


@pytest.mark.parametrize("text", ["", "dropout", "dropout >", "> network", "a > b > c", "a = b", "a >> b"])
def test_a_text_that_cannot_be_parsed_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(text)
    assert raised.value.exit_code == 2
    assert "dropout > network + 0.5" in raised.value.advice


def checked(
    *texts: str, here: list[float], there: list[float], metric: str = tags.TEST_ACCURACY
) -> list[AssertionResult]:
    runs = [*runs_of(BASE, there), *runs_of(DROPOUT, here)]
    return list(check_all(texts, cells(runs), [variant(BASE), variant(DROPOUT)], metric=metric, run_data=run_data()))


def test_it_holds_where_the_whole_interval_lies_on_the_asserted_side() -> None:
    (one,) = checked("dropout > network", here=[62, 62.4, 62.1], there=[60, 60.5, 60.2])
    assert one.holds
    assert one.why == "the difference is +1.93 [+1.79, +2.08] points"


def test_it_does_not_hold_where_the_interval_reaches_over_the_margin() -> None:
    outcomes = checked(
        "dropout > network + 1.9", "dropout < network", "network < dropout - 1",
        here=[62, 62.4, 62.1], there=[60, 60.5, 60.2],
    )  # fmt: skip
    assert [one.holds for one in outcomes] == [False, False, True]


def test_several_assertions_share_the_chance_of_a_false_one() -> None:
    here, there = [62, 62.4, 62.1], [60, 60.5, 60.2]
    (alone,) = checked("dropout > network", here=here, there=there)
    several = checked("dropout > network", "network < dropout", here=here, there=there)
    assert all(one.holds for one in several)
    assert alone.why != several[0].why


def test_signs_mean_numbers_so_a_better_loss_is_smaller() -> None:
    (one,) = checked("dropout < network", here=[66, 67, 66.5], there=[60, 60.5, 60.3], metric=tags.TEST_LOSS)
    assert one.holds


def test_one_seed_holds_nothing_and_says_what_to_run() -> None:
    (one,) = checked("dropout > network", here=[70], there=[60])
    assert not one.holds
    assert "labtui run dropout network --seeds 0-2" in one.why


def test_a_confounded_comparison_holds_nothing_and_names_the_matched_baseline() -> None:
    runs = report_runs()
    known = {"run_data": report_run_data(runs)}
    (one,) = check_all(["dropout > network"], cells(runs), report_variants(), **known)
    assert not one.holds
    assert one.why == (
        "not judged, confounded: data.train_fraction: 0.5 in Network, 1 here (25,000 and 50,000 training images). "
        "Assert against the matched baseline: adam@0.001"
    )
    assert all(
        one.holds
        for one in check_all(["norm_aug > adam@0.001 + 1", "l1 < l2"], cells(runs), report_variants(), **known)
    )


@pytest.mark.parametrize("text", ["nothing > network", "dropout > nothing"])
def test_a_side_without_runs_holds_nothing(text: str) -> None:
    (one,) = checked(text, here=[62, 63], there=[60, 61])
    assert not one.holds
    assert one.why == "nothing has no finished run"


def test_an_experiment_with_several_members_must_be_named_exactly() -> None:
    grid = [spec("adam", f"Adam {rate}", member=str(rate), optimizer=Adam(lr=rate)) for rate in (0.1, 0.2)]
    runs = [*runs_of(BASE, [60, 61]), *(one for of in grid for one in runs_of(of, [50, 51]))]
    with pytest.raises(UsageError, match="several rows") as raised:
        check_all(["adam > network"], cells(runs), [variant(BASE), *map(variant, grid)], run_data=run_data())
    assert raised.value.advice == "Name one of them: adam@0.1, adam@0.2."


def test_requiring_names_every_assertion_that_fails_and_exits_with_4() -> None:
    held, failed = (
        AssertionResult(parse("a > b"), holds=True, why=""),
        AssertionResult(parse("c > d"), holds=False, why="one seed"),
    )
    require_all([held])
    with pytest.raises(AssertionNotHeld) as raised:
        require_all([held, failed])
    assert raised.value.exit_code == 4
    assert str(raised.value) == "1 of 2 asserted comparisons do not hold.\nc > d: one seed"

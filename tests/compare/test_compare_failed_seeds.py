"""Which seeds enter a comparison: all that finished, and the failed ones in n."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import scipy.stats

from labtui.compare import statistics
from labtui.compare.assertions import AssertionResult, check_all
from labtui.compare.cells import cells
from labtui.compare.model import Comparison, ComparisonRow, Verdict
from labtui.compare.render import export, text
from labtui.spec import Cnn, RunSpec
from labtui.store import tags
from labtui.store.records import Exit
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.comparisons import codes, judged, row, run, run_data, runs_of, said, spec, variant

BASE = spec(baseline=None)
DROPOUT = spec("dropout", "Dropout", model=Cnn(dropout=(0.3, 0.2)), factor=("model.dropout",))
VARIANTS = [variant(BASE), variant(DROPOUT)]
BASELINE = [60.1, 60.4, 59.9, 60.2, 60.0]


def diverged(of: RunSpec, *seeds: int, created: float = 1.0) -> list[Run]:
    return [run(of, seed, {}, state=State.DIVERGED, created=created) for seed in seeds]


def ended(of: RunSpec, seed: int, state: State, reason: str, code: int | None = None) -> Run:
    one = run(of, seed, {}, state=state, created=1.0)
    return dataclasses.replace(one, reason=reason, exit=Exit(code=code, ended=1.0) if code is not None else None)


def dropout(runs: Sequence[Run]) -> ComparisonRow:
    return row(judged(runs, VARIANTS), "dropout")


def against(runs: Sequence[Run]) -> Comparison:
    found = dropout(runs).declared
    assert found is not None
    return found


def asserted(assertion: str, runs: Sequence[Run]) -> AssertionResult:
    (found,) = check_all([assertion], cells(runs), VARIANTS, run_data=run_data())
    return found


# --- All finished seeds enter ---------------------------------------------------------------------------------------

F1 = [*runs_of(BASE, [60.1, 60.4, 59.9]), *runs_of(DROPOUT, [62, 62.4, 62.1, 58, 57.5])]


def test_a_gain_over_the_common_seeds_alone_is_none() -> None:
    """F1: the pairs of seeds 0 to 2 give +2.03 [+1.65, +2.41]; all seeds give +0.27."""
    found = against(F1)
    assert (found.method, found.seeds, found.verdict) == ("partly paired", (0, 1, 2), Verdict.UNDECIDED)
    assert found.delta == pytest.approx(0.2667, abs=1e-4)
    assert found.p == pytest.approx(0.82, abs=0.02)
    assert found.entered == "all: seeds 0-2 in pairs, seeds 3,4 of Dropout without a partner"
    assert found.entered in " ".join(text.to_text(judged(F1, VARIANTS)).split())


@pytest.mark.parametrize("assertion", ["dropout > network", "network < dropout"])
def test_an_assertion_does_not_hold_on_the_common_seeds_alone(assertion: str) -> None:
    assert not asserted(assertion, F1).holds


def test_a_seed_without_a_partner_does_not_take_the_pairs_from_the_others() -> None:
    base = [60.1, 62.4, 58.9, 61.2, 60.0, 57.3]
    here = [value + 1 + 0.1 * (place % 3) for place, value in enumerate(base)]
    found = against([*runs_of(BASE, base), *runs_of(DROPOUT, [*here, 61.4])])
    assert (found.method, found.seeds, found.verdict) == ("partly paired", tuple(range(6)), Verdict.GAIN)
    assert statistics.p_two_sided(statistics.welch([*here, 61.4], base)) > 0.05


def test_the_difference_is_always_that_of_the_means() -> None:
    table = judged(F1, VARIANTS)
    means = [row(table, name).mean or 0.0 for name in ("dropout", "network")]
    assert against(F1).delta == pytest.approx(means[0] - means[1])


def test_fewer_than_three_pairs_of_unequal_sides_are_no_pairs() -> None:
    found = against([*runs_of(BASE, BASELINE[:2]), *runs_of(DROPOUT, [61.0, 61.2, 61.1])])
    assert (found.method, found.entered) == ("welch", "")


def test_pairs_that_leave_nothing_out_need_no_remark() -> None:
    found = against([*runs_of(BASE, BASELINE), *runs_of(DROPOUT, [value + 1 + value / 99 for value in BASELINE])])
    assert (found.method, found.entered) == ("paired", "")


@pytest.mark.parametrize("pairs", [0, 4])
def test_partly_paired_is_paired_with_all_partners_and_welch_with_none(pairs: int) -> None:
    here, there = [61.0, 62.0, 64.0, 61.5], [60.0, 61.1, 62.0, 61.9]
    correlation = float(np.corrcoef(here, there)[0, 1])
    found = statistics.partly_paired(here, there, pairs, correlation)
    other = statistics.paired(np.subtract(here, there)) if pairs else statistics.welch(here, there)
    assert tuple(map(float, found)) == pytest.approx(tuple(map(float, other)))


# --- Failed seeds stay in n -----------------------------------------------------------------------------------------

F2 = [*runs_of(BASE, BASELINE), *runs_of(DROPOUT, [62.0, 62.4]), *diverged(DROPOUT, 2, 3, 4)]


def test_a_gain_of_those_that_finished_is_no_gain() -> None:
    found = dropout(F2)
    assert (found.n, found.seeds_text) == (2, "2/5")
    assert found.declared is not None
    assert not found.declared.verdict.is_claim
    assert said(found, "failed-seeds") == "2 of 5 seeds learned: seeds 2-4 diverged"


def test_the_label_says_of_how_many_the_gain_is() -> None:
    runs = [*runs_of(BASE, BASELINE), *runs_of(DROPOUT, [62.0, 62.4, 61.9, 62.1]), *diverged(DROPOUT, 4)]
    found = against(runs)
    assert found.verdict is Verdict.GAIN_OF_FINISHED
    assert (found.label, found.brief_label) == ("gain, finished seeds only (4 of 5)", "gain of 4 of 5")
    lines = text.to_text(judged(runs, VARIANTS)).splitlines()
    assert max(map(len, lines)) <= 80
    assert any("4/5" in line and "gain of 4 of 5" in line for line in lines)


@pytest.mark.parametrize("assertion", ["dropout > network", "network < dropout", "dropout > network - 1"])
def test_a_gain_of_those_that_finished_holds_no_assertion(assertion: str) -> None:
    runs = [*runs_of(BASE, BASELINE), *runs_of(DROPOUT, [62.0, 62.4, 61.9, 62.1]), *diverged(DROPOUT, 4)]
    found = asserted(assertion, runs)
    assert not found.holds
    assert " seeds only (4 of 5); if failed seeds are counted, the interval is [" in found.why
    assert not asserted(assertion, F2).holds


def test_a_gain_holds_if_the_failed_seeds_bear_it_out_too() -> None:
    """Against a baseline near chance one failed seed of many changes little."""
    base = [12 + seed / 10 for seed in range(12)]
    here = [run(DROPOUT, seed, {tags.TEST_ACCURACY: 62 + seed % 3}) for seed in range(11)]
    runs = [*runs_of(BASE, base), *here, *diverged(DROPOUT, 11)]
    assert against(runs).verdict is Verdict.GAIN
    assert asserted("dropout > network", runs).holds


def test_failed_seeds_of_the_baseline_never_speak_for_the_row() -> None:
    runs = [*runs_of(BASE, BASELINE[:4]), *diverged(BASE, 4), *runs_of(DROPOUT, [60.1, 60.2, 60.3, 60.0, 60.2])]
    found = against(runs)
    assert found.delta == pytest.approx(0.01, abs=0.02)
    assert not found.verdict.is_claim
    better = [*runs_of(BASE, BASELINE[:4]), *diverged(BASE, 4), *runs_of(DROPOUT, [62.1, 62.2, 62.3, 62.0, 62.2])]
    assert against(better).verdict is Verdict.GAIN


def test_a_loss_against_a_baseline_with_failed_seeds_is_one_to_those_that_finished() -> None:
    runs = [*runs_of(BASE, [62.1, 62.2, 62.3, 62.0]), *diverged(BASE, 4), *runs_of(DROPOUT, BASELINE)]
    found = against(runs)
    assert (found.verdict, found.label) == (Verdict.LOSS_TO_FINISHED, "loss, finished baseline seeds only (4 of 5)")
    assert not asserted("dropout < network", runs).holds


def test_the_failed_seeds_of_a_row_do_not_soften_its_loss() -> None:
    runs = [*runs_of(BASE, BASELINE), *runs_of(DROPOUT, [50.0, 50.2, 50.1, 50.3]), *diverged(DROPOUT, 4)]
    assert against(runs).verdict is Verdict.LOSS


def test_with_failed_seeds_no_difference_is_never_said_not_to_matter() -> None:
    near = [value + 0.05 * (-1) ** seed for seed, value in enumerate(BASELINE[:4])]
    runs = [*runs_of(BASE, BASELINE), *runs_of(DROPOUT, near), *diverged(DROPOUT, 4)]
    found = against(runs)
    assert found.verdict is Verdict.UNDECIDED
    assert found.why == "no difference that matters among the finished seeds, but some seeds failed"


def test_a_row_whose_seeds_all_failed_stays_and_says_so() -> None:
    table = judged([*runs_of(BASE, BASELINE), *diverged(DROPOUT, 0, 1, 2, 3, 4)], VARIANTS)
    found = row(table, "dropout")
    assert (found.n, found.mean, found.label) == (0, None, "0 of 5 learned")
    assert table.notes == ()
    assert "0/5" in text.to_text(table)
    assert "Dropout" in export.to_csv(table)
    assert export.to_json(table)
    for write in (export.to_markdown, export.to_latex):
        assert "0 of 5 learned" in write(table)
    why = asserted("dropout > network", [*runs_of(BASE, BASELINE), *diverged(DROPOUT, 0, 1, 2, 3, 4)])
    assert (why.holds, why.why) == (False, "0 of 5 learned in dropout")


def test_a_baseline_whose_seeds_all_failed_judges_nothing() -> None:
    runs = [*diverged(BASE, 0, 1, 2), *runs_of(DROPOUT, BASELINE)]
    assert against(runs).label == "0 of 3 of Network learned"
    assert not asserted("dropout > network", runs).holds


@pytest.mark.parametrize("failed_first", [True, False])
def test_a_seed_that_diverged_has_failed_even_if_another_try_finished(failed_first: bool) -> None:
    again = diverged(DROPOUT, 2, created=1.0 if failed_first else 9_000.0)
    runs = [*runs_of(BASE, BASELINE), *runs_of(DROPOUT, [62.0, 62.4, 61.9, 62.1, 62.2]), *again]
    found = dropout(runs)
    assert found.seeds_text == "4/5"
    assert said(found, "failed-seeds") == (
        "4 of 5 seeds learned: seed 2 diverged; seed 2 finished in another attempt, which does not count"
    )
    assert not asserted("dropout > network", runs).holds


@pytest.mark.parametrize("other", [{"threads": 1}, {"device": "cuda:0"}])
def test_a_seed_that_diverged_elsewhere_has_failed_here_too(other: dict[str, object]) -> None:
    there = run(DROPOUT, 2, {}, state=State.DIVERGED, **other)
    runs = [*runs_of(BASE, BASELINE), *runs_of(DROPOUT, [62.0, 62.4, 61.9, 62.1, 62.2]), there]
    assert dropout(runs).seeds_text == "4/5"


def test_a_seed_that_was_resumed_after_it_had_diverged_has_failed() -> None:
    runs = [*runs_of(BASE, BASELINE), *runs_of(DROPOUT, [62.0, 62.4, 61.9, 62.1, 62.2])]
    result = runs[-1].result
    assert result is not None
    facts = {**result.facts, "diverged_before": True}
    runs[-1] = dataclasses.replace(runs[-1], result=type(result)(**{**_fields(result), "facts": facts}))
    assert dropout(runs).seeds_text == "4/5"


def _fields(result: object) -> dict[str, object]:
    return {name: getattr(result, name) for name in result.__struct_fields__}  # type: ignore[attr-defined]


def test_nan_is_a_failure_and_so_is_a_seed_that_never_learned() -> None:
    nan = run(DROPOUT, 3, {tags.TEST_ACCURACY: float("nan")})
    never = run(DROPOUT, 4, {tags.TEST_ACCURACY: 10.02})
    found = dropout([*runs_of(BASE, BASELINE), *runs_of(DROPOUT, [62.0, 62.4, 61.9]), nan, never])
    assert said(found, "failed-seeds") == "3 of 5 seeds learned: seed 3 NaN, seed 4 never learned"
    assert found.mean == pytest.approx(62.1)
    assert [(one.seed, one.failure, one.reached) for one in found.failures] == [
        (3, "NaN", None),
        (4, "never learned", pytest.approx(10.02)),
    ]


def test_a_seed_at_chance_among_those_of_the_baseline_does_not_make_a_gain() -> None:
    """F12: +18.83 and "21 seeds would decide it" became of 60.1, 10.0, 59.9."""
    runs = [*runs_of(BASE, [60.1, 10.0, 59.9]), *runs_of(DROPOUT, [62.0, 62.3, 62.2])]
    table = judged(runs, VARIANTS)
    assert said(row(table, "network"), "failed-seeds") == "2 of 3 seeds learned: seed 1 never learned"
    assert row(table, "network").mean == pytest.approx(60.0)
    assert against(runs).delta == pytest.approx(2.1, abs=0.1)
    assert "2 of 3 of Network" in " ".join(text.to_text(table).split())


@pytest.mark.parametrize(
    ("state", "reason", "code"),
    [
        (State.FAILED, "out of memory on cuda:0 with batches of 128", 3),
        (State.FAILED, "disk full: the results cannot be written.", None),
        (State.FAILED, "the engine was killed by SIGKILL, perhaps because memory ran out", None),
        (State.FAILED, "a problem with data, device, disk or a package: see the log (exit code 3)", 3),
        (State.LOST, "the machine was restarted", None),
        (State.STOPPED, "received SIGTERM", None),
    ],
)
def test_what_the_machine_did_to_a_seed_says_nothing_about_the_recipe(
    state: State, reason: str, code: int | None
) -> None:
    lost = ended(DROPOUT, 3, state, reason, code)
    if "SIGKILL" in reason:
        lost = dataclasses.replace(lost, exit=Exit(signal=9, ended=1.0))
    runs = [*runs_of(BASE, BASELINE[:3]), *runs_of(DROPOUT, [62.0, 62.4, 61.9]), lost]
    found = dropout(runs)
    assert found.failures == ()
    assert found.label == "gain"
    assert said(found, "unfinished") == (f"seed 3 {state} ({reason}): not counted, as it says nothing about the recipe")
    assert asserted("dropout > network", runs).holds


@pytest.mark.parametrize(
    ("state", "reason", "code", "failure"),
    [
        (State.FAILED, "ZeroDivisionError: division by zero (the traceback is in the log)", 1, "crashed"),
        (State.FAILED, "the engine exited without a result (exit code 1)", 1, "crashed"),
        (State.STOPPED, "asked to stop", None, "stopped"),
        (State.STOPPED, "received SIGINT", None, "stopped"),
    ],
)
def test_seeds_that_crashed_or_that_a_person_stopped_cannot_be_left_out(
    state: State, reason: str, code: int | None, failure: str
) -> None:
    """Whoever stops the seeds that look bad would be left with the good ones."""
    runs = [
        *runs_of(BASE, BASELINE[:3]),
        *runs_of(DROPOUT, [62.0, 62.4, 61.9]),
        ended(DROPOUT, 3, state, reason, code),
    ]
    found = dropout(runs)
    assert [one.failure for one in found.failures] == [failure]
    assert found.label == "gain, finished seeds only (3 of 4)"
    assert not asserted("dropout > network", runs).holds


def test_a_crash_that_was_repaired_is_no_failure() -> None:
    crash = ended(DROPOUT, 2, State.FAILED, "ImportError: no module", 1)
    runs = [*runs_of(BASE, BASELINE[:3]), *runs_of(DROPOUT, [62.0, 62.4, 61.9]), crash]
    assert dropout(runs).failures == ()


def test_a_metric_that_was_never_recorded_is_no_failure_of_the_seeds() -> None:
    table = judged([*runs_of(BASE, BASELINE), *runs_of(DROPOUT, BASELINE)], VARIANTS, metric="val/accuracy")
    found = row(table, "dropout")
    assert found.failures == ()
    assert said(found, "no-metric") == "the 5 runs have no val/accuracy"


def test_without_a_number_of_classes_nothing_counts_as_chance() -> None:
    runs = [
        dataclasses.replace(
            one, result=None if one.result is None else type(one.result)(**{**_fields(one.result), "facts": {}})
        )
        for one in runs_of(BASE, [10.0, 10.1, 9.9])
    ]
    assert row(judged(runs, VARIANTS), "network").failures == ()
    known = judged(runs, VARIANTS, classes={"cifar10": [str(number) for number in range(10)]})
    assert row(known, "network").label == "0 of 3 learned"
    twenty = judged(runs, VARIANTS, classes={"cifar10": [str(number) for number in range(20)]})
    assert row(twenty, "network").failures == ()


# --- Success rates --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("left", "right"), [((2, 3), (5, 0)), ((0, 5), (5, 0)), ((3, 0), (3, 0)), ((7, 2), (4, 9))])
def test_fishers_exact_test_agrees_with_scipy(left: tuple[int, int], right: tuple[int, int]) -> None:
    assert statistics.fisher(left, right) == pytest.approx(scipy.stats.fisher_exact([left, right]).pvalue)


def test_success_rates_are_tested_exactly_and_make_no_verdict() -> None:
    runs = [*runs_of(BASE, BASELINE), *diverged(DROPOUT, 0, 1, 2, 3, 4)]
    found = against(runs)
    assert found.success_p == pytest.approx(0.0079, abs=1e-4)
    assert found.verdict is Verdict.NOT_JUDGED
    assert (
        "0 of 5 here, 5 of 5 of Network: Fisher's exact p = 0.008 (Holm); it does not affect the verdict"
        in " ".join(text.to_text(judged(runs, VARIANTS)).split())
    )


def test_success_rates_of_several_rows_share_the_chance_of_an_error() -> None:
    others = [
        spec(f"drop{index}", f"Drop {index}", model=Cnn(dropout=(index / 10, 0.2)), factor=("model.dropout",))
        for index in range(1, 4)
    ]
    runs = [
        *runs_of(BASE, BASELINE),
        *diverged(DROPOUT, 0, 1, 2, 3, 4),
        *(one for of in others for one in runs_of(of, BASELINE[::-1])),
    ]
    found = row(judged(runs, [*VARIANTS, *map(variant, others)]), "dropout").declared
    assert found is not None
    assert found.success_p is not None
    assert found.success_p_adjusted == pytest.approx(4 * found.success_p)


def test_stopped_seeds_are_no_failures_of_the_recipe() -> None:
    stopped = [ended(DROPOUT, seed, State.STOPPED, "asked to stop") for seed in (3, 4)]
    found = against([*runs_of(BASE, BASELINE), *runs_of(DROPOUT, [62.0, 62.4, 61.9]), *stopped])
    assert (found.row_seeds.failed, found.row_seeds.stopped, found.success_p) == (0, 2, None)


def test_a_row_without_failed_seeds_has_no_line_about_them() -> None:
    table = judged([*runs_of(BASE, BASELINE), *runs_of(DROPOUT, BASELINE[::-1])], VARIANTS)
    assert not {"failed-seeds", "unfinished"} & codes(row(table, "dropout").all_findings)
    assert "Fisher" not in text.to_text(table)

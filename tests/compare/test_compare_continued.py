"""A comparison tells a row whose runs continue finished ones from one that was trained in one go."""

from labtui.api.continuing import continued_spec
from labtui.compare.cells import cells
from labtui.compare.findings.confounds import confounds
from labtui.compare.metrics import metric
from labtui.spec import Training
from tests.support.comparisons import judged, runs_of, spec, variant

SHORT = spec(training=Training(epochs=10))
STRAIGHT = spec(training=Training(epochs=20), overrides={"training.epochs": 20})
LONGER = continued_spec(SHORT, 20)


def test_runs_that_continue_others_are_a_row_of_their_own_and_say_so() -> None:
    runs = [*runs_of(SHORT, [60, 61]), *runs_of(STRAIGHT, [70, 71]), *runs_of(LONGER, [65, 66])]
    table = judged(runs, [variant(SHORT)])
    titles = {one.title: one.all_findings for one in table.rows}
    assert len(titles) == 3
    (title,) = [title for title in titles if "continued from epoch 10" in title]
    found = next(finding for finding in titles[title] if finding.code == "continued-runs")
    assert found.text.startswith("its runs continue finished ones: epochs 11 to 20 were trained from their last")
    assert sum("continued-runs" in {finding.code for finding in findings} for findings in titles.values()) == 1


def test_having_continued_is_a_confound_against_a_run_of_as_many_epochs_in_one_go() -> None:
    here, there = cells(runs_of(LONGER, [65]))[0], cells(runs_of(STRAIGHT, [70]))[0]
    assert {one.key for one in confounds(here, there, ("optimizer.lr",), metric("test/accuracy"))} == {"continued"}

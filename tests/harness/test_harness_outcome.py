"""How a program ended: exit codes lie, and what was recorded decides."""

import pytest

from labtui.harness.outcome import ending
from labtui.harness.progress import Activity
from labtui.store.records import LastValue

GOOD = {"val/loss": LastValue(step=9, value=0.5), "train/loss": LastValue(step=9, value=0.4)}
NAN = {"val/loss": LastValue(step=7, value="nan")}


@pytest.mark.parametrize("code", [0, 1, -15, -2, 143])
def test_a_program_that_was_asked_to_stop_has_stopped_whatever_its_exit_code(code: int) -> None:
    end = ending(code, GOOD, "val/loss", asked="asked to stop")
    assert (end.outcome, end.reason) == ("stopped", "asked to stop")


def test_a_program_that_ends_without_its_metric_has_failed_and_the_reason_names_what_it_recorded() -> None:
    end = ending(0, GOOD, "val_loss")
    assert end.outcome == "failed"
    assert end.reason == "the program ended without val_loss (did you mean val/loss?): it recorded train/loss, val/loss"
    assert "no metric at all" in ending(0, {}, "val_loss").reason


def test_without_a_declared_metric_the_exit_code_decides() -> None:
    assert ending(0, {}, None).outcome == "finished"
    assert ending(3, {}, None, last_line="ValueError: x").reason == "the program exited with code 3: ValueError: x"


def test_a_metric_that_is_no_number_has_diverged_at_its_step() -> None:
    end = ending(0, NAN, "val/loss")
    assert (end.outcome, end.diverged_step, end.reason) == ("diverged", 7, "val/loss is nan at step 7")


def test_a_signal_that_nobody_asked_for_is_a_failure() -> None:
    assert ending(-9, GOOD, "val/loss").reason == "the program was killed by SIGKILL, perhaps because memory ran out"
    assert "not found" in ending(127, GOOD, "val/loss").reason


def test_output_metrics_or_cpu_time_show_that_a_program_lives() -> None:
    activity = Activity(stall=300.0)
    activity.note(10.0, (1, 1), 0.0)
    activity.note(250.0, (1, 1), 0.001)
    assert activity.silence(250.0) == 240.0
    assert activity.is_stalled(310.0)
    activity.note(310.0, (2, 1), None)
    assert activity.silence(310.0) == 0.0
    activity.note(400.0, (2, 1), 1.0)
    assert activity.silence(400.0) == 0.0

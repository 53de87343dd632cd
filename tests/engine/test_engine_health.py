"""Warnings about a running training: it does not learn, or the disk is nearly full."""

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.engine import trainer
from labtui.engine.heartbeat import LOW_DISK, Heartbeat, LearningCheck, disk_low, not_learning
from labtui.engine.trainer import Intervals
from labtui.learning import at_chance, is_falling
from labtui.spec import Sgd
from labtui.store.files import read_json
from labtui.store.records import Beat, Result
from labtui.store.stop_signal import StopSignal
from tests.support.training import make_attempt, run_attempt, tiny_images, tiny_spec

FALLING = [2.3030, 2.3026, 2.3021, 2.3017, 2.3012, 2.3008, 2.3003, 2.2999]
STILL = [2.3030, 2.3031, 2.3029, 2.3030, 2.3031, 2.3030, 2.3029, 2.3030]


def kind(accuracies: list[float], losses: list[float], classes: int = 10) -> str:
    return not_learning(accuracies, losses, classes, 5_000).partition(":")[0]


def test_a_run_that_learns_causes_no_warning() -> None:
    assert kind([10.0, 10.1, 38.0, 45.0], FALLING) == ""


def test_a_run_at_chance_whose_loss_falls_has_not_started() -> None:
    message = not_learning([10.0, 9.8, 10.3], FALLING, 10, 5_000)
    assert message == "not learning yet: 10.30% with 10 classes, at chance for 3 epochs, but the loss is still falling"


def test_a_run_at_chance_whose_loss_does_not_fall_is_dead() -> None:
    message = not_learning([10.0] * 5, STILL, 10, 5_000)
    assert message == "not learning: 10.00% with 10 classes, at chance for 3 epochs, and the loss is flat"


def test_a_run_that_learned_and_fell_back_to_chance_is_dead() -> None:
    assert kind([31.0, 42.0, 10.0, 10.0, 10.0], STILL) == "not learning"


def test_without_a_loss_curve_it_is_not_learning() -> None:
    assert kind([10.0] * 3, [2.3, 2.3]) == kind([10.0] * 3, []) == "not learning"


@pytest.mark.parametrize("values", [[10.0, 10.0], [10.0, 10.0, 12.0], [12.0, 10.0, 10.0], [10.0, 10.0, math.nan], []])
def test_fewer_epochs_at_chance_in_a_row_are_no_warning(values: list[float]) -> None:
    assert kind(values, STILL) == ""


def test_chance_depends_on_the_number_of_classes_and_images() -> None:
    assert kind([10.0] * 3, STILL, classes=2) == ""
    assert kind([50.0] * 3, STILL, classes=2) == "not learning"
    assert kind([100.0] * 3, STILL, classes=1) == ""
    assert at_chance(11.2, 10, 5_000)
    assert not at_chance(11.4, 10, 5_000)
    assert at_chance(14.0, 10, 360)


def test_a_learning_check_looks_at_consecutive_epochs() -> None:
    learning_check = LearningCheck(10, 5_000)
    warnings = [learning_check.after_epoch(accuracy, 2.3) for accuracy in (30.0, 10.0, 10.0, 10.0, 10.0, 25.0)]
    assert [warning.partition(":")[0] for warning in warnings] == ["", "", "", "not learning", "not learning", ""]


def test_a_disk_is_low_below_a_gibibyte() -> None:
    assert disk_low(LOW_DISK) == ""
    assert disk_low(512 << 20) == "disk low: 512 MiB free; checkpoints may not fit"


def test_a_warning_is_new_when_it_is_about_something_else_and_is_part_of_the_heartbeat(tmp_path: Path) -> None:
    heartbeat = Heartbeat(tmp_path / "beat.json", 1, StopSignal())
    messages = ["", "not learning: 10.00%", "not learning: 10.01%", "not learning yet: 10.02%", "", ""]
    assert [heartbeat.warn("learning", text) for text in messages] == [False, True, False, True, True, False]
    heartbeat.warn("learning", "not learning: 10.00%")
    heartbeat.warn("disk", "disk low: 1 MiB")
    heartbeat.save_error = "disk full"
    with heartbeat:
        assert read_json(tmp_path / "beat.json", Beat).warning == "disk full; not learning: 10.00%; disk low: 1 MiB"


def dead_run(folder: Path, log: list[str], protocol: str = "report") -> Result:
    """A run whose steps are too small to change anything."""
    spec = tiny_spec(epochs=6, optimizer=Sgd(lr=1e-12), protocol=protocol)
    return run_attempt(make_attempt(folder, spec), tiny_images(), log=log, intervals=Intervals(log=0.0))


@pytest.mark.parametrize("protocol", ["report", "standard"])
def test_a_run_that_does_not_learn_logs_it_once_and_reports_it_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setattr("labtui.engine.heartbeat.at_chance", lambda *_: True)  # few images scatter too widely
    result = dead_run(tmp_path, log := [], protocol)
    warnings = [line for line in log if line.startswith("Warning: ")]
    assert [line.split(": ")[1] for line in warnings] in (
        ["not learning"],
        ["not learning yet"],
        ["not learning yet", "not learning"],
    )
    assert warnings[-1].endswith(("the loss is flat.", "at chance for 3 epochs."))
    assert result.outcome == "finished"
    assert f"Warning: {result.reason}.".split()[1] == warnings[-1].split()[1]


def test_a_run_on_a_disk_with_little_space_logs_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "disk_usage", lambda _: SimpleNamespace(free=300 << 20))
    log: list[str] = []
    run_attempt(make_attempt(tmp_path, tiny_spec()), tiny_images(), log=log, intervals=Intervals(log=0.0, save=0.0))
    assert [line for line in log if "disk low" in line] == ["Warning: disk low: 300 MiB free; checkpoints may not fit."]


@given(st.lists(st.floats(width=32), max_size=40))
def test_any_curve_has_a_trend_or_none(losses: list[float]) -> None:
    assert is_falling(losses) in (True, False, None)


@given(slope=st.floats(1e-3, 1e3), start=st.floats(-1e3, 1e3), count=st.integers(4, 40))
def test_a_line_falls_exactly_when_it_goes_down(slope: float, start: float, count: int) -> None:
    assert is_falling([start - slope * place for place in range(count)])
    assert is_falling([start + slope * place for place in range(count)]) is False
    assert is_falling([start] * count) is False

"""What a person is told to look at, and why."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.store import tags
from labtui.store.alarms import LOW_DISK, alarms, at_chance, disk_low
from labtui.store.curve import Curve
from labtui.store.records import Beat, Result
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.trend import is_falling

RUN = Run(
    id="Cifar/Network/s0",
    folder=Path("/nowhere"),
    spec_file=None,
    damage="",
    state=State.RUNNING,
    reason="",
    attempt=1,
    launch=None,
    beat=None,
    exit=None,
    result=None,
    stop_requested=False,
    modified=0.0,
    foreign=False,
    read_only=False,
)
FALLING = [2.3030, 2.3026, 2.3021, 2.3017, 2.3012, 2.3008, 2.3003, 2.2999]
STILL = [2.3030, 2.3031, 2.3029, 2.3030, 2.3031, 2.3030, 2.3029, 2.3030]


def curves(**points: list[float]) -> dict[str, Curve]:
    names = {"val": tags.VAL_ACCURACY, "report": tags.REPORT_TEST_ACCURACY, "loss": tags.VAL_LOSS}
    found = {}
    for name, values in points.items():
        tag = names[name]
        steps = np.arange(1, len(values) + 1)
        found[tag] = Curve(
            tag=tag,
            unit=tags.step_unit(tag),
            steps=steps,
            values=np.array(values, np.float32),
            wall_times=steps.astype(np.float64),
        )
    return found


def kinds(run: Run = RUN, classes: int = 10, **points: list[float]) -> list[str]:
    return [alarm.kind for alarm in alarms(run, curves(**points), classes)]


def test_a_run_that_learns_raises_no_alarm() -> None:
    assert kinds(val=[10.0, 10.1, 38.0, 45.0], loss=FALLING) == []


def test_a_run_at_chance_whose_loss_falls_has_not_started() -> None:
    assert kinds(val=[10.0, 9.8, 10.3], loss=FALLING) == ["not started"]
    (alarm,) = alarms(RUN, curves(val=[10.0, 9.8, 10.3], loss=FALLING), 10)
    assert alarm.text == "not started: 10.30% with 10 classes, at chance for 3 epochs, but val/loss still falls"


def test_a_run_at_chance_whose_loss_stands_still_is_dead() -> None:
    assert kinds(report=[10.0] * 5, loss=STILL) == ["dead"]


def test_a_run_that_learned_and_fell_back_to_chance_is_dead() -> None:
    assert kinds(val=[31.0, 42.0, 10.0, 10.0, 10.0], loss=STILL) == ["dead"]


def test_without_a_loss_that_tells_it_is_at_chance() -> None:
    assert kinds(val=[10.0] * 3, loss=[2.3, 2.3]) == kinds(val=[10.0] * 3) == ["at chance"]


@pytest.mark.parametrize("values", [[10.0, 10.0], [10.0, 10.0, 12.0], [12.0, 10.0, 10.0], [10.0, 10.0, math.nan], []])
def test_fewer_epochs_at_chance_in_a_row_are_bad_luck(values: list[float]) -> None:
    assert kinds(val=values, loss=STILL) == []


@pytest.mark.parametrize(("state", "expected"), [(State.FINISHED, ["dead"]), (State.LOST, []), (State.QUEUED, [])])
def test_only_runs_that_train_or_have_trained_can_fail_to_learn(state: State, expected: list[str]) -> None:
    assert kinds(replace(RUN, state=state), val=[10.0] * 3, loss=STILL) == expected


def test_chance_depends_on_the_number_of_classes() -> None:
    assert kinds(classes=2, val=[10.0] * 3, loss=STILL) == []
    assert kinds(classes=2, val=[50.0] * 3, loss=STILL) == ["dead"]
    assert kinds(classes=1, val=[100.0] * 3, loss=STILL) == []
    assert at_chance(11.2, 10)
    assert not at_chance(11.4, 10)
    assert at_chance(14.0, 10, images=360)


def test_a_diverged_run_says_why() -> None:
    diverged = replace(RUN, state=State.DIVERGED, reason="loss is NaN at step 312")
    assert alarms(diverged, {}, 10)[0].text == "diverged: loss is NaN at step 312"
    assert kinds(diverged, val=[10.0] * 3, loss=STILL) == ["diverged"]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("cuda:0 ran out of memory (batch 512); try batch 256", ["out of memory"]),
        ("the engine was killed by SIGKILL, perhaps out of memory", ["out of memory"]),
        ("disk full: needs 286 MB, 40 MB free", ["disk full"]),
        ("ValueError", []),
    ],
)
def test_failures_of_the_surroundings_are_named(reason: str, expected: list[str]) -> None:
    assert kinds(replace(RUN, state=State.FAILED, reason=reason)) == expected


def test_lost_points_are_counted_while_it_runs_and_afterwards() -> None:
    beat = Beat(attempt=1, counter=1, phase="training", points_lost=12, warning="disk full")
    assert alarms(replace(RUN, beat=beat), {}, 10)[0].text == "12 metric points could not be written (disk full)"
    ended = replace(RUN, state=State.FINISHED, result=Result(attempt=1, outcome="finished", points_lost=3))
    assert kinds(ended) == ["points lost"]


def test_a_disk_is_low_below_a_gibibyte() -> None:
    assert disk_low(LOW_DISK) is None
    assert "512 MiB" in disk_low(512 << 20).text


@given(st.lists(st.floats(width=32), max_size=40))
def test_any_curve_has_a_trend_or_none(losses: list[float]) -> None:
    assert is_falling(losses) in (True, False, None)


@given(slope=st.floats(1e-3, 1e3), start=st.floats(-1e3, 1e3), count=st.integers(4, 40))
def test_a_line_falls_exactly_when_it_goes_down(slope: float, start: float, count: int) -> None:
    assert is_falling([start - slope * place for place in range(count)])
    assert is_falling([start + slope * place for place in range(count)]) is False
    assert is_falling([start] * count) is False

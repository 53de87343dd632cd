"""What is shown of an active run, whose folder the test writes."""

import io
import json
from pathlib import Path

import pytest

from labtui.cli.display import JsonDisplay, LineDisplay, QuietDisplay
from labtui.cli.follow import Epoch, Follower, RunUpdate
from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.records import LastValue
from labtui.store.run import Run
from labtui.store.store import Store
from labtui.store.tags import (
    REPORT_TEST_ACCURACY,
    REPORT_TEST_LOSS,
    REPORT_TRAIN_ACCURACY,
    REPORT_TRAIN_LOSS,
    VAL_ACCURACY,
    VAL_LOSS,
)
from tests.support.samples import make_beat, make_launch, make_result, make_spec, write_run

FOUR = (REPORT_TRAIN_LOSS, REPORT_TEST_LOSS, REPORT_TRAIN_ACCURACY, REPORT_TEST_ACCURACY)


class Growing:
    """A run's folder, and an event file that is written to."""

    def __init__(self, root: Path, **spec: object) -> None:
        self.store = Store(root)
        self.paths = write_run(
            root / "Cifar" / "Dropout" / "s0-x", spec=make_spec(**spec), launch=make_launch(), beat=make_beat()
        )
        self.events = self.paths.folder / "events.out.tfevents.1.host.1.0"
        self.events.write_bytes(version_event(1.0))

    def write(self, step: int, **values: float) -> None:
        with self.events.open("ab") as stream:
            for tag, value in values.items():
                stream.write(scalar_event(1.0, step, tag.replace("_", " "), value))

    def run(self) -> Run:
        return self.store.get("Cifar/Dropout/s0-x")


def numbers(update: RunUpdate) -> list[int]:
    return [epoch.number for epoch in update.new_epochs]


def test_an_epoch_is_reported_once_when_all_its_figures_are_there(tmp_path: Path) -> None:
    growing = Growing(tmp_path)
    follower = Follower.of(growing.run())
    growing.write(1, **dict.fromkeys(("Train_Loss", "Train_accuracy"), 1.0))
    assert numbers(follower.update(growing.run())) == []
    growing.write(1, **dict.fromkeys(("Test_Loss", "Test_accuracy"), 2.0))
    (epoch,) = follower.update(growing.run()).new_epochs
    assert epoch.figures == dict(zip(FOUR, (1.0, 2.0, 1.0, 2.0), strict=True))
    assert numbers(follower.update(growing.run())) == []


def test_at_the_end_an_incomplete_epoch_is_reported_too(tmp_path: Path) -> None:
    growing = Growing(tmp_path)
    follower = Follower.of(growing.run())
    growing.write(1, Train_Loss=1.0)
    write_run(tmp_path / "other", launch=make_launch(), result=make_result(outcome="stopped"))
    (tmp_path / "other" / "result.json").rename(growing.paths.result)
    assert numbers(follower.update(growing.run())) == [1]


def test_the_standard_protocol_reports_validation_figures(tmp_path: Path) -> None:
    growing = Growing(tmp_path, protocol="standard")
    follower = Follower.of(growing.run())
    growing.write(1, **{VAL_LOSS: 1.0, VAL_ACCURACY: 50.0})
    update = follower.update(growing.run())
    assert (numbers(update), update.accuracy) == ([1], 50.0)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    last = {"test/accuracy": LastValue(step=10, value=61.5), "test/loss": LastValue(step=10, value="nan")}
    result = make_result(epochs=10, seconds=95.0, last=last)
    write_run(tmp_path / "run", launch=make_launch(), beat=make_beat(images_per_second=9_100.0, eta=8.0), result=result)
    return Store(tmp_path).get("run")


def test_an_epoch_is_one_line_on_stderr(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    epoch = Epoch(3, {REPORT_TEST_LOSS: 0.13234, REPORT_TEST_ACCURACY: 61.038})
    LineDisplay().updated(RunUpdate(run, None, None, (epoch,)))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "Dropout s0: epoch 3/10  Test Loss 0.1323  Test accuracy 61.04  9,100 images/s\n"


def test_an_ended_run_is_one_line_with_its_figures(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    LineDisplay().ended(run)
    assert capsys.readouterr().err == "Dropout s0: finished in 1m 35s: test accuracy 61.50 %, cross-entropy NaN\n"


def test_json_has_null_where_a_figure_is_not_finite(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    display = JsonDisplay()
    display.started(run)
    display.updated(RunUpdate(run, None, None, (Epoch(1, {REPORT_TRAIN_LOSS: float("inf")}),)))
    display.ended(run)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["started", "epoch", "ended"]
    assert events[1]["figures"] == {REPORT_TRAIN_LOSS: None}
    assert events[2]["figures"] == {"test/accuracy": 61.5, "test/loss": None}
    assert {event["fallback"] for event in events} == {False}


def test_quiet_shows_only_messages(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    display = QuietDisplay()
    display.started(run)
    display.updated(RunUpdate(run, 1.0, 2.0, (Epoch(1, {}),)))
    display.ended(run)
    display.close()
    assert capsys.readouterr() == ("", "")
    display.say("Stopping.")
    assert capsys.readouterr().err == "Stopping.\n"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_moves_with_the_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    from labtui.cli.live import LiveDisplay

    write_run(
        tmp_path / "run",
        launch=make_launch(),
        beat=make_beat(epoch=7, epochs=10, images_per_second=9_100.0, eta=8.0),
    )
    run = Store(tmp_path).get("run")
    display = LiveDisplay()
    display.started(run)
    display.updated(RunUpdate(run, 1.2345, 61.0, ()))
    display.close()
    assert "epoch 7/10  loss 1.234  accuracy 61.00 %  9,100 images/s  ETA 8s" in stream.getvalue()
    assert "\x1b[3" not in stream.getvalue()

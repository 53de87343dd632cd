"""When a command starts a fork server for its runs, and that it waits for it."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labtui.api import open_lab
from labtui.api.placement import Placement
from labtui.cli import training
from labtui.cli.display import QuietDisplay
from labtui.cli.foreground import ForegroundRuns, PendingRun, RunOutcome
from labtui.cli.interrupts import Interrupts
from labtui.errors import LabError
from labtui.launch.devices import Device
from labtui.launch.launcher import ForkServer
from tests.support.command_line import Answer

CPU = Device(name="cpu", title="CPU", cores=2)
TWO = ("run", "network", "dropout", "--dataset", "digits")


class Recorder:
    """Replaces the loop, and records the fork server that it was given."""

    warm: ForkServer | None
    pid: int | None

    def __init__(self, *given: object, fail_fast: bool) -> None:
        assert not fail_fast
        Recorder.warm = given[-1]
        Recorder.pid = getattr(given[-1], "pid", None)

    def run_all(self, _runs: list[PendingRun]) -> RunOutcome:
        return RunOutcome()


@pytest.mark.skipif(sys.platform != "linux", reason="fork servers are only used on Linux")
def test_several_runs_share_a_fork_server_that_ends_with_the_command(
    cli: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "ForegroundRuns", Recorder)

    assert cli(*TWO, "--device", "cpu").code == 0

    assert Recorder.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(Recorder.pid, 0)


@pytest.mark.parametrize("how", ["one run", "switched off"])
def test_there_is_no_fork_server_for_one_run_or_where_it_is_switched_off(
    cli: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(training, "ForegroundRuns", Recorder)
    if how == "switched off":
        monkeypatch.setenv("LABTUI_WARM", "no")
    names = TWO if how == "switched off" else ("run", "dropout", "--dataset", "digits")

    assert cli(*names, "--device", "cpu").code == 0

    assert Recorder.warm is None


class Loading:
    """Is loading until it was asked so many times; its descriptor is always readable."""

    def __init__(self, polls: int, descriptor: int) -> None:
        self.polls = polls
        self.closed = 0
        self._descriptor = descriptor

    @property
    def loading(self) -> bool:
        self.polls -= 1
        return self.polls > 0

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def readable() -> Iterator[int]:
    read, write = os.pipe()
    os.close(write)
    yield read
    os.close(read)


def test_no_run_starts_before_the_fork_server_is_ready_and_it_is_closed_after_the_last(
    tmp_path: Path, readable: int
) -> None:
    warm = Loading(9, readable)
    polls_left: list[int] = []
    closed: list[int] = []

    def start(*_: object) -> None:
        polls_left.append(warm.polls)
        closed.append(warm.closed)
        raise LabError("enough seen")

    runs = [PendingRun("a run", start, lambda: pytest.fail("queued"))] * 2
    lab = open_lab(runs=tmp_path / "runs", environ={}, cwd=tmp_path)
    ForegroundRuns(lab, Placement((CPU,), 1, 1), QuietDisplay(), Interrupts(), warm).run_all(runs)

    assert max(polls_left) <= 0
    assert closed == [0, 0]
    assert warm.closed == 1

"""When a command loads the engine once for all its runs, and what it does until that is loaded."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labtui.api import open_lab
from labtui.api.placement import Placement
from labtui.cli import training as session
from labtui.cli.display import QuietDisplay
from labtui.cli.foreground import Foreground, Job, Outcome
from labtui.cli.interrupts import Interrupts
from labtui.errors import LabError
from labtui.launch.devices import Device
from labtui.launch.launcher import Warm
from tests.support.command_line import Answer

CPU = Device(name="cpu", title="CPU", cores=2)
TWO = ("run", "network", "dropout", "--dataset", "digits")


class Told:
    """Stands for the loop; keeps what it was given."""

    warm: Warm | None
    pid: int | None

    def __init__(self, *given: object) -> None:
        Told.warm = given[-1]
        Told.pid = getattr(given[-1], "pid", None)

    def see_through(self, _jobs: list[Job]) -> Outcome:
        return Outcome()


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux are runs started warm")
def test_several_runs_share_a_process_that_ends_with_the_command(
    cli: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "Foreground", Told)

    assert cli(*TWO, "--device", "cpu").code == 0

    assert Told.pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(Told.pid, 0)


@pytest.mark.parametrize("how", ["one run", "told not to"])
def test_no_process_is_loaded_where_it_does_not_pay(
    cli: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(session, "Foreground", Told)
    if how == "told not to":
        monkeypatch.setenv("LABTUI_WARM", "no")
    names = TWO if how == "told not to" else ("run", "dropout", "--dataset", "digits")

    assert cli(*names, "--device", "cpu").code == 0

    assert Told.warm is None


class Loading:
    """Loads until it was looked at so many times; its descriptor is always readable."""

    def __init__(self, looks: int, descriptor: int) -> None:
        self.looks = looks
        self.closed = 0
        self._descriptor = descriptor

    @property
    def loading(self) -> bool:
        self.looks -= 1
        return self.looks > 0

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


def test_no_run_starts_before_the_engine_is_loaded_and_nothing_stays_loaded_after_the_last(
    tmp_path: Path, readable: int
) -> None:
    warm = Loading(9, readable)
    looks_left: list[int] = []
    closed: list[int] = []

    def start(*_: object) -> None:
        looks_left.append(warm.looks)
        closed.append(warm.closed)
        raise LabError("enough seen")

    jobs = [Job("a run", start, lambda: pytest.fail("queued"))] * 2
    lab = open_lab(runs=tmp_path / "runs", environ={}, cwd=tmp_path)
    Foreground(lab, Placement((CPU,), 1, 1), QuietDisplay(), Interrupts(), warm).see_through(jobs)

    assert max(looks_left) <= 0
    assert closed == [0, 0]
    assert warm.closed == 1

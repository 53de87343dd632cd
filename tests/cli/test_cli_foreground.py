"""The loop of a foreground command, over run folders that the test writes itself."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from labtui.api import Lab, open_lab
from labtui.api.placement import Placement
from labtui.cli import foreground as module
from labtui.cli.display import QuietDisplay
from labtui.cli.follow import RunUpdate
from labtui.cli.foreground import ForegroundRuns, PendingRun, RunOutcome
from labtui.cli.interrupts import Interrupts
from labtui.errors import LabError, MachineError, UsageError
from labtui.launch.devices import Device
from labtui.store.files import write_json
from labtui.store.records import Exit
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.samples import make_beat, make_launch, make_result, make_spec, write_run

CPU = Device(name="cpu", title="CPU", cores=2)


class Watched(QuietDisplay):
    """Records messages, and lets the test act at every poll of a run."""

    def __init__(self, act: Callable[[Run], None]) -> None:
        self.messages: list[str] = []
        self.most_at_once = 0
        self._live: set[str] = set()
        self._act = act

    def say(self, text: str) -> None:
        self.messages.append(text)

    def started(self, run: Run) -> None:
        self._live.add(run.id)
        self.most_at_once = max(self.most_at_once, len(self._live))

    def updated(self, update: RunUpdate) -> None:
        if not update.run.state.is_over:
            self._act(update.run)

    def ended(self, run: Run) -> None:
        self._live.discard(run.id)


def finish(run: Run) -> None:
    write_json(run.paths.result, make_result())
    write_json(run.paths.attempt(1).exit, Exit(code=0, ended=0.0))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(module, "POLL", 0.0)
    return open_lab(environ={}, cwd=tmp_path)


def pending(lab: Lab, seed: int, error: LabError | None = None) -> PendingRun:
    """A run that starts at once, or raises this error."""
    folder = lab.store.root / "Cifar" / "Dropout" / f"s{seed}-x"

    def start(_device: Device, _threads: int, _slot: object) -> Run:
        if error is not None:
            raise error
        write_run(folder, spec=make_spec(seed=seed), launch=make_launch(), beat=make_beat())
        return lab.store.get(f"Cifar/Dropout/s{seed}-x")

    return PendingRun(f"Dropout s{seed}", start, lambda: pytest.fail("queued"))


def see(
    lab: Lab,
    runs: list[PendingRun],
    act: Callable[[Run], None] = finish,
    *,
    at_once: int = 1,
    signals: Interrupts | None = None,
) -> tuple[RunOutcome, Watched]:
    display = Watched(act)
    foreground = ForegroundRuns(lab, Placement((CPU,), at_once, 1), display, signals or Interrupts())
    return foreground.run_all(runs), display


def states(outcome: RunOutcome) -> list[State]:
    return [run.state for run in outcome.runs]


@pytest.mark.parametrize("at_once", [1, 2])
def test_never_more_runs_at_once_than_asked_for(lab: Lab, at_once: int) -> None:
    outcome, display = see(lab, [pending(lab, seed) for seed in range(4)], at_once=at_once)
    assert states(outcome) == [State.FINISHED] * 4
    assert display.most_at_once == at_once


def test_a_run_that_cannot_start_does_not_keep_others_from_starting(lab: Lab) -> None:
    outcome, display = see(lab, [pending(lab, 0, UsageError("no such thing")), pending(lab, 1)])
    assert states(outcome) == [State.FINISHED]
    assert [str(error) for error in outcome.errors] == ["no such thing"]
    assert display.messages == ["Dropout s0 was not started: no such thing"]


def test_after_an_environment_error_no_more_runs_are_started(lab: Lab) -> None:
    outcome, _ = see(lab, [pending(lab, 0, MachineError("the disk is full")), pending(lab, 1)])
    assert (states(outcome), len(outcome.errors)) == ([], 1)


def test_a_run_whose_folder_disappears_does_not_affect_the_others(lab: Lab) -> None:
    def act(run: Run) -> None:
        if run.seed == 0:
            shutil.rmtree(run.folder)
        else:
            finish(run)

    outcome, display = see(lab, [pending(lab, 0), pending(lab, 1)], act)
    assert states(outcome) == [State.FINISHED]
    assert len(outcome.errors) == 1
    assert any("moved or removed" in text for text in display.messages)


def test_one_interrupt_asks_active_runs_to_stop_and_starts_no_more(lab: Lab) -> None:
    signals = Interrupts()

    def act(run: Run) -> None:
        signals.interrupts = 1
        if run.paths.attempt(1).stop_request.exists():
            write_json(run.paths.result, make_result(outcome="stopped"))
            write_json(run.paths.attempt(1).exit, Exit(code=0, ended=0.0))

    outcome, _ = see(lab, [pending(lab, 0), pending(lab, 1)], act, signals=signals)
    assert states(outcome) == [State.STOPPED]
    assert outcome.signal_code == 130
    assert [run.label for run in outcome.not_started] == ["Dropout s1"]


def test_a_hang_up_leaves_the_runs_alone(lab: Lab) -> None:
    signals = Interrupts()

    def act(_run: Run) -> None:
        signals.hung_up = True

    outcome, display = see(lab, [pending(lab, 0), pending(lab, 1)], act, signals=signals)
    assert outcome.signal_code == 129
    assert states(outcome) == [State.RUNNING]
    assert not outcome.runs[0].stop_requested
    assert display.messages == []


@pytest.mark.parametrize(("fail_fast", "started"), [(True, 1), (False, 3)])
def test_with_fail_fast_nothing_is_started_after_a_run_that_failed(lab: Lab, fail_fast: bool, started: int) -> None:
    def fail(run: Run) -> None:
        write_json(run.paths.result, make_result(outcome="failed"))
        write_json(run.paths.attempt(1).exit, Exit(code=1, ended=0.0))

    foreground = ForegroundRuns(lab, Placement((CPU,), 1, 1), Watched(fail), Interrupts(), fail_fast=fail_fast)
    outcome = foreground.run_all([pending(lab, seed) for seed in range(3)])
    assert states(outcome) == [State.FAILED] * started
    assert len(outcome.not_started) == 3 - started


def test_a_terminal_that_is_gone_counts_as_a_hang_up(lab: Lab) -> None:
    def act(_run: Run) -> None:
        raise OSError(5, "Input/output error")

    outcome, _ = see(lab, [pending(lab, 0), pending(lab, 1)], act)
    assert outcome.signal_code == 129
    assert len(outcome.not_started) == 1

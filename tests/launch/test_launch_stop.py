"""Stopping in stages: which process is asked, which gets a signal, and which never does."""

import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.errors import LabError
from labtui.launch.stop import SignalTarget, StageTimeouts, has_ended, kill, next_step, request_stop, stop, terminate
from labtui.launch.stop import Stage as Stopping
from labtui.store.files import read_json, write_json
from labtui.store.process import boot_id, process_id
from labtui.store.records import Launch, ProcessId, StopRequest
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.launch.stage import Stage, children_of, exit_of, is_there, launch_of, wait_until

AT_ONCE = StageTimeouts(asked=0.05, terminated=0.05, killed=30.0)


def rewrite(run: Run, **changes: object) -> None:
    """Forge the launch.json of the run's attempt."""
    path = run.paths.attempt(run.attempt).launch
    write_json(path, msgspec.structs.replace(read_json(path, Launch), **changes))


@pytest.fixture
def bystander() -> "subprocess.Popen[bytes]":
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def test_an_engine_that_is_asked_saves_and_exits(stage: Stage) -> None:
    run = stage.started("work")
    reports: list[str] = []

    assert stop(run, "a test", report=reports.append)

    assert stage.ended(run).state is State.STOPPED
    assert exit_of(run).code == 0
    assert reports == ["asked to finish the step and save; SIGTERM in 20s", "it has ended"]


def test_an_engine_that_refuses_is_killed_with_its_children(stage: Stage) -> None:
    run = stage.started("family_at_work")
    children = children_of(run)
    reports: list[str] = []

    assert stop(run, "a test", timeouts=AT_ONCE, report=reports.append)

    assert reports == [
        "asked to finish the step and save; SIGTERM in 1s",
        "SIGTERM sent; SIGKILL in 1s",
        "SIGKILL sent",
        "it has ended",
    ]
    assert exit_of(run).signal == signal.SIGKILL
    assert stage.ended(run).state is State.STOPPED
    wait_until(lambda: not any(map(is_there, children)))


def test_only_asking_sends_no_signal(stage: Stage) -> None:
    run = stage.started("refuse")

    assert not stop(run, "a test", timeouts=AT_ONCE, report=lambda _: None, until=Stopping.ASKED)

    assert not has_ended(run)
    assert kill(run).sent
    stage.ended(run)


def test_an_engine_without_its_supervisor_is_killed_with_its_children(stage: Stage) -> None:
    run = stage.started("family_at_work")
    children = children_of(run)
    launch = launch_of(run)
    os.kill(launch.parent.pid, signal.SIGKILL)
    wait_until(lambda: not is_there(launch.parent.pid))

    assert kill(run).sent

    wait_until(lambda: not any(map(is_there, [launch.engine.pid, *children])))


def test_the_first_request_stays(stage: Stage) -> None:
    run = stage.started("refuse")

    assert request_stop(run, "the first").sent
    assert not request_stop(run, "the second").sent

    path = run.paths.attempt(1).stop_request
    assert read_json(path, StopRequest).by == "the first"
    assert [one.name for one in path.parent.iterdir()] == ["stop.json"]
    kill(run)
    stage.ended(run)


def test_a_run_that_has_not_started_cannot_be_asked(stage: Stage) -> None:
    with pytest.raises(LabError, match="has not started"):
        request_stop(stage.run(), "a test")


def test_a_request_is_for_the_attempt_that_was_seen(stage: Stage) -> None:
    seen = stage.ended(stage.started("broken"))
    stage.start(seen, "work")
    later = stage.at_work(seen)

    request_stop(seen, "a test")
    assert not terminate(seen).sent
    assert not kill(seen).sent

    assert not has_ended(later)
    assert terminate(later).sent
    stage.ended(later)


def test_a_run_of_another_machine_is_only_asked(stage: Stage, bystander: "subprocess.Popen[bytes]") -> None:
    run = stage.ended(stage.started("broken"))
    run.paths.attempt(1).exit.unlink()
    rewrite(run, host="elsewhere", boot_id="another", engine=process_id(bystander.pid))
    reports: list[str] = []

    assert not stop(run, "a test", timeouts=AT_ONCE, report=reports.append)

    assert "another machine" in reports[-1]
    assert "elsewhere" in terminate(run).text
    assert run.paths.attempt(1).stop_request.exists()
    assert bystander.poll() is None


@pytest.mark.parametrize("forged", ["start_time", "boot_id", "host"])
def test_another_process_with_the_recorded_pid_never_gets_a_signal(
    stage: Stage, bystander: "subprocess.Popen[bytes]", forged: str
) -> None:
    run = stage.ended(stage.started("broken"))
    run.paths.attempt(1).exit.unlink()
    who = process_id(bystander.pid)
    if forged == "start_time":
        rewrite(run, engine=ProcessId(pid=who.pid, start_time=who.start_time - 100))
    else:
        rewrite(run, engine=who, **{"host": "elsewhere", "boot_id": "another"} if forged == "host" else {forged: "x"})

    assert not terminate(run).sent
    assert not kill(run).sent

    assert bystander.poll() is None


@pytest.mark.parametrize("pid", [-1, 0, 1, 2**31, pytest.param(os.getpid(), id="our own")])
def test_pids_that_mean_many_none_or_this_process_are_not_targets(pid: int) -> None:
    mine = process_id(os.getpid())
    assert SignalTarget.verified(ProcessId(pid=pid, start_time=mine.start_time), boot_id()) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another user")
def test_another_users_process_is_not_a_target() -> None:
    with subprocess.Popen(["sleep", "600"], user=65534) as process:
        assert SignalTarget.verified(process_id(process.pid), boot_id()) is None
        process.kill()


def test_no_descriptor_stays_open(stage: Stage, bystander: "subprocess.Popen[bytes]") -> None:
    before = sorted(Path("/proc/self/fd").iterdir())
    who = process_id(bystander.pid)
    assert SignalTarget.verified(ProcessId(pid=who.pid, start_time=1.0), boot_id()) is None
    assert SignalTarget.verified(who, boot_id()).terminate()
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_without_descriptors_of_processes_signals_still_go_only_to_verified_ones(
    monkeypatch: pytest.MonkeyPatch, bystander: "subprocess.Popen[bytes]"
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    target = SignalTarget.verified(process_id(bystander.pid), boot_id())
    assert target.kill()
    assert bystander.wait(30) == -signal.SIGKILL


def test_the_stages_follow_each_other_with_a_countdown() -> None:
    timeouts = StageTimeouts(asked=20, terminated=10, killed=5)

    def step(done: Stopping, since: float) -> tuple[Stopping | None, float]:
        found = next_step(done, since, ended=False, timeouts=timeouts)
        return found.act, found.wait

    assert step(Stopping.NOTHING, 0) == (Stopping.ASKED, 0)
    assert step(Stopping.ASKED, 12) == (None, 8)
    assert step(Stopping.ASKED, 20) == (Stopping.TERMINATED, 0)
    assert step(Stopping.TERMINATED, 9) == (None, 1)
    assert step(Stopping.TERMINATED, 10) == (Stopping.KILLED, 0)
    assert step(Stopping.KILLED, 4) == (None, 1)
    assert step(Stopping.KILLED, 5) == (None, math.inf)
    assert "SIGTERM in 8s" in next_step(Stopping.ASKED, 12, ended=False, timeouts=timeouts).text


@given(done=st.sampled_from(Stopping), since=st.floats(0, 1e6), here=st.booleans())
def test_stopping_never_skips_a_stage_and_never_acts_on_an_ended_run(done: Stopping, since: float, here: bool) -> None:
    assert next_step(done, since, ended=True, here=here).act is None
    act = next_step(done, since, ended=False, here=here).act
    assert act in (None, done + 1)
    if not here and done is not Stopping.NOTHING:
        assert act is None


def test_a_full_or_read_only_folder_is_reported(stage: Stage, tmp_path: Path) -> None:
    run = stage.ended(stage.started("broken"))
    gone = replace(run, folder=tmp_path / "gone")
    with pytest.raises(LabError, match="could not be asked to stop"):
        request_stop(gone, "a test")

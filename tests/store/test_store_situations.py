"""The state and the reason that are shown of a run in every situation, including forged files."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest

from labtui.store import process
from labtui.store.files import write_json
from labtui.store.lock import hold
from labtui.store.observer import Observer
from labtui.store.records import Exit, ProcessId, StopRequest
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.store import Store
from tests.support.samples import gone_process, make_beat, make_launch, make_result, write_run


class Clock:
    """A monotonic clock that the test sets."""

    def __init__(self) -> None:
        self.now = 50_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Store:
    return Store(tmp_path, observer=Observer(clock))


def only(store: Store) -> Run:
    (run,) = store.scan()
    return run


@pytest.fixture
def engine() -> Iterator["subprocess.Popen[bytes]"]:
    code = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        yield child
        child.kill()


def test_a_run_from_claim_to_result(store: Store, tmp_path: Path, clock: Clock) -> None:
    paths = write_run(tmp_path / "a")
    assert only(store).state is State.QUEUED
    with hold(paths.lock):
        write_run(tmp_path / "a", attempt=1)
        assert (only(store).state, only(store).attempt) == (State.STARTING, 1)
        write_json(paths.attempt(1).launch, make_launch(engine=None))
        assert only(store).state is State.STARTING
        write_json(paths.attempt(1).launch, make_launch())
        write_json(paths.beat, make_beat(phase="loading"))
        assert only(store).state is State.STARTING
        write_json(paths.beat, make_beat(counter=8))
        clock.now += 9
        assert (only(store).state, only(store).reason) == (State.RUNNING, "")
        write_json(paths.result, make_result(reason="all 10 epochs"))
        assert (only(store).state, only(store).reason) == (State.FINISHED, "all 10 epochs")
    assert only(store).state is State.FINISHED


def test_an_engine_without_heartbeats_is_stalled_and_running_again_with_the_next_one(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    paths = write_run(tmp_path / "a", launch=make_launch(), beat=make_beat())
    with hold(paths.lock):
        assert only(store).state is State.RUNNING
        clock.now += 9.9
        assert only(store).state is State.RUNNING
        clock.now += 0.2
        assert (only(store).state, only(store).reason) == (
            State.STALLED,
            "no heartbeat for 10s: busy or suspended",
        )
        write_json(paths.beat, make_beat(counter=8))
        assert only(store).state is State.RUNNING


def test_a_suspended_engine_is_stalled_never_lost(
    store: Store, tmp_path: Path, clock: Clock, engine: "subprocess.Popen[bytes]"
) -> None:
    launch = make_launch(engine=process.process_id(engine.pid))
    paths = write_run(tmp_path / "a", launch=launch, beat=make_beat())
    os.kill(engine.pid, signal.SIGSTOP)
    with hold(paths.lock):
        only(store)
        clock.now += 3600
        assert only(store).state is State.STALLED
    assert only(store).state is State.STALLED, "also without its supervisor: the process exists"


def test_a_killed_supervisor_with_a_living_engine_is_not_lost(
    store: Store, tmp_path: Path, engine: "subprocess.Popen[bytes]"
) -> None:
    launch = make_launch(parent=gone_process(), engine=process.process_id(engine.pid))
    write_run(tmp_path / "a", launch=launch, beat=make_beat())
    assert (only(store).state, only(store).reason) == (
        State.RUNNING,
        "its supervisor has exited: the engine saves and stops",
    )
    engine.kill()
    engine.wait()
    assert (only(store).state, only(store).reason) == (State.LOST, "the engine and its supervisor were killed")


def test_a_zombie_engine_without_a_supervisor_is_lost(
    store: Store, tmp_path: Path, engine: "subprocess.Popen[bytes]"
) -> None:
    launch = make_launch(parent=gone_process(), engine=process.process_id(engine.pid))
    write_run(tmp_path / "a", launch=launch, beat=make_beat())
    os.kill(engine.pid, signal.SIGKILL)
    os.waitid(os.P_PID, engine.pid, os.WEXITED | os.WNOWAIT)
    assert only(store).state is State.LOST


def test_a_zombie_engine_whose_supervisor_is_about_to_record_it_is_not_lost(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    paths = write_run(tmp_path / "a", launch=make_launch(engine=gone_process()), beat=make_beat())
    with hold(paths.lock):
        assert (only(store).state, only(store).reason) == (State.RUNNING, "the engine has exited")
        clock.now += 11
        assert only(store).state is State.STALLED
        write_json(paths.attempt(1).exit, Exit(signal=signal.SIGKILL, ended=0.0))
        assert (only(store).state, only(store).reason) == (
            State.FAILED,
            "the engine was killed by SIGKILL, perhaps because memory ran out",
        )


def test_runs_of_a_machine_that_was_restarted_are_lost(store: Store, tmp_path: Path) -> None:
    write_run(tmp_path / "a", launch=make_launch(boot_id="the boot before"), beat=make_beat())
    assert (only(store).state, only(store).reason) == (State.LOST, "the machine was restarted")


def test_the_heartbeat_of_a_machine_of_the_same_name_is_trusted(store: Store, tmp_path: Path, clock: Clock) -> None:
    paths = write_run(tmp_path / "a", launch=make_launch(boot_id="the other one's boot"), beat=make_beat())
    only(store)
    for counter in range(8, 12):
        write_json(paths.beat, make_beat(counter=counter))
        clock.now += 5
        assert only(store).state is State.RUNNING


def test_the_state_of_a_run_on_another_machine_follows_its_heartbeat_alone(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    launch = make_launch(host="node7", boot_id="node7's boot", engine=gone_process(), parent=gone_process())
    paths = write_run(tmp_path / "a", launch=launch, beat=make_beat())
    assert (only(store).state, only(store).reason) == (State.RUNNING, "on node7, no progress seen yet")
    clock.now += 29
    write_json(paths.beat, make_beat(counter=8))
    assert (only(store).state, only(store).reason) == (State.RUNNING, "")
    clock.now += 31
    assert (only(store).state, only(store).reason) == (State.STALLED, "no heartbeat from node7 for 31s")
    clock.now += 1_000_000
    assert only(store).state is State.STALLED, "never lost from here"


def test_a_laptop_whose_name_changed_still_knows_its_own_runs(store: Store, tmp_path: Path) -> None:
    write_run(tmp_path / "a", launch=make_launch(host="laptop.cafe", engine=gone_process(), parent=gone_process()))
    assert only(store).state is State.LOST


WRONG = {"an hour on": 3600.0, "an hour back": -3600.0, "decades on": 1e9, "decades back": -1e9, "10 minutes on": 600.0}
"""By how many seconds a clock is off."""


@pytest.mark.parametrize("place", ["here", "on another machine"])
@pytest.mark.parametrize("jump", WRONG.values(), ids=WRONG)
def test_a_clock_that_jumps_changes_nothing(
    store: Store, tmp_path: Path, clock: Clock, jump: float, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K17: the writer's clock (its files' times and records) and the reader's wall clock, minutes or decades off."""
    import time

    launch = make_launch(started=time.time() + jump)
    if place != "here":
        launch = msgspec.structs.replace(launch, host="elsewhere", boot_id="another")
    paths = write_run(tmp_path / "a", launch=launch, beat=make_beat())
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    with hold(paths.lock) if place == "here" else nullcontext():
        for counter in range(8, 14):
            write_json(paths.beat, make_beat(counter=counter))
            os.utime(paths.beat, (max(0.0, real() + jump),) * 2)
            clock.now += 5
            assert only(store).state is State.RUNNING
        clock.now += 31
        assert only(store).state is State.STALLED, "silence is counted, whatever the clocks say"
        write_json(paths.beat, make_beat(counter=20))
        assert only(store).state is State.RUNNING


def test_a_result_of_an_earlier_attempt_does_not_count(store: Store, tmp_path: Path) -> None:
    paths = write_run(tmp_path / "a", launch=make_launch(), result=make_result(outcome="stopped"))
    assert only(store).state is State.STOPPED
    write_run(tmp_path / "a", launch=make_launch(attempt=2), beat=make_beat(attempt=2))
    with hold(paths.lock):
        run = only(store)
        assert (run.state, run.attempt, run.result) == (State.RUNNING, 2, None)


def test_a_beat_of_an_earlier_attempt_does_not_count(store: Store, tmp_path: Path, clock: Clock) -> None:
    paths = write_run(tmp_path / "a", launch=make_launch(attempt=2), beat=make_beat(attempt=1))
    with hold(paths.lock):
        assert (only(store).state, only(store).beat) == (State.STARTING, None)
        clock.now += 59
        assert only(store).state is State.STARTING
        clock.now += 2
        assert only(store).state is State.STALLED


@pytest.mark.parametrize(
    ("ended", "asked", "state", "message"),
    [
        (Exit(signal=signal.SIGKILL, ended=0.0), False, State.FAILED, "SIGKILL, perhaps because memory ran out"),
        (Exit(signal=signal.SIGSEGV, ended=0.0), True, State.FAILED, "SIGSEGV"),
        (Exit(signal=250, ended=0.0), False, State.FAILED, "signal 250"),
        (Exit(signal=signal.SIGKILL, ended=0.0), True, State.STOPPED, "stopped by SIGKILL after a request to stop"),
        (Exit(code=1, ended=0.0), False, State.FAILED, "without a result (exit code 1)"),
        (Exit(code=3, ended=0.0), False, State.FAILED, "a package: see the log (exit code 3)"),
    ],
)
def test_an_end_without_a_result_is_reported_with_its_reason(
    store: Store, tmp_path: Path, ended: Exit, asked: bool, state: State, message: str
) -> None:
    paths = write_run(tmp_path / "a", launch=make_launch(engine=gone_process()), beat=make_beat(), exit=ended)
    if asked:
        write_json(paths.attempt(1).stop_request, StopRequest(by="me", when=0.0))
    run = only(store)
    assert (run.state, run.stop_requested) == (state, asked)
    assert message in run.reason


def test_on_a_disk_without_locks_the_supervisors_pid_decides(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labtui.store.load_run.probe", lambda _: "unknown")
    write_run(tmp_path / "a", launch=make_launch(), beat=make_beat())
    assert only(store).state is State.RUNNING
    write_run(tmp_path / "a", launch=make_launch(attempt=2, parent=gone_process(), engine=gone_process()))
    assert only(store).state is State.LOST


def test_on_a_disk_that_grants_every_lock_a_living_supervisor_is_trusted(store: Store, tmp_path: Path) -> None:
    write_run(tmp_path / "a", launch=make_launch(), beat=make_beat())
    assert only(store).state is State.RUNNING


def test_a_run_that_ends_during_a_scan_is_never_lost(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor releases its lock right before or after it is probed: the run has ended, it is not lost."""
    for moment in ("before", "after"):
        launch = make_launch(engine=gone_process(), parent=gone_process())
        paths = write_run(tmp_path / moment, launch=launch, beat=make_beat())

        def ending(path: Path, moment: str = moment, result: Path = paths.result) -> str:
            write_json(result, make_result())
            return "free" if moment == "before" else "held"

        with monkeypatch.context() as patch:
            patch.setattr("labtui.store.load_run.probe", ending)
            assert store.get(moment).state is State.FINISHED


LIVING = {"this process": os.getpid(), "its parent": os.getppid(), "the first process": 1}


def forged() -> Iterator[tuple[str, dict[str, object], State]]:
    """20 forged launch files, each with a forged heartbeat: none makes a dead run look alive for long."""
    ours = process.process_id(os.getpid())
    assert ours
    for whose, pid in LIVING.items():  # the names of tests must not change from process to process
        yield f"pid of {whose}", {"engine": ProcessId(pid=pid, start_time=3.0)}, State.LOST
    for pid in (0, -1, 2**31, 2**62, 10**30):
        yield f"pid {pid}", {"engine": ProcessId(pid=pid, start_time=3.0)}, State.LOST
    starts = {
        "zero": 0.0,
        "negative": -1.0,
        "earlier": ours.start_time - 2,
        "later": ours.start_time + 2,
        "huge": 1e300,
    }
    for which, start in starts.items():
        yield f"start time {which}", {"engine": ProcessId(pid=ours.pid, start_time=start)}, State.LOST
    yield "another boot", {"engine": ours, "boot_id": "forged"}, State.LOST
    yield "no boot", {"engine": ours, "boot_id": ""}, State.LOST
    yield "no engine", {"engine": None}, State.LOST
    yield "an attempt that is not this one", {"engine": gone_process(), "attempt": 1}, State.LOST
    yield "another host", {"engine": ours, "host": "node7", "boot_id": "x"}, State.STALLED
    yield "a host with an escape sequence", {"engine": ours, "host": "\x1b]0;pwned\x07", "boot_id": "x"}, State.STALLED
    yield "a day in the future", {"engine": gone_process(), "started": 1e12}, State.LOST


FORGED = list(forged())


def test_there_are_twenty_forged_launches() -> None:
    assert len(FORGED) == 20


@pytest.mark.parametrize(("changes", "state"), [one[1:] for one in FORGED], ids=[one[0] for one in FORGED])
def test_a_forged_launch_never_makes_a_dead_run_look_alive_for_long(
    store: Store, tmp_path: Path, clock: Clock, changes: dict[str, object], state: State
) -> None:
    launch = make_launch(**({"parent": gone_process()} | changes))
    write_run(tmp_path / "a", launch=launch, beat=make_beat(counter=2**70, step=-5, eta=1e308, epochs=-1))
    only(store)
    clock.now += 61
    run = only(store)
    assert run.state is state
    assert run.reason.isprintable()


def test_forged_names_of_attempts_are_ignored(store: Store, tmp_path: Path) -> None:
    paths = write_run(tmp_path / "a", launch=make_launch(), result=make_result())
    for name in ("0", "000", "-1", "0002", "1e3", "٣", "9" * 200, "..x", "abc"):
        (paths.attempts / name).mkdir()
    (paths.attempts / "002").symlink_to(paths.attempts / "001")
    run = only(store)
    assert run.attempt == 1
    assert run.spec is not None


def test_a_foreign_run_is_live_while_it_is_seen_to_grow(store: Store, tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "lightning_logs" / "version_0"
    folder.mkdir(parents=True)
    events = folder / "events.out.tfevents.1.host"
    events.write_bytes(b"1")
    assert only(store).state is State.QUIET, "that it grew before we looked is not known"
    for moment in itertools.count(2):
        events.write_bytes(b"1" * moment)
        clock.now += 20
        assert only(store).state is State.LIVE
        if moment == 5:
            break
    clock.now += 29
    assert only(store).state is State.LIVE
    clock.now += 2
    assert only(store).state is State.QUIET

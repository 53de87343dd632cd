"""The queue runner: one per runs folder, can be killed at any moment, exits when nothing waits."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from labtui.errors import MachineError
from labtui.launch.environment import importable_environment, usable_cores
from labtui.launch.order import Claimed
from labtui.launch.queue import entries, requeue
from labtui.launch.queue.entries import QueueEntry, failed_entries, set_aside, waiting_entries
from labtui.launch.queue.runner import Dispatcher, count_unattended, ensure_runner, is_running, log_path, serve
from labtui.launch.queue.ticket import signed
from labtui.launch.slots import acquire, slots_folder
from labtui.launch.stop import kill, request_stop, terminate
from labtui.store.files import write_json
from labtui.store.records import ORPHANED
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.launch.stage import CPU, HERE, Stage, breaches, engines, launch_of, wait_until
from tests.support.samples import make_result

RUNNER = str(HERE / "runner.py")


def enqueue(stage: Stage, run: Run, **options: object) -> QueueEntry:
    return entries.enqueue(stage.root, run, device="cpu", **{"threads": 1, "data_root": stage.root, **options})


def ensure(stage: Stage, mode: str, *, requeue_lost: bool | None = None) -> bool:
    return ensure_runner(stage.root, requeue_lost=requeue_lost, program=("-P", RUNNER, mode))


def runners(root: Path) -> list[int]:
    """The pids of this folder's queue runners that are alive."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        if RUNNER in words and str(root) in words and child.status() != psutil.STATUS_ZOMBIE:
            found.append(child.pid)
    return found


def test_a_runner_starts_what_waits_and_ends_when_nothing_does(stage: Stage) -> None:
    runs = [stage.run() for _ in range(4)]
    for run in runs:
        enqueue(stage, run)

    assert ensure(stage, "brief")

    for run in runs:
        assert stage.ended(run).state is State.FINISHED
    wait_until(lambda: not runners(stage.root))
    assert waiting_entries(stage.root) == failed_entries(stage.root) == ()
    assert [engines(run) for run in runs] == [{"1": 1}] * 4


def test_the_installed_runner_starts_and_logs_what_went_wrong(stage: Stage) -> None:
    """Everything as installed; its entry requests a device that no machine has."""
    run = stage.run()
    entry = enqueue(stage, run)
    write_json(entry.path, signed(msgspec.structs.replace(entry.ticket, device="cuda:99")))

    assert ensure_runner(stage.root)

    wait_until(lambda: failed_entries(stage.root))
    assert "There is no cuda:99" in failed_entries(stage.root)[0].reason
    wait_until(lambda: "moved to the failed entries" in log_path(stage.root).read_text())


def test_runs_continue_when_their_runner_is_killed_and_the_next_runner_takes_over(stage: Stage) -> None:
    runs = [stage.run() for _ in range(usable_cores() + 2)]
    for run in runs:
        enqueue(stage, run)
    ensure(stage, "work")
    started = stage.some_at_work(runs, usable_cores())

    (runner,) = runners(stage.root)
    os.kill(runner, signal.SIGKILL)
    # The kernel empties the command line of a process that exits before it releases the locks.
    wait_until(lambda: not runners(stage.root) and not is_running(stage.root))
    assert all(stage.store.get(run.id).state.is_active for run in started)

    assert ensure(stage, "work")
    for run in runs:
        stage.at_work(run)
        terminate(stage.store.get(run.id))
        stage.ended(run)
    wait_until(lambda: not runners(stage.root))
    assert [engines(run) for run in runs] == [{"1": 1}] * len(runs)


def test_one_runner_at_a_time_however_many_are_started(stage: Stage) -> None:
    slot = acquire(CPU, 99)
    runs = [stage.run() for _ in range(3)]
    for run in runs:
        enqueue(stage, run)

    starters = [
        subprocess.Popen(
            [sys.executable, "-P", RUNNER, "brief", str(stage.root)],
            env=importable_environment(os.environ),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    said = [starter.communicate()[0] for starter in starters]

    assert said == ["ready\n"] * 6
    wait_until(lambda: len(runners(stage.root)) == 1)
    assert not ensure(stage, "brief")
    slot.close()
    for run in runs:
        stage.ended(run)
    wait_until(lambda: not runners(stage.root))
    assert [engines(run) for run in runs] == [{"1": 1}] * 3


def test_an_entry_made_while_a_runner_ends_is_never_left_behind(stage: Stage) -> None:
    runs = [stage.run() for _ in range(10)]
    for run in runs:
        enqueue(stage, run)
        ensure(stage, "brief", requeue_lost=False)
        wait_until(lambda run=run: engines(run))
    wait_until(lambda: not runners(stage.root) and not waiting_entries(stage.root))
    assert [engines(run) for run in runs] == [{"1": 1}] * 10


def test_an_entry_made_while_the_lock_is_released_is_started(stage: Stage) -> None:
    """The moment is extended: the lock's own release enqueues."""
    run = stage.run()
    started: list[Path] = []

    class LateLock:
        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            enqueue(stage, run)

    def launch(folder: Path, *, attempt: int, **_: object) -> Claimed:
        started.append(folder)
        return Claimed(attempt=attempt)

    serve(stage.root, LateLock(), Dispatcher(stage.root, launch, lambda _: None), lambda: False)

    assert started == [run.folder]
    assert waiting_entries(stage.root) == ()


def test_a_runner_that_is_asked_to_exit_leaves_the_queue_as_it_is(stage: Stage) -> None:
    slot = acquire(CPU, 99)
    run = stage.run()
    enqueue(stage, run)
    ensure(stage, "brief")
    (runner,) = runners(stage.root)

    os.kill(runner, signal.SIGHUP)
    os.kill(runner, signal.SIGTERM)

    wait_until(lambda: not runners(stage.root))
    assert [entry.run for entry in waiting_entries(stage.root)] == [run.id]
    slot.close()


def test_lost_runs_are_resumed_when_a_runner_starts_unless_switched_off(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, asked, killed = (stage.started("refuse", threads=2) for _ in range(3))
    broken = stage.started("broken")
    request_stop(asked, "a test")
    for run in (lost, asked):
        launch = launch_of(run)
        os.kill(launch.parent.pid, signal.SIGKILL)
        os.kill(launch.engine.pid, signal.SIGKILL)
    kill(killed)
    states = [stage.ended(run).state for run in (lost, asked, killed, broken)]
    assert states == [State.LOST, State.LOST, State.FAILED, State.FAILED]

    monkeypatch.setenv("LABTUI_RESUME_LOST", "no")
    ensure(stage, "brief")
    wait_until(lambda: not runners(stage.root))
    assert stage.store.get(lost.id).state is State.LOST

    monkeypatch.delenv("LABTUI_RESUME_LOST")
    ensure(stage, "brief")
    wait_until(lambda: not runners(stage.root))

    for run in (lost, killed):
        assert stage.ended(run).state is State.FINISHED
        assert (launch_of(run).resume, launch_of(run).threads, launch_of(run).attempt) == (True, 2, 2)
    assert [run.paths.attempt_numbers() for run in (asked, broken)] == [[1], [1]]


def test_a_run_that_stopped_because_its_supervisor_was_killed_is_requeued(stage: Stage) -> None:
    run = stage.started("refuse")
    os.kill(launch_of(run).parent.pid, signal.SIGKILL)
    write_json(run.paths.result, make_result(outcome="stopped", reason=ORPHANED))
    os.kill(launch_of(run).engine.pid, signal.SIGKILL)
    assert stage.ended(run).state is State.STOPPED

    requeue.requeue_lost_runs(stage.root, lambda _: None)

    assert [entry.run for entry in waiting_entries(stage.root)] == [run.id]


def test_a_run_that_is_lost_again_and_again_is_not_requeued(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requeue, "MAX_ATTEMPTS", 1)
    run = stage.started("refuse")
    for who in (launch_of(run).parent, launch_of(run).engine):
        os.kill(who.pid, signal.SIGKILL)
    assert stage.ended(run).state is State.LOST

    requeue.requeue_lost_runs(stage.root, lambda _: None)

    assert waiting_entries(stage.root) == ()


def test_a_run_whose_engine_is_killed_again_and_again_is_not_requeued(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requeue, "MAX_KILLED", 1)
    run = stage.started("refuse")
    kill(run)
    assert stage.ended(run).state is State.FAILED

    requeue.requeue_lost_runs(stage.root, lambda _: None)

    assert waiting_entries(stage.root) == ()


def test_a_lost_run_that_could_not_be_resumed_is_not_tried_at_every_start_of_a_runner(stage: Stage) -> None:
    run = stage.started("refuse")
    for who in (launch_of(run).parent, launch_of(run).engine):
        os.kill(who.pid, signal.SIGKILL)
    assert stage.ended(run).state is State.LOST
    requeue.requeue_lost_runs(stage.root, lambda _: None)
    set_aside(waiting_entries(stage.root)[0], "there is no such device")

    requeue.requeue_lost_runs(stage.root, lambda _: None)

    assert waiting_entries(stage.root) == ()
    assert len(failed_entries(stage.root)) == 1


def test_a_queue_without_a_runner_is_noticed(stage: Stage) -> None:
    slot = acquire(CPU, 99)
    enqueue(stage, stage.run())
    assert count_unattended(stage.root) == 1
    ensure(stage, "brief")
    assert count_unattended(stage.root) == 0
    (runner,) = runners(stage.root)
    os.kill(runner, signal.SIGKILL)
    wait_until(lambda: count_unattended(stage.root) == 1)
    assert runners(stage.root) == []
    slot.close()


def test_a_runner_that_does_not_start_is_reported(stage: Stage) -> None:
    with pytest.raises(MachineError, match="no module named labtui"):
        ensure_runner(stage.root, program=("-c", "raise ImportError('no module named labtui')"))


def test_two_runs_folders_share_the_cores(stage: Stage, tmp_path: Path) -> None:
    other = Stage(tmp_path / "other runs")
    here, there = stage.run(), other.run()
    enqueue(stage, here, threads=99)
    ensure(stage, "work")
    stage.at_work(here)
    enqueue(other, there, threads=1)
    ensure(other, "work")

    assert runners(other.root)
    assert there.paths.attempt_numbers() == []

    terminate(stage.store.get(here.id))
    stage.ended(here)
    other.at_work(there)
    terminate(other.store.get(there.id))
    other.ended(there)


@pytest.mark.skipif(usable_cores() < 2, reason="with one core, every run needs all of them")
def test_a_run_that_needs_all_cores_gets_its_turn_beside_a_folder_full_of_small_ones(
    stage: Stage, tmp_path: Path
) -> None:
    other, cores = Stage(tmp_path / "other runs"), usable_cores()
    small, big = [stage.run() for _ in range(cores + 2)], other.run()
    for run in small:
        enqueue(stage, run)
    ensure(stage, "work")
    for run in small[:cores]:
        stage.at_work(run)
    wait_until(lambda: len(waiting_places()) == 1)
    enqueue(other, big, threads=cores)
    ensure(other, "work")
    wait_until(lambda: len(waiting_places()) == 2)

    end(stage, small[0])
    stage.at_work(small[cores])
    for run in small[1 : cores + 1]:
        end(stage, run)

    other.at_work(big)
    assert engines(small[-1]) == {}, "it came after the one that needs all cores"
    end(other, big)
    end(stage, stage.at_work(small[-1]))
    wait_until(lambda: not runners(stage.root) and not runners(other.root))
    assert waiting_places() == []


def waiting_places() -> list[Path]:
    """The places in the waiting list for device slots."""
    return list((slots_folder() / "line").glob("*"))


def end(stage: Stage, run: Run) -> None:
    terminate(stage.store.get(run.id))
    stage.ended(run)


def kill_runners_while(stage: Stage, runs: list[Run], random_kills: int, done: Callable[[], bool]) -> None:
    chance = random.Random(7)
    kills = 0
    while not done() or kills < random_kills:
        ensure(stage, "brief", requeue_lost=False)
        for pid in runners(stage.root):
            if kills < random_kills and chance.random() < 0.7:
                kills += 1
                os.kill(pid, signal.SIGKILL)
        if done() and kills < random_kills:
            run = stage.run()
            runs.append(run)
            enqueue(stage, run)


@pytest.mark.parametrize("kills", [15, pytest.param(200, marks=(pytest.mark.long, pytest.mark.timeout(1800)))])
def test_a_queue_survives_the_killing_of_its_runners(stage: Stage, kills: int) -> None:
    runs = [stage.run() for _ in range(4)]
    for run in runs:
        enqueue(stage, run)

    kill_runners_while(stage, runs, kills, lambda: not waiting_entries(stage.root))

    for run in runs:
        assert stage.ended(run).state is State.FINISHED
    assert failed_entries(stage.root) == ()
    assert [engines(run) for run in runs] == [{"1": 1}] * len(runs)
    assert not any(map(breaches, runs))
    wait_until(lambda: not runners(stage.root))

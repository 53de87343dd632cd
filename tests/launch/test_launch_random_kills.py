"""Many engines and supervisors killed or suspended, two consoles, killed claimers: nothing is lost or duplicated."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labtui.launch.claim import Refusal, claim
from labtui.launch.environment import importable_environment
from labtui.launch.order import Order
from labtui.launch.stop import request_stop, terminate
from labtui.store.lock import probe
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.launch.stage import Stage, breaches, engines, exit_of, is_there, launch_of, pids, wait_until
from tests.support.processes import environment

ABREAST = 5
LONG = (pytest.mark.long, pytest.mark.timeout(1800))


def in_batches(stage: Stage, count: int, mode: str = "work") -> list[Run]:
    """New running runs, started a few at a time."""
    runs = [stage.run() for _ in range(count)]
    for place in range(0, count, ABREAST):
        for run in runs[place : place + ABREAST]:
            stage.start(run, mode)
        yield [stage.at_work(run) for run in runs[place : place + ABREAST]]


def refused(run: Run) -> str:
    order = Order(attempt=run.attempt + 1, device="cpu", threads=1, data_root="/", timeout=0.0)
    with pytest.raises(Refusal) as error:
        claim(run.paths, order)
    return error.value.why


@pytest.mark.parametrize("count", [50])
def test_killed_engines_are_recorded_as_killed_and_leave_the_run_startable(stage: Stage, count: int) -> None:
    for runs in in_batches(stage, count):
        for run in runs:
            os.kill(launch_of(run).engine.pid, signal.SIGKILL)
        for run in runs:
            ended = stage.ended(run)
            assert (ended.state, exit_of(run).signal) == (State.FAILED, signal.SIGKILL)
            assert "SIGKILL" in ended.reason
            assert probe(run.paths.lock) == "free"


@pytest.mark.parametrize("count", [20])
def test_engines_of_killed_supervisors_save_and_exit_and_their_runs_can_be_resumed(stage: Stage, count: int) -> None:
    for runs in in_batches(stage, count):
        for run in runs:
            os.kill(launch_of(run).parent.pid, signal.SIGKILL)
        for run in runs:
            assert stage.ended(run).state is State.STOPPED
            assert stage.start(run, "brief", resume=True).attempt == 2
        for run in runs:
            assert stage.ended(run).state is State.FINISHED
            assert engines(run) == {"1": 1, "2": 1}
            assert not breaches(run)


@pytest.mark.parametrize("count", [20])
def test_suspended_engines_are_never_taken_for_dead(stage: Stage, count: int) -> None:
    for runs in in_batches(stage, count):
        for run in runs:
            os.kill(launch_of(run).engine.pid, signal.SIGSTOP)
        for run in runs:
            assert stage.store.get(run.id).state.is_active
            assert refused(run) == "running"
            assert request_stop(run, "a test").sent
        for run in runs:
            os.kill(launch_of(run).engine.pid, signal.SIGCONT)
        for run in runs:
            assert stage.ended(run).state is State.STOPPED
            assert engines(run) == {"1": 1}


@pytest.mark.parametrize("count", [20, pytest.param(300, marks=LONG)])
def test_a_supervisor_killed_at_any_moment_leaves_no_unrecorded_engine(stage: Stage, count: int) -> None:
    chance = random.Random(11)
    for _ in range(count):
        run = stage.run()
        stage.start(run, "work")
        parent = launch_of(run).parent.pid
        for _ in range(chance.randrange(300)):
            probe(run.paths.lock)  # as much time as that takes: the engine is forked and recorded meanwhile
        os.kill(parent, signal.SIGKILL)
        wait_until(lambda parent=parent: not is_there(parent))

        recorded = launch_of(run).engine

        if recorded is None:
            assert stage.ended(run).state is State.LOST
            assert engines(run) == {}
        wait_until(lambda run=run: not any(map(is_there, pids(run))))
        stage.start(run, "brief")
        stage.ended(run)
        assert not breaches(run)


def test_an_engine_whose_supervisor_dies_before_recording_it_never_begins(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    parent = (
        "import os, sys\n"
        "from labtui.launch.supervisor import EngineProcess\n"
        "print(EngineProcess(['/bin/sh', '-c', f'echo began > {sys.argv[1]}'], {}).pid, flush=True)\n"
        "os._exit(0)"
    )
    command = [sys.executable, "-c", parent, str(marker)]
    said = subprocess.run(command, env=importable_environment(os.environ), capture_output=True, text=True, check=True)

    wait_until(lambda: not is_there(int(said.stdout)))
    assert not marker.exists()


@pytest.mark.parametrize("clicks", [100, pytest.param(1000, marks=LONG)])
def test_two_consoles_that_act_at_random_never_start_two_engines(stage: Stage, clicks: int) -> None:
    runs = [stage.run() for _ in range(10)]
    consoles = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.launch.random_clicks", str(stage.root), str(seed), str(clicks)],
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    said = [console.communicate()[0] for console in consoles]
    assert [console.returncode for console in consoles] == [0, 0]

    for run in map(stage.store.get, [run.id for run in runs]):
        if run.state.is_active:
            terminate(run) if run.launch and run.launch.engine else request_stop(run, "a test")
        if run.attempt:
            wait_until(lambda run=run: not any(map(is_there, pids(run))))
    for run in runs:
        numbers = run.paths.attempt_numbers()
        assert numbers == list(range(1, len(numbers) + 1))
        assert set(engines(run).values()) <= {1}
        assert set(map(int, engines(run))) <= set(numbers)
        assert not breaches(run)
    assert sum(len(engines(run)) for run in runs) > clicks // 5
    lines = [line for text in said for line in text.splitlines()]
    # The other console may kill a supervisor that has recorded itself and not answered its starter yet.
    unanswered = [line for line in lines if "exited without reporting" in line]
    assert {line.split()[1] for line in lines if line not in unanswered} <= {"AlreadyRunning"}
    assert len(unanswered) <= clicks // 20


@pytest.mark.parametrize("kills", [80, pytest.param(500, marks=LONG)])
def test_claimers_that_are_killed_never_block_a_run_and_never_share_it(stage: Stage, kills: int) -> None:
    run = stage.run()
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.launch.rival_claimers", str(run.folder), str(kills)],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    claimed = done.stdout.split("\n")[:-1]
    assert "two holders" not in claimed
    assert len(set(claimed)) == len(claimed) > kills
    assert done.stderr == ""
    assert stage.start(run, "brief").attempt == len(run.paths.attempt_numbers())
    stage.ended(run)

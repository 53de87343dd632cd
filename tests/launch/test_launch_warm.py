"""Runs that start from a process which has the engine loaded: nobody can tell them from others, and nothing breaks."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest

from labtui.launch.daemonize import ExitWatcher
from labtui.launch.fork_server.client import ForkServerPool, ForkServerProcess, is_worthwhile, with_fork_server
from labtui.launch.fork_server.server import retitle
from labtui.launch.launcher import Interpreter, start
from labtui.launch.order import Claimed
from labtui.launch.queue.entries import enqueue, waiting_entries
from labtui.launch.queue.runner import Dispatcher
from labtui.launch.slots import acquire
from labtui.launch.stop import request_stop
from labtui.spec import Cnn, Training
from labtui.store.lock import probe
from labtui.store.process import alive
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.launch.forked import loaded, program, start_warm
from tests.support.launch.stage import (
    CPU,
    SPEC,
    Stage,
    breaches,
    children_of,
    engines,
    exit_of,
    fake_interpreter,
    is_there,
    launch_of,
    log_of,
    pids,
    wait_until,
)
from tests.support.processes import ROOT, environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux are runs started warm")

GPU = replace(CPU, name="cuda:0", uuid="GPU-0a1b")


@pytest.mark.parametrize(
    ("mode", "code", "number", "state"),
    [
        ("brief", 0, None, State.FINISHED),
        ("broken", 1, None, State.FAILED),
        ("crash", None, signal.SIGSEGV, State.FAILED),
    ],
)
def test_how_a_forked_engine_ended_is_written_down(
    stage: Stage, mode: str, code: int | None, number: int | None, state: State
) -> None:
    with loaded(mode) as warm:
        runs = [start_warm(stage, warm) for _ in range(3)]
        for run in runs:
            assert stage.ended(run).state is state
            assert (exit_of(run).code, exit_of(run).signal) == (code, number)
            assert probe(run.paths.lock) == "free"
            assert breaches(run) == []
        assert ("ValueError: a fault of the engine" in log_of(runs[0])) is (mode == "broken")


def test_a_forked_engine_has_what_a_cold_one_has(stage: Stage) -> None:
    cold = stage.started("surroundings", threads=2)
    stage.ended(cold)
    with loaded("surroundings", threads=2) as warm:
        forked = start_warm(stage, warm, threads=2)
        stage.ended(forked)

    def seen(run: Run) -> dict[str, object]:
        return json.loads((run.folder / "surroundings.json").read_text().replace(str(run.folder), "RUN"))

    was, now = seen(cold), seen(forked)
    for key in ("environment", "stdin", "stdout", "open"):
        assert now[key] == was[key], key
    assert now["environment"]["OMP_NUM_THREADS"] == now["environment"]["OPENBLAS_NUM_THREADS"] == "2"
    assert now["argv"][1:] == ["surroundings", "RUN"]
    assert now["group"] == now["pid"]
    assert now["session"] == now["parents_group"] == now["parent"] != os.getsid(0)


def test_what_is_recorded_of_a_forked_run_is_what_ps_shows(stage: Stage) -> None:
    if not _can_retitle():
        pytest.skip("this kernel lets no process change its command line")
    with loaded("work") as warm:
        run = stage.at_work(start_warm(stage, warm))
        launch = launch_of(run)

        assert tuple(psutil.Process(launch.engine.pid).cmdline()) == launch.argv
        shown = psutil.Process(launch.parent.pid).cmdline()
        assert shown[:5] == [launch.python, "-P", "-m", "labtui.launch.supervisor", str(run.folder)]
        assert psutil.Process(launch.engine.pid).ppid() == launch.parent.pid
        assert alive(launch.parent, launch.boot_id)
        assert alive(launch.engine, launch.boot_id)
        request_stop(run, "a test")
        stage.ended(run)


def _can_retitle() -> bool:
    code = "import sys; from labtui.launch.fork_server.server import retitle; sys.exit(not retitle(['x']))"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_command_line_of_any_bytes_is_shown(tmp_path: Path) -> None:
    if not _can_retitle():
        pytest.skip("this kernel lets no process change its command line")
    code = (
        "import sys; from pathlib import Path; from labtui.launch.fork_server.server import retitle\n"
        "retitle(['a b', '', 'ü', '\\udcff' * 5000]); sys.stdout.buffer.write(Path('/proc/self/cmdline').read_bytes())"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout
    assert said == "a b\0\0ü\0".encode() + b"\xff" * 5000 + b"\0"


def test_no_command_line_is_changed_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert retitle(["x"]) is False


def test_of_a_forked_run_the_engine_goes_first_when_memory_ends(stage: Stage) -> None:
    with loaded("work") as warm:
        run = stage.at_work(start_warm(stage, warm))
        parent, engine = (int(Path(f"/proc/{pid}/oom_score_adj").read_text()) for pid in pids(run))
        assert engine > parent
        request_stop(run, "a test")
        stage.ended(run)


def test_requests_and_signals_reach_a_forked_run(stage: Stage) -> None:
    with loaded("work") as warm:
        asked, ended = (stage.at_work(start_warm(stage, warm)) for _ in range(2))
        assert request_stop(asked, "a test").sent
        os.kill(launch_of(ended).parent.pid, signal.SIGHUP)
        os.kill(launch_of(ended).parent.pid, signal.SIGTERM)

        assert stage.ended(asked).state is stage.ended(ended).state is State.STOPPED
        assert (exit_of(asked).code, exit_of(ended).code) == (0, 143)


def test_a_killed_forked_engine_leaves_the_signal_and_no_child(stage: Stage) -> None:
    with loaded("family_at_work") as warm:
        run = start_warm(stage, warm)
        children = children_of(run)
        os.kill(launch_of(run).engine.pid, signal.SIGKILL)

        stage.ended(run)
        assert exit_of(run).signal == signal.SIGKILL
        wait_until(lambda: not any(map(is_there, children)))


def test_a_forked_engine_whose_parent_is_killed_ends(stage: Stage) -> None:
    with loaded("work") as warm:
        run = stage.at_work(start_warm(stage, warm))
        os.kill(launch_of(run).parent.pid, signal.SIGKILL)
        wait_until(lambda: (run.folder / "result.json").exists())
        wait_until(lambda: not any(map(is_there, pids(run))))

        assert probe(run.paths.lock) == "free"
        stage.at_work(start_warm(stage, warm, run))
        assert engines(run) == {"1": 1, "2": 1}
        os.kill(launch_of(run).parent.pid, signal.SIGTERM)
        stage.ended(run)


def test_runs_go_on_when_the_process_they_started_from_is_killed_and_others_start_cold(stage: Stage) -> None:
    with loaded("work") as warm:
        run = stage.at_work(start_warm(stage, warm))
        os.kill(warm.pid, signal.SIGKILL)

        cold = stage.ended(start_warm(stage, warm))

        assert warm.pid is None
        assert "a fault of the engine" in log_of(cold)
        assert all(map(is_there, pids(run)))
        request_stop(run, "a test")
        assert stage.ended(run).state is State.STOPPED


def test_the_process_ends_with_its_starter_and_what_it_started_does_not(stage: Stage) -> None:
    run = stage.run()
    command = [sys.executable, "-m", "tests.support.launch.forked", str(stage.root), run.id]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as starter:
        warm = int(starter.stdout.readline())
        stage.at_work(run)
        starter.kill()

    wait_until(lambda: not is_there(warm))
    assert all(map(is_there, pids(run)))
    request_stop(stage.store.get(run.id), "a test")
    assert stage.ended(run).state is State.STOPPED


def test_the_process_keeps_no_zombies_and_no_descriptors(stage: Stage) -> None:
    with loaded("brief") as warm:
        itself = psutil.Process(warm.pid)
        before = itself.num_fds()
        for _ in range(3):
            stage.ended(start_warm(stage, warm))
        wait_until(lambda: not itself.children())
        assert itself.num_fds() == before


def test_a_slot_is_held_until_the_last_process_of_a_forked_run_has_ended(stage: Stage, tmp_path: Path) -> None:
    wish = {"threads": 1, "cores": 1, "folder": tmp_path}
    with loaded("work") as warm:
        with acquire(CPU, **wish) as slot:
            run = stage.at_work(start_warm(stage, warm, slot=slot))
        assert acquire(CPU, **wish) is None
        os.kill(launch_of(run).parent.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_there, pids(run))))
        with acquire(CPU, **wish) as again:
            assert again is not None


def test_two_starters_of_one_attempt_are_told_apart_as_ever(stage: Stage) -> None:
    with loaded("work") as warm:
        run = stage.at_work(start_warm(stage, warm))
        with pytest.raises(Exception, match="already running"):
            start_warm(stage, warm, run, timeout=0.0)
        assert warm.pid is not None
        request_stop(run, "a test")
        stage.ended(run)


@pytest.mark.parametrize("wish", [{"threads": 2}, {"device": GPU}], ids=["other threads", "a GPU"])
def test_what_a_process_did_not_load_for_starts_cold(stage: Stage, wish: dict[str, object]) -> None:
    with loaded("brief") as warm:
        assert "a fault of the engine" in log_of(stage.ended(start_warm(stage, warm, **wish)))
        assert stage.ended(start_warm(stage, warm)).state is State.FINISHED


@pytest.mark.parametrize("module", ["tests.support.launch.starts_thread", "no_such_module"])
def test_a_process_that_cannot_be_forked_safely_ends_before_it_is_used(stage: Stage, module: str) -> None:
    with loaded("brief", module) as warm:
        assert warm.pid is None
        assert "a fault of the engine" in log_of(stage.ended(start_warm(stage, warm)))


def test_a_python_that_is_gone_is_no_warm_process() -> None:
    with ForkServerProcess(Interpreter(path="/no/python"), 1) as warm:
        assert not warm.loading
        assert warm.pid is None


def test_only_several_runs_on_a_cpu_are_started_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_worthwhile([CPU], 2)
    assert not is_worthwhile([CPU], 1)
    assert not is_worthwhile([CPU, GPU], 2)
    with with_fork_server(Interpreter(), [GPU], 1, 13) as interpreter:
        assert interpreter.fork_server is None
    monkeypatch.setenv("LABTUI_WARM", "no")
    assert not is_worthwhile([CPU], 2)
    monkeypatch.delenv("LABTUI_WARM")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not is_worthwhile([CPU], 2)


def test_a_process_is_kept_for_runs_that_are_alike_and_for_no_others() -> None:
    one, other = Interpreter(), replace(Interpreter(), environment={})
    warmer = ForkServerPool(program("brief"))
    with closing(warmer):
        assert warmer.attach(one, CPU, 1, 1) == one
        assert warmer.loading == ()
        assert warmer.attach(one, CPU, 1, 2) is None
        first = warmer.loading[0].pid
        while warmer.loading:
            ExitWatcher().wait(60, *warmer.loading)
        assert warmer.attach(one, CPU, 1, 1).fork_server.pid == first
        assert warmer.attach(other, CPU, 1, 1).fork_server is None
        assert not is_there(first)


@contextmanager
def closing(warmer: ForkServerPool) -> Iterator[None]:
    try:
        yield
    finally:
        warmer.close()


def test_entries_that_are_alike_start_from_one_process(stage: Stage) -> None:
    runs = [stage.run() for _ in range(3)]
    for run in runs:
        enqueue(stage.root, run, device="cpu", threads=1, data_root=stage.root)
    said: list[str] = []

    def launch(folder: Path, *, interpreter: Interpreter, **wishes: object) -> Claimed:
        return start(
            folder, interpreter=replace(fake_interpreter("broken"), fork_server=interpreter.fork_server), **wishes
        )

    warmer = ForkServerPool(program("brief"))
    dispatcher = Dispatcher(stage.root, launch, said.append, fork_servers=warmer)
    with closing(warmer):
        while waiting_entries(stage.root):
            dispatcher.dispatch()
            dispatcher.exits.wait(60, *warmer.loading)
    for run in runs:
        assert stage.ended(run).state is State.FINISHED, log_of(run)
    assert len(said) == 3


def test_waiting_ends_when_a_process_does() -> None:
    ends = ExitWatcher()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        ends.watch(process.pid)
        process.stdin.close()
        began = time.monotonic()
        ends.wait(3600)
        process.wait()
    ends.watch(process.pid)
    ends.wait(3600)  # it had ended before it could be watched
    assert time.monotonic() - began < 60
    ends.close()


def test_a_forked_engine_gives_the_bits_of_a_cold_one(stage: Stage) -> None:
    """The real engine, on the embedded digits, with two threads and dropout; the second fork as the first."""
    spec = msgspec.structs.replace(SPEC, model=Cnn(dropout=(0.3, 0.2)), training=Training(epochs=1), protocol="report")
    cold, *forked = (stage.store.create(spec) for _ in range(3))
    wishes = {"device": CPU, "threads": 2, "data_root": stage.root}
    start(cold.folder, **wishes)
    with ForkServerProcess(Interpreter(), 2) as warm:
        while warm.loading:
            ExitWatcher().wait(60, warm)
        assert warm.pid is not None
        for run in forked:
            start(run.folder, interpreter=Interpreter(fork_server=warm), **wishes)
            assert warm.pid is not None, "the run was started without it"
            assert stage.ended(run).state is State.FINISHED, log_of(run)
    assert stage.ended(cold).state is State.FINISHED

    for run in forked:
        assert _bits(run) == _bits(cold)
        assert stage.store.get(run.id).result.facts == stage.store.get(cold.id).result.facts
        assert launch_of(run).argv[:-1] == launch_of(cold).argv[:-1]
        assert launch_of(run).versions == launch_of(cold).versions


def _bits(run: Run) -> list[bytes]:
    """What the trained network says about every test image, to the last bit of each log-probability."""
    with np.load(run.paths.predictions) as predictions:
        return [predictions[name].tobytes() for name in sorted(predictions.files)]

"""Runs that a fork server starts: they are the same as others, and nothing depends on the server."""

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
from tests.support.launch.forked_runs import loaded, program, start_forked
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

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs are forked only on Linux")

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
    with loaded(mode) as server:
        runs = [start_forked(stage, server) for _ in range(3)]
        for run in runs:
            assert stage.ended(run).state is state
            assert (exit_of(run).code, exit_of(run).signal) == (code, number)
            assert probe(run.paths.lock) == "free"
            assert breaches(run) == []
        assert ("ValueError: an error of the engine" in log_of(runs[0])) is (mode == "broken")


def test_a_forked_engine_has_the_same_environment_as_an_executed_one(stage: Stage) -> None:
    executed = stage.started("surroundings", threads=2)
    stage.ended(executed)
    with loaded("surroundings", threads=2) as server:
        forked = start_forked(stage, server, threads=2)
        stage.ended(forked)

    def seen(run: Run) -> dict[str, object]:
        return json.loads((run.folder / "surroundings.json").read_text().replace(str(run.folder), "RUN"))

    was, now = seen(executed), seen(forked)
    for key in ("environment", "stdin", "stdout", "open"):
        assert now[key] == was[key], key
    assert now["environment"]["OMP_NUM_THREADS"] == now["environment"]["OPENBLAS_NUM_THREADS"] == "2"
    assert now["argv"][1:] == ["surroundings", "RUN"]
    assert now["group"] == now["pid"]
    assert now["session"] == now["parents_group"] == now["parent"] != os.getsid(0)


def test_ps_shows_the_recorded_command_lines_of_a_forked_run(stage: Stage) -> None:
    if not _can_retitle():
        pytest.skip("this kernel lets no process change its command line")
    with loaded("work") as server:
        run = stage.at_work(start_forked(stage, server))
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


def test_a_command_line_can_be_any_bytes(tmp_path: Path) -> None:
    if not _can_retitle():
        pytest.skip("this kernel lets no process change its command line")
    code = (
        "import sys; from pathlib import Path; from labtui.launch.fork_server.server import retitle\n"
        "retitle(['a b', '', 'ü', '\\udcff' * 5000]); sys.stdout.buffer.write(Path('/proc/self/cmdline').read_bytes())"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout
    assert said == "a b\0\0ü\0".encode() + b"\xff" * 5000 + b"\0"


def test_the_command_line_is_not_changed_on_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert retitle(["x"]) is False


def test_when_memory_runs_out_a_forked_engine_is_killed_before_its_supervisor(stage: Stage) -> None:
    with loaded("work") as server:
        run = stage.at_work(start_forked(stage, server))
        parent, engine = (int(Path(f"/proc/{pid}/oom_score_adj").read_text()) for pid in pids(run))
        assert engine > parent
        request_stop(run, "a test")
        stage.ended(run)


def test_requests_and_signals_reach_a_forked_run(stage: Stage) -> None:
    with loaded("work") as server:
        asked, ended = (stage.at_work(start_forked(stage, server)) for _ in range(2))
        assert request_stop(asked, "a test").sent
        os.kill(launch_of(ended).parent.pid, signal.SIGHUP)
        os.kill(launch_of(ended).parent.pid, signal.SIGTERM)

        assert stage.ended(asked).state is stage.ended(ended).state is State.STOPPED
        assert (exit_of(asked).code, exit_of(ended).code) == (0, 143)


def test_a_killed_forked_engine_leaves_its_signal_and_no_children(stage: Stage) -> None:
    with loaded("family_at_work") as server:
        run = start_forked(stage, server)
        children = children_of(run)
        os.kill(launch_of(run).engine.pid, signal.SIGKILL)

        stage.ended(run)
        assert exit_of(run).signal == signal.SIGKILL
        wait_until(lambda: not any(map(is_there, children)))


def test_a_forked_engine_whose_supervisor_is_killed_ends(stage: Stage) -> None:
    with loaded("work") as server:
        run = stage.at_work(start_forked(stage, server))
        os.kill(launch_of(run).parent.pid, signal.SIGKILL)
        wait_until(lambda: (run.folder / "result.json").exists())
        wait_until(lambda: not any(map(is_there, pids(run))))

        assert probe(run.paths.lock) == "free"
        stage.at_work(start_forked(stage, server, run))
        assert engines(run) == {"1": 1, "2": 1}
        os.kill(launch_of(run).parent.pid, signal.SIGTERM)
        stage.ended(run)


def test_forked_runs_continue_when_the_server_is_killed_and_others_start_without_it(stage: Stage) -> None:
    with loaded("work") as server:
        run = stage.at_work(start_forked(stage, server))
        os.kill(server.pid, signal.SIGKILL)

        executed = stage.ended(start_forked(stage, server))

        assert server.pid is None
        assert "an error of the engine" in log_of(executed)
        assert all(map(is_there, pids(run)))
        request_stop(run, "a test")
        assert stage.ended(run).state is State.STOPPED


def test_the_server_ends_with_its_starter_and_its_runs_do_not(stage: Stage) -> None:
    run = stage.run()
    command = [sys.executable, "-m", "tests.support.launch.forked_runs", str(stage.root), run.id]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as starter:
        server = int(starter.stdout.readline())
        stage.at_work(run)
        starter.kill()

    wait_until(lambda: not is_there(server))
    assert all(map(is_there, pids(run)))
    request_stop(stage.store.get(run.id), "a test")
    assert stage.ended(run).state is State.STOPPED


def test_the_server_keeps_no_zombies_and_no_descriptors(stage: Stage) -> None:
    with loaded("brief") as server:
        itself = psutil.Process(server.pid)
        before = itself.num_fds()
        for _ in range(3):
            stage.ended(start_forked(stage, server))
        wait_until(lambda: not itself.children())
        assert itself.num_fds() == before


def test_a_slot_is_held_until_the_last_process_of_a_forked_run_has_exited(stage: Stage, tmp_path: Path) -> None:
    request = {"threads": 1, "cores": 1, "folder": tmp_path}
    with loaded("work") as server:
        with acquire(CPU, **request) as slot:
            run = stage.at_work(start_forked(stage, server, slot=slot))
        assert acquire(CPU, **request) is None
        os.kill(launch_of(run).parent.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_there, pids(run))))
        with acquire(CPU, **request) as again:
            assert again is not None


def test_one_of_two_starters_of_an_attempt_is_refused(stage: Stage) -> None:
    with loaded("work") as server:
        run = stage.at_work(start_forked(stage, server))
        with pytest.raises(Exception, match="already running"):
            start_forked(stage, server, run, timeout=0.0)
        assert server.pid is not None
        request_stop(run, "a test")
        stage.ended(run)


@pytest.mark.parametrize("requested", [{"threads": 2}, {"device": GPU}], ids=["other threads", "a GPU"])
def test_orders_that_the_server_did_not_load_for_start_without_it(stage: Stage, requested: dict[str, object]) -> None:
    with loaded("brief") as server:
        assert "an error of the engine" in log_of(stage.ended(start_forked(stage, server, **requested)))
        assert stage.ended(start_forked(stage, server)).state is State.FINISHED


@pytest.mark.parametrize("module", ["tests.support.launch.starts_thread", "no_such_module"])
def test_a_server_that_cannot_be_forked_safely_exits_before_it_is_used(stage: Stage, module: str) -> None:
    with loaded("brief", module) as server:
        assert server.pid is None
        assert "an error of the engine" in log_of(stage.ended(start_forked(stage, server)))


def test_a_missing_python_gives_no_server() -> None:
    with ForkServerProcess(Interpreter(path="/no/python"), 1) as server:
        assert not server.loading
        assert server.pid is None


def test_only_several_runs_on_a_cpu_are_forked(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_server_is_kept_for_similar_runs_and_for_no_others() -> None:
    one, other = Interpreter(environment=environment()), Interpreter(environment={})
    pool = ForkServerPool(program("brief"))
    with closing(pool):
        assert pool.attach(one, CPU, 1, 1) == one
        assert pool.loading == ()
        assert pool.attach(one, CPU, 1, 2) is None
        first = pool.loading[0].pid
        while pool.loading:
            ExitWatcher().wait(60, *pool.loading)
        assert pool.attach(one, CPU, 1, 1).fork_server.pid == first
        assert pool.attach(other, CPU, 1, 1).fork_server is None
        assert not is_there(first)


@contextmanager
def closing(pool: ForkServerPool) -> Iterator[None]:
    try:
        yield
    finally:
        pool.close()


def test_similar_entries_start_from_one_server(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # where the server is, also when labtui itself is installed
    runs = [stage.run() for _ in range(3)]
    for run in runs:
        enqueue(stage.root, run, device="cpu", threads=1, data_root=stage.root)
    said: list[str] = []

    def launch(folder: Path, *, interpreter: Interpreter, **options: object) -> Claimed:
        return start(
            folder, interpreter=replace(fake_interpreter("broken"), fork_server=interpreter.fork_server), **options
        )

    pool = ForkServerPool(program("brief"))
    dispatcher = Dispatcher(stage.root, launch, said.append, fork_servers=pool)
    with closing(pool):
        while waiting_entries(stage.root):
            dispatcher.dispatch()
            dispatcher.exits.wait(60, *pool.loading)
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


def test_a_forked_engine_gives_the_same_bits_as_an_executed_one(stage: Stage) -> None:
    """The real engine, on the embedded digits, with two threads and dropout; the second fork like the first."""
    spec = msgspec.structs.replace(SPEC, model=Cnn(dropout=(0.3, 0.2)), training=Training(epochs=1), protocol="report")
    executed, *forked = (stage.store.create(spec) for _ in range(3))
    options = {"device": CPU, "threads": 2, "data_root": stage.root}
    start(executed.folder, **options)
    with ForkServerProcess(Interpreter(), 2) as server:
        while server.loading:
            ExitWatcher().wait(60, server)
        assert server.pid is not None
        for run in forked:
            start(run.folder, interpreter=Interpreter(fork_server=server), **options)
            assert server.pid is not None, "the run was started without it"
            assert stage.ended(run).state is State.FINISHED, log_of(run)
    assert stage.ended(executed).state is State.FINISHED

    for run in forked:
        assert _bits(run) == _bits(executed)
        assert stage.store.get(run.id).result.facts == stage.store.get(executed.id).result.facts
        assert launch_of(run).argv[:-1] == launch_of(executed).argv[:-1]
        assert launch_of(run).versions == launch_of(executed).versions


def _bits(run: Run) -> list[bytes]:
    """What the trained network predicts for every test image, to the last bit of each log-probability."""
    with np.load(run.paths.predictions) as predictions:
        return [predictions[name].tobytes() for name in sorted(predictions.files)]

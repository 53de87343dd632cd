"""Processes of labtui 0.1.0 that outlive an upgrade start these programs, with these orders, and read these answers."""

import json
import os
import socket
import subprocess
import sys

import pytest

from labtui.launch.queue.entries import failed_entries
from labtui.launch.stop import request_stop
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.launch.stage import Stage, exit_of, launch_of, log_of, wait_until
from tests.support.processes import environment

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the fork server needs Linux")


def order(stage: Stage) -> str:
    """An order as 0.1.0 wrote it."""
    return json.dumps(
        {
            "attempt": 1, "device": "cpu", "device_name": "a CPU", "device_uuid": None, "threads": 1,
            "data_root": str(stage.root), "resume": False, "catalog_folder": None, "slots": [], "patience": 2.0,
            "take_over": False, "detach": True, "launcher": "local", "job_id": None,
        }
    )  # fmt: skip


def trains_and_stops(stage: Stage, run: Run, answer: str) -> None:
    """The answer is one that 0.1.0 understood, and the run works from there on."""
    wait_until(lambda: launch_of(run).engine is not None)
    pid = launch_of(run).parent.pid
    assert json.loads(answer.splitlines()[-1]) == {"answer": "claimed", "attempt": 1, "parent": pid}
    request_stop(stage.store.get(run.id), "a test")
    ended = stage.ended(run)
    assert (ended.state, exit_of(run).code) == (State.STOPPED, 0), log_of(run)


def start_as_010(stage: Stage, run: Run) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "labtui.launch.parent", str(run.folder), order(stage)]
    return subprocess.run(command, env=environment(), cwd="/", capture_output=True, text=True, check=True)


def test_the_parent_that_010_starts_is_a_supervisor(stage: Stage) -> None:
    run = stage.run()
    trains_and_stops(stage, run, start_as_010(stage, run).stdout)


def test_a_refusal_is_one_that_010_understands(stage: Stage) -> None:
    run = stage.run()
    (run.paths.attempts / "001").mkdir(parents=True)
    answer = json.loads(start_as_010(stage, run).stdout)
    assert (answer["answer"], answer["why"]) == ("refused", "claimed")
    assert {"message", "advice"} >= answer.keys() - {"answer", "why"}


@LINUX
def test_the_warm_process_that_010_starts_is_a_fork_server(stage: Stage) -> None:
    run = stage.run()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", "-m", "labtui.launch.warm"]
    with ours, subprocess.Popen(command, stdin=theirs, env=environment() | {"OPENBLAS_NUM_THREADS": "1"}) as process:
        theirs.close()
        assert ours.recv(5) == b"ready"
        read, write = os.pipe()
        socket.send_fds(ours, [os.fsencode(run.folder) + b"\0" + order(stage).encode()], [write])
        os.close(write)
        with open(read) as answer:  # noqa: PTH123 (a descriptor)
            trains_and_stops(stage, run, answer.read())
        ours.close()
        assert process.wait(60) == 0


def test_the_runner_that_010_starts_runs_the_queue(stage: Stage) -> None:
    queue = stage.root / ".labtui" / "queue"
    queue.mkdir(parents=True)
    (queue / "00000001-0123abcd.json").write_text("{}")
    command = [sys.executable, "-P", "-m", "labtui.launch.runner", str(stage.root), "--leave-lost"]
    done = subprocess.run(command, env=environment(), cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout == "ready\n"
    wait_until(lambda: failed_entries(stage.root))
    assert "damaged" in failed_entries(stage.root)[0].reason


OLD_FORK_SERVER = """
import sys, types
from runpy import run_module
import labtui.store.files, labtui.errors
del labtui.store.files.write_bytes  # as if it were a module of 0.1.0 that has no such function
sys.modules["labtui.launch.title"] = types.ModuleType("labtui.launch.title")
sys.modules["labtui.launch.title"].__file__ = "/no/such/folder/labtui/launch/title.py"
run_module("labtui.engine", run_name="__main__", alter_sys=True)
"""


def test_an_engine_that_a_process_of_010_forks_has_no_module_of_010(stage: Stage) -> None:
    """A fork server of 0.1.0 has old modules in memory, and runs the present engine in a fork."""
    run = stage.run()
    command = [sys.executable, "-P", "-c", OLD_FORK_SERVER, str(run.folder)]
    done = subprocess.run(command, env=environment(), cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    assert "no attempt to run" in done.stdout

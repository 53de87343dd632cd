"""Runs with a fake engine that start from a fork server.

As a program, `-m tests.support.launch.forked_runs ROOT RUN`, it is a starter to be killed.
"""

import sys
from dataclasses import replace
from pathlib import Path

from labtui.launch.daemonize import ExitWatcher
from labtui.launch.fork_server.client import ForkServerProcess
from labtui.launch.launcher import Interpreter, start
from labtui.store.run import Run
from tests.support.launch.stage import CPU, Stage, fake_interpreter
from tests.support.processes import environment


def program(mode: str, *modules: str) -> tuple[str, ...]:
    return ("-P", "-m", "tests.support.launch.fork_server", mode, *modules)


def loaded(mode: str, *modules: str, threads: int = 1) -> ForkServerProcess:
    """A fork server, once it can take orders or has exited."""
    process = ForkServerProcess(Interpreter(environment=environment()), threads, program(mode, *modules))
    while process.loading:
        ExitWatcher().wait(60, process)
    return process


def start_forked(stage: Stage, server: ForkServerProcess, run: Run | None = None, **options: object) -> Run:
    """A run from this process. If it starts without it after all, its engine fails."""
    run = run or stage.run()
    options = {"device": CPU, "threads": 1, "data_root": stage.root, **options}
    start(run.folder, interpreter=replace(fake_interpreter("broken"), fork_server=server), **options)
    return run


if __name__ == "__main__":
    own = Stage(Path(sys.argv[1]))
    process = loaded("work")
    start_forked(own, process, own.store.get(sys.argv[2]))
    sys.stdout.write(f"{process.pid}\n")
    sys.stdout.flush()
    sys.stdin.read()

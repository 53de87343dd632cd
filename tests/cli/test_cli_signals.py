"""What signals do to a foreground command and to its runs."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labtui.launch.stop import kill
from labtui.store.state import State
from labtui.store.store import Store
from tests.support.command_line import Answer
from tests.support.processes import environment, labtui_command

Cli = Callable[..., Answer]
Start = Callable[..., "subprocess.Popen[str]"]

LONG = ("run", "network", "--dataset", "digits", "--epochs", "5000", "--json")
PATIENCE = 60.0


@pytest.fixture
def start(here: Path) -> Iterator[Start]:
    """Start a long training in the foreground; what is left of it is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> "subprocess.Popen[str]":
        child = subprocess.Popen(
            labtui_command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        started.append(child)
        return child

    yield run
    for child in started:
        child.kill()
        child.communicate()
    for found in Store(here / "runs").scan():
        if found.state.is_active:
            kill(found)


def until_epoch(child: "subprocess.Popen[str]") -> str:
    """Wait for the first epoch that a command prints, and return the id of its run."""
    assert child.stdout is not None
    for line in child.stdout:
        event = json.loads(line)
        if event["event"] == "epoch":
            return str(event["run"])
    assert child.stderr is not None
    raise AssertionError(child.stderr.read())


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def state_of(here: Path, run: str) -> State:
    return Store(here / "runs").get(run).state


def test_one_interrupt_stops_cleanly(start: Start, here: Path) -> None:
    child = start(*LONG)
    run = until_epoch(child)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=PATIENCE)
    assert child.returncode == 130
    assert "finishes its step and saves" in err
    found = Store(here / "runs").get(run)
    assert (found.state, found.exit is not None) == (State.STOPPED, True)
    assert found.paths.checkpoint.exists()


def test_two_interrupts_end_at_once_and_the_checkpoint_can_be_resumed(start: Start, here: Path, shell: Cli) -> None:
    child = start(*LONG)
    run = until_epoch(child)
    until(lambda: Store(here / "runs").get(run).paths.checkpoint.exists())
    engine = Store(here / "runs").get(run).launch
    assert engine is not None
    assert engine.engine is not None
    os.kill(engine.engine.pid, signal.SIGSTOP)  # it cannot act on a request: only the second interrupt ends it
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None
    assert any("Ctrl-C again" in line for line in child.stderr)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=PATIENCE)
    assert child.returncode == 130
    until(lambda: state_of(here, run).is_over)
    again = start("resume", run, "--json")
    assert until_epoch(again) == run
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=PATIENCE)
    assert again.returncode == 143
    assert state_of(here, run) is State.STOPPED


def test_a_killed_command_leaves_its_run_active(start: Start, here: Path, shell: Cli) -> None:
    child = start(*LONG)
    run = until_epoch(child)
    child.kill()
    child.communicate()
    assert state_of(here, run).is_active
    steps = Store(here / "runs").get(run).beat
    assert steps is not None
    until(lambda: (beat := Store(here / "runs").get(run).beat) is not None and beat.step > steps.step)
    answer = shell("stop", "last")
    assert (answer.code, "asked to finish the step and save" in answer.err) == (0, True)
    assert state_of(here, run) is State.STOPPED


def test_a_closed_terminal_leaves_the_run_active_and_queues_the_rest(start: Start, here: Path, shell: Cli) -> None:
    child = start(*LONG, "--seeds", "2")
    run = until_epoch(child)
    child.send_signal(signal.SIGHUP)
    child.communicate(timeout=PATIENCE)
    assert child.returncode == 129
    assert state_of(here, run).is_active
    waiting = [json.loads(line) for line in shell("queue", "ls", "--json").lines]
    assert [entry["run"].split("/")[-1].startswith("s1-") for entry in waiting] == [True]
    assert shell("queue", "rm", "--all").code == 0
    assert [found.id for found in Store(here / "runs").scan()] == [run]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_reader_that_has_seen_enough_leaves_the_run_active_and_queues_the_rest(
    here: Path, shell: Cli, options: tuple[str, ...]
) -> None:
    command = labtui_command(*LONG[:-1], "--seeds", "2", *options)
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(), start_new_session=True
    )
    assert child.stdout is not None
    while b"epoch" not in child.stdout.readline():
        continue
    child.stdout.close()
    assert child.wait(PATIENCE) == 129
    (run,) = [found for found in Store(here / "runs").scan() if found.state.is_active]
    waiting = [json.loads(line) for line in shell("queue", "ls", "--json").lines]
    assert [entry["run"].split("/")[-1].startswith("s1-") for entry in waiting] == [True]
    assert shell("queue", "rm", "--all").code == 0
    kill(run)


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_command_works_without_any_of_its_streams(here: Path, closed: tuple[int, ...]) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    done = subprocess.run(
        labtui_command("ls"),
        stdout=None if 1 in closed else subprocess.PIPE,
        stderr=None if 2 in closed else subprocess.PIPE,
        env=environment(),
        preexec_fn=close,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (here / "runs").exists()
    if 1 not in closed:
        assert b"network" in done.stdout

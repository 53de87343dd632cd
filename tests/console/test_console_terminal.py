"""The whole console in a real pseudo-terminal: however it ends, the terminal and the exit code are right."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.console.app import CATALOG
from tests.support.processes import ROOT

PATIENCE = 60.0

OPEN = """
import os, sys
from pathlib import Path
from labtui.console import run_console
from labtui.api import open_lab

here = Path.cwd()
lab = open_lab(catalog=here / "experiments.toml", runs=here / "runs", environ=os.environ, cwd=here)
sys.exit(run_console(lab, environ=os.environ))
"""

LEFT = b"\x1b[?1049l"
"""The alternate screen is left."""


class Terminal:
    """A console on a terminal of 100 x 30."""

    def __init__(self, folder: Path) -> None:
        (folder / "experiments.toml").write_text(CATALOG)
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        environ = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", OPEN],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            cwd=folder,
            env=environ,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self.output = b""
        self.read_until(b"Dropout")

    def read_until(self, wanted: bytes, since: int = 0) -> None:
        self.drain_until(lambda: wanted in self.output[since:])

    def drain_until(self, true: Callable[[], bool]) -> None:
        """Read on, as a terminal does: a console whose output nobody takes waits for it."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, self.output[-2_000:]
            if select.select([self.master], [], [], 0.05)[0]:
                self.output += os.read(self.master, 65_536)

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    @property
    def console(self) -> int:
        """The guard's child."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def end(self) -> int:
        self.drain_until(lambda: self.process.poll() is not None)
        while select.select([self.master], [], [], 0.1)[0]:
            self.output += os.read(self.master, 65_536)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(tmp_path: Path):
    if not Path("/proc/self/task").exists():
        pytest.skip("needs /proc to tell the guard from the console")
    made = Terminal(tmp_path)
    yield made
    made.close()


def is_restored(terminal: Terminal) -> bool:
    tail = terminal.output[terminal.output.rfind(LEFT) :]
    off = all(f"\x1b[?{mode}l".encode() in terminal.output for mode in (1000, 1003, 1006, 2004))
    return (
        LEFT in terminal.output
        and off
        and b"\x1b[?25h" in tail
        and termios.tcgetattr(terminal.slave) == terminal.before
    )


@pytest.mark.parametrize("keys", [b"q", b"\x11"], ids=["q", "ctrl+q"])
def test_a_key_ends_it_with_0(terminal, keys):
    terminal.press(keys)
    assert terminal.end() == 0
    assert is_restored(terminal)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_128_and_its_number(terminal, number):
    terminal.process.send_signal(number)
    assert terminal.end() == 128 + number
    assert is_restored(terminal)


def test_killed_it_leaves_the_terminal_as_it_was(terminal):
    os.kill(terminal.console, signal.SIGKILL)
    assert terminal.end() == 128 + signal.SIGKILL
    assert is_restored(terminal)


def stopped(terminal: Terminal) -> None:
    """Wait until the shell would see a stopped job."""
    terminal.drain_until(lambda: os.waitpid(terminal.process.pid, os.WUNTRACED | os.WNOHANG)[0] != 0)


def test_ctrl_z_stops_it_for_the_shell_and_it_comes_back_whole_as_often_as_one_likes(terminal):
    for _ in range(20):
        since = len(terminal.output)
        terminal.press(b"\x1a")
        stopped(terminal)
        terminal.read_until(LEFT, since)
        assert termios.tcgetattr(terminal.slave) == terminal.before
        since = len(terminal.output)
        os.killpg(terminal.process.pid, signal.SIGCONT)
        terminal.read_until(b"Dropout", since)
    terminal.press(b"q")
    assert terminal.end() == 0
    assert is_restored(terminal)


def test_after_a_stop_that_nobody_could_prepare_for_it_takes_the_terminal_again(terminal):
    os.killpg(terminal.process.pid, signal.SIGSTOP)
    stopped(terminal)
    ours = termios.tcgetattr(terminal.slave)
    termios.tcsetattr(terminal.slave, termios.TCSANOW, terminal.before)  # as a shell does
    os.killpg(terminal.process.pid, signal.SIGCONT)
    terminal.drain_until(lambda: termios.tcgetattr(terminal.slave) == ours)
    terminal.press(b"q")
    assert terminal.end() == 0
    assert is_restored(terminal)

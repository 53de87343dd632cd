"""The guard on a real pseudo-terminal: whatever ends the console, the terminal is as it was."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from labtui.console.terminal import capabilities as terminal
from labtui.console.terminal.guard import RESTORE
from tests.support.processes import ROOT

# A console that takes the terminal over, says where it is, and then does what the test names.
CONSOLE = """
import os, signal, sys, termios, time
from labtui.console.terminal.guard import guard

def console():
    raw = termios.tcgetattr(2)
    raw[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(2, termios.TCSANOW, raw)
    os.write(2, f"ready {os.getpid()}\\n".encode())
    WHAT

sys.exit(guard(console))
"""


# A console that says how many pictures a second Textual draws at most.
FRAMES = """
import os, sys, types
from labtui import console
from labtui.console.terminal import capabilities as terminal

def run_app(*_, **__):
    from textual.constants import MAX_FPS
    print(MAX_FPS)
    return 0

terminal.obstacle = lambda _: ""
sys.modules["labtui.console.app"] = start = types.ModuleType("start")
start.run_app = run_app
console.run_console(None, environ=os.environ, guarded=False)
"""


class Guarded:
    """A guard with its console on a pty."""

    def __init__(self, what: str) -> None:
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(
            [sys.executable, "-c", CONSOLE.replace("WHAT", what)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            start_new_session=True,
        )
        self.output = b""

    def read_until(self, wanted: bytes, patience: float = 20.0) -> None:
        deadline = time.monotonic() + patience
        while wanted not in self.output:
            assert time.monotonic() < deadline, self.output
            if select.select([self.master], [], [], 0.1)[0]:
                self.output += os.read(self.master, 65_536)

    @property
    def console(self) -> int:
        self.read_until(b"\n")
        return int(self.output.split(b"ready ")[1].split()[0])

    def end(self) -> int:
        code = self.process.wait(timeout=20)
        while select.select([self.master], [], [], 0.2)[0]:
            try:
                self.output += os.read(self.master, 65_536)
            except OSError:
                break
        return code

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def guarded():
    made: list[Guarded] = []

    def make(what: str) -> Guarded:
        made.append(Guarded(what))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_the_exit_code_of_the_console_is_the_guards(guarded):
    one = guarded("return 7")
    assert one.end() == 7
    assert RESTORE.encode() not in one.output, "a console that ended by itself has restored the terminal itself"


def test_an_exception_ends_with_1_and_is_printed(guarded):
    one = guarded("raise ValueError('broken')")
    assert one.end() == 1
    assert b"ValueError: broken" in one.output


def test_sys_exit_inside_the_console_keeps_its_code(guarded):
    assert guarded("sys.exit(3)").end() == 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGQUIT])
def test_a_console_that_is_killed_leaves_the_terminal_as_it_was(guarded, number):
    one = guarded("time.sleep(60)")
    os.kill(one.console, number)
    assert one.end() == 128 + number
    assert RESTORE.encode() in one.output
    assert termios.tcgetattr(one.slave) == one.before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_to_the_guard_reach_the_console(guarded, number):
    one = guarded(f"signal.signal({int(number)}, lambda *_: os._exit(42)); os.write(2, b'armed\\n'); time.sleep(60)")
    one.read_until(b"armed")
    one.process.send_signal(number)
    assert one.end() == 42


def test_the_guard_stops_and_wakes_with_its_console(guarded):
    one = guarded(
        "signal.signal(signal.SIGUSR1, lambda *_: os._exit(9)); os.write(2, b'armed\\n')\n    while True: time.sleep(1)"
    )
    one.read_until(b"armed")
    os.kill(one.console, signal.SIGSTOP)
    _, status = os.waitpid(one.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "the shell sees a stopped job"
    one.process.send_signal(signal.SIGCONT)
    os.kill(one.process.pid, signal.SIGUSR1)
    assert one.end() == 9


def test_a_console_whose_guard_is_killed_ends(guarded):
    one = guarded("time.sleep(60)")
    console = one.console
    one.process.kill()
    deadline = time.monotonic() + 20
    while _alive(console):
        assert time.monotonic() < deadline, "the console outlives its guard"
        select.select([], [], [], 0.05)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_dumb_terminal_and_a_pipe_show_no_console():
    assert "TERM=dumb" in terminal.obstacle({"TERM": "dumb"})
    asked = "from labtui.console.terminal.capabilities import obstacle; print(obstacle({'TERM': 'xterm'}))"
    answer = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() in ("standard input is not a terminal", "standard error is not a terminal")


def test_ascii_is_asked_for_where_braille_cannot_appear():
    assert terminal.needs_ascii({"TERM": "linux"})
    assert terminal.needs_ascii({"LABTUI_ASCII": "1"})
    assert terminal.needs_ascii({"LC_ALL": "C", "LANG": "en_US.UTF-8"}), "the locale is not UTF-8"
    assert terminal.needs_ascii({"LANG": "de_DE.ISO-8859-1"})
    assert terminal.needs_ascii({"LANG": "C", "LC_CTYPE": "C.UTF-8"}), "Python itself set LC_CTYPE"


def test_opening_the_guard_imports_no_textual():
    modules = "labtui.console, labtui.console.terminal.guard, labtui.console.terminal.capabilities"
    code = f"import sys, {modules}; print('textual' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_a_terminal_on_another_machine_is_drawn_less_often():
    assert terminal.is_remote({"SSH_CONNECTION": "10.0.0.1 5000 10.0.0.2 22"})
    assert not terminal.is_remote({"TERM": "xterm"})
    environ = {**os.environ, "SSH_TTY": "/dev/pts/1"}
    environ.pop("TEXTUAL_FPS", None)
    answer = subprocess.run([sys.executable, "-c", FRAMES], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert answer.stdout.strip() == str(terminal.REMOTE_FPS)

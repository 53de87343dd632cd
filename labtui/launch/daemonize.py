"""Processes that outlive their starter, its terminal and its connection, and what they say until they stand alone.

The starter reads one pipe: the child's standard output and error, until the child closes them. That is how it hears
of a Python that does not start at all, as well as of a child that refuses. No pipe is left afterwards: an engine whose
output is a pipe of the console dies at its next print when the console does.
"""

import os
import select
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol

from labtui.errors import EnvironmentFault

PATIENCE = 60.0
"""Seconds that a child may take until it stands alone; a cold network disk needs many."""


def spawn(command: Sequence[str], *, cwd: Path | None, environment: Mapping[str, str], keep: Sequence[int] = ()) -> str:
    """Start a program that calls `stand_alone`, and return what it said before it closed its output.

    `keep` are descriptors that the child inherits. Raises EnvironmentFault where the program cannot be started.
    """
    try:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=keep,
            cwd=existing(cwd),
            env=dict(environment),
        )
    except OSError as fault:
        raise EnvironmentFault(
            f"{command[0]} cannot be started: {fault.strerror}.", advice="Is its Python environment still there?"
        ) from fault
    try:
        said, _ = child.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired as fault:
        child.kill()
        child.communicate()
        raise EnvironmentFault(
            f"{command[0]} said nothing for {PATIENCE:.0f} s.",
            advice="Is the disk very slow? Look again with `labtui ps`.",
        ) from fault
    return said.decode("utf-8", "replace")


def stand_alone() -> None:
    """Leave the starter: a session of our own, nobody's child, deaf to the end of a terminal.

    The process that the starter knows ends here at once, so that it has nothing to wait for and keeps no zombie.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    os.setsid()


def redirect_output(descriptor: int) -> None:
    """Send standard output and error to `descriptor`; the starter's pipe ends here."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def importable(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `python -P -m labtui…` finds the labtui that runs now.

    `-P` keeps a `random.py` in the current folder from being imported; a labtui that was found there, in a source tree,
    must then be named.
    """
    source = str(Path(__file__).resolve().parents[2])
    if source in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return dict(environment)
    others = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part and part != source]
    return {**environment, "PYTHONPATH": os.pathsep.join([source, *others])}


def existing(folder: Path | None) -> str:
    """The folder to start a program in: this one, or `/` where it is gone."""
    return str(folder) if folder is not None and folder.is_dir() else "/"


class Signals:
    """Signals as bytes in a pipe, which `select` can wait for. There is one of these in a process."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, _note)

    def fileno(self) -> int:
        """Readable when a signal has arrived."""
        return self._read

    def wait(self, seconds: float) -> frozenset[int]:
        """The signals that arrived since the last call; waits at most `seconds` for one."""
        ready, _, _ = select.select([self._read], [], [], seconds)
        return frozenset(os.read(self._read, 4096)) if ready else frozenset()


def _note(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: with a handler in place the signal's number goes into the pipe."""


class Readable(Protocol):
    """Something with a descriptor that becomes readable."""

    def fileno(self) -> int:
        """The descriptor."""


class Ends:
    """The processes whose end is waited for."""

    def __init__(self) -> None:
        self._alive: list[int] = []
        self._missed = False

    def watch(self, pid: int) -> None:
        """Wake for the end of this process too."""
        if not hasattr(os, "pidfd_open"):
            return
        try:
            self._alive.append(os.pidfd_open(pid))
        except ProcessLookupError:
            self._missed = True
        except OSError:  # no descriptors left, or a kernel without this call: whoever waits looks again anyhow
            return

    def wait(self, seconds: float, *others: Readable) -> None:
        """Until a process has ended or one of the others is readable, for at most so many seconds."""
        seconds, self._missed = 0.0 if self._missed else seconds, False
        watched: list[int | Readable] = [*self._alive, *others]
        ready, _, _ = select.select(watched, [], [], seconds)
        for descriptor in [descriptor for descriptor in self._alive if descriptor in ready]:
            self._alive.remove(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        """Wait for none of them any more."""
        for descriptor in self._alive:
            os.close(descriptor)
        self._alive.clear()

"""Processes that outlive their starter, its terminal and its connection; and waiting for signals and exits.

The starter reads one pipe: the child's standard output and error, until the child closes them. This is how it learns of
a Python that does not start at all, as well as of a child that refuses. No pipe remains afterwards: an engine whose
output were a pipe to the console would die at its next print after the console exits.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol

from labtui.errors import MachineError

START_TIMEOUT = 60.0
"""Seconds that a child may take until it has detached; on a slow network disk it needs many."""


def spawn(
    command: Sequence[str], *, cwd: Path | None, environment: Mapping[str, str], pass_fds: Sequence[int] = ()
) -> str:
    """Start a program that calls `daemonize`, and return its output up to the moment when it closes it.

    The child inherits the descriptors `pass_fds`. Raises MachineError if the program cannot be started.
    """
    try:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
            cwd=existing_folder(cwd),
            env=dict(environment),
        )
    except OSError as error:
        raise MachineError(
            f"{command[0]} cannot be started: {error.strerror}.", advice="Does its Python environment still exist?"
        ) from error
    try:
        output, _ = child.communicate(timeout=START_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        child.kill()
        child.communicate()
        raise MachineError(
            f"{command[0]} did not answer within {START_TIMEOUT:.0f}s.",
            advice="The disk may be very slow. Check again with `labtui ps`.",
        ) from error
    return output.decode("utf-8", "replace")


def daemonize() -> None:
    """Detach from the starter: a session of its own, another parent process, and SIGHUP ignored.

    The process that the starter knows exits here at once, so the starter has nothing to wait for and keeps no zombie.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    os.setsid()


def redirect_output(descriptor: int) -> None:
    """Send standard output and error to `descriptor`; the pipe to the starter is closed by this."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def existing_folder(folder: Path | None) -> str:
    """The folder to start a program in: this one, or `/` if it does not exist."""
    return str(folder) if folder is not None and folder.is_dir() else "/"


class SignalPipe:
    """Signals as bytes in a pipe, which `select` can wait for together with a timeout. Create one per process."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, _ignore)

    def fileno(self) -> int:
        """Readable once a signal has arrived."""
        return self._read

    def wait(self, seconds: float) -> frozenset[int]:
        """The signals that arrived since the last call; waits at most `seconds` for one."""
        ready, _, _ = select.select([self._read], [], [], seconds)
        return frozenset(os.read(self._read, 4096)) if ready else frozenset()


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: with a handler installed, Python writes the signal's number to the pipe."""


class Readable(Protocol):
    """Something with a descriptor that becomes readable."""

    def fileno(self) -> int:
        """The descriptor."""


class ExitWatcher:
    """Wait until one of several processes has exited, above all supervisors, whose device slots are then free.

    A supervisor is nobody's child, so its starter is not notified of its exit. Linux has descriptors of processes for
    that; on other systems `wait` takes its full time.
    """

    def __init__(self) -> None:
        self._running: list[int] = []
        self._missed = False

    def watch(self, pid: int) -> None:
        """Also wake up when this process exits."""
        if not hasattr(os, "pidfd_open"):
            return
        try:
            self._running.append(os.pidfd_open(pid))
        except ProcessLookupError:
            self._missed = True
        except OSError:  # no descriptors left, or a kernel without this call: the caller polls anyway
            return

    def wait(self, seconds: float, *others: Readable) -> None:
        """Wait until a process has exited or one of the others is readable, at most `seconds`."""
        seconds, self._missed = 0.0 if self._missed else seconds, False
        watched: list[int | Readable] = [*self._running, *others]
        ready, _, _ = select.select(watched, [], [], seconds)
        for descriptor in [descriptor for descriptor in self._running if descriptor in ready]:
            self._running.remove(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        """Watch no process any more."""
        for descriptor in self._running:
            os.close(descriptor)
        self._running.clear()

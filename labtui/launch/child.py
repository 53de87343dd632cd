"""The engine's process as its parent sees it: held at a gate until it is recorded, ended with all that it started."""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from labtui.store.records import Exit

_NOT_STARTED = 127
_FORWARDED = frozenset({signal.SIGTERM, signal.SIGINT})

Become = Callable[[Sequence[str], Mapping[str, str], Sequence[int]], None]
"""Makes the forked process the program of a command line, in an environment, with descriptors to keep beside 0, 1 and
2. It returns only by failing."""


def execute(command: Sequence[str], environment: Mapping[str, str], keep: Sequence[int]) -> None:
    """Have the system load the program in our place. Raises OSError."""
    for descriptor in keep:
        os.set_inheritable(descriptor, True)
    os.execve(command[0], list(command), dict(environment))  # noqa: S606 (no shell on purpose)


class Child:
    """A process in a group of its own that waits, before its program begins, for `release`.

    Its pid can so be written down before it has done anything. If the parent dies first, the gate's pipe closes and the
    child ends without ever having become the engine: no engine runs that is not recorded.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        keep: Sequence[int] = (),
        become: Become = execute,
    ) -> None:
        """Fork. `keep` are descriptors that the program inherits beside 0, 1 and 2. Raises OSError."""
        gate, self._key = os.pipe()
        signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _wait_at(gate, self._key, lambda: become(command, environment, keep), command[0])
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
            os.close(gate)

    def release(self) -> None:
        """Let the program begin."""
        with suppress(BrokenPipeError):  # it was killed at the gate
            os.write(self._key, b"!")
        os.close(self._key)

    def send(self, number: int) -> None:
        """Send a signal to the process itself; it is a child not yet reaped, so the pid is its own."""
        os.kill(self.pid, number)

    def ended(self) -> Exit | None:
        """How it ended, or None while it runs. What it started and left behind is killed with it."""
        if hasattr(os, "waitid"):
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return None
            # Not reaped yet, so no stranger can have been given the group's number.
            self._kill_group()
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        if not hasattr(os, "waitid"):
            self._kill_group()
        return _exit(status)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _exit(status: int) -> Exit:
    code = os.waitstatus_to_exitcode(status)
    return Exit(code=code, ended=time.time()) if code >= 0 else Exit(signal=-code, ended=time.time())


def _wait_at(gate: int, key: int, begin: Callable[[], None], name: str) -> NoReturn:
    """In the child: wait at the gate, then begin the program. Never returns into the parent's code."""
    try:
        os.setpgid(0, 0)
        os.close(key)
        for number in _FORWARDED:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
        if os.read(gate, 1):
            begin()
    except BaseException as fault:  # noqa: BLE001 (nothing may climb out of a forked child)
        sys.stderr.write(f"{name} cannot be started: {fault}\n")
        sys.stderr.flush()
    os._exit(_NOT_STARTED)

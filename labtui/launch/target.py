"""Sending a signal to exactly the process that is meant, or to nobody.

On Linux the signal goes through a descriptor of the process that was opened before its identity was checked: should it
end in between and its number go to a stranger, the descriptor still means the dead one.
"""

import errno
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from labtui.store.process import alive
from labtui.store.records import ProcessId

_LARGEST_PID = 2**31 - 1


@dataclass(slots=True)
class Target:
    """A process of this machine and of this user, checked."""

    pid: int
    descriptor: int | None
    """None where the system has no descriptors of processes."""

    @classmethod
    def verified(cls, who: ProcessId, boot: str) -> Self | None:
        """The process, or None unless it is alive, the very one that was recorded, and ours."""
        if not 1 < who.pid <= _LARGEST_PID or who.pid == os.getpid():
            return None
        try:
            target = cls(who.pid, _open(who.pid))
        except OSError:
            return None
        if alive(who, boot) and _is_ours(who.pid):
            return target
        target.close()
        return None

    def terminate(self) -> bool:
        """SIGTERM to the process alone: it saves, and takes what it started along. Whether it was still there."""
        return self._send_and_close(signal.SIGTERM)

    def kill(self) -> bool:
        """SIGKILL to the process and, if it leads one, to its group. Whether it was still there."""
        # A stopped process does not end by itself, so the number of its group stays its own until the next line.
        if self._leads_a_group() and self._send(signal.SIGSTOP):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        return self._send_and_close(signal.SIGKILL)

    def close(self) -> None:
        """Let go of the descriptor."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def _leads_a_group(self) -> bool:
        try:
            return os.getpgid(self.pid) == self.pid
        except OSError:
            return False

    def _send_and_close(self, number: signal.Signals) -> bool:
        try:
            return self._send(number)
        finally:
            self.close()

    def _send(self, number: signal.Signals) -> bool:
        try:
            if self.descriptor is not None:
                signal.pidfd_send_signal(self.descriptor, number)
            else:
                os.kill(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def _open(pid: int) -> int | None:
    """A descriptor of the process; None where the system has none. Raises ProcessLookupError."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError as fault:
        if fault.errno in (errno.ENOSYS, errno.EPERM, errno.EINVAL):
            return None
        raise


def _is_ours(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}").stat().st_uid == os.geteuid()
    except OSError:
        import psutil  # deferred: only where there is no /proc

        try:
            return bool(psutil.Process(pid).uids().effective == os.geteuid())
        except psutil.Error:
            return False

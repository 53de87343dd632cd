"""Identify a process beyond doubt: a pid alone can be reused by another process, and a zombie still has one."""

import os
import signal
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from labtui.store.records import ProcessId

if TYPE_CHECKING:
    import psutil

Liveness = Literal["alive", "gone", "unknown"]

_PROC = Path("/proc")
_LARGEST_PID = 2**31 - 1
_DEAD = {"Z", "X", "x"}
_SAME_BOOT_SECONDS = 120.0
_SAME_START_SECONDS = 1.0


def host() -> str:
    """The name of this machine."""
    return os.uname().nodename


@cache
def boot_id() -> str:
    """An id that changes when this machine restarts."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        import psutil  # deferred: 15 ms, and not needed on Linux

        return f"{psutil.boot_time():.0f}"


@cache
def pid_namespace() -> str:
    """The namespace in which this process sees pids; empty if the system has none."""
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return ""


def same_boot(first: str, second: str) -> bool:
    """Whether two boot ids mean the same boot. Boot times (macOS) shift by seconds whenever the clock is set."""
    if first == second:
        return True
    return first.isdecimal() and second.isdecimal() and abs(float(first) - float(second)) < _SAME_BOOT_SECONDS


def adopt_orphans() -> None:
    """On Linux, become the parent of every descendant whose own parent exits, so that none is lost sight of."""
    _prctl(36, 1)  # PR_SET_CHILD_SUBREAPER


def descendants() -> "list[psutil.Process]":
    """The processes that descend from this one; of those that had lost their parents, what `adopt_orphans` brought."""
    import psutil  # deferred: 15 ms, and only for processes that supervise others

    try:
        found: list[psutil.Process] = psutil.Process().children(recursive=True)
    except psutil.Error:
        return []
    return found


def end_descendants(timeout: float = 5.0) -> int:
    """Kill every descendant of this process; return how many there were. Those of other users are left."""
    import psutil

    killed = 0
    deadline = time.monotonic() + timeout
    while (others := descendants()) and time.monotonic() < deadline:
        for process in others:
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    process.kill()
                    killed += 1
        psutil.wait_procs(others, timeout=0.2)
    return killed


def die_with_parent(parent: int) -> None:
    """On Linux, have this process killed when the process `parent`, its present parent, exits."""
    _prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it exited before
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        _libc().prctl(option, value, 0, 0, 0)


@cache
def _libc() -> Any:
    import ctypes  # deferred: only processes that supervise others need it

    return ctypes.CDLL(None, use_errno=True)


def process_id(pid: int) -> ProcessId | None:
    """The identity of a process on this machine; None if it has exited (zombies included)."""
    if not 0 < pid <= _LARGEST_PID:
        return None
    started = _start_on_linux(pid) if sys.platform == "linux" else _start_elsewhere(pid)
    return None if started is None else ProcessId(pid=pid, start_time=started)


def alive(process: ProcessId, boot: str) -> bool:
    """Whether this very process, started under boot id `boot` of this machine, is still running.

    A process that cannot be seen (another user's, on a machine that hides them) counts as alive: a mistake that way
    leaves a dead run in the list, a mistake the other way could start a second engine in one folder.
    """
    if not 0 < process.pid <= _LARGEST_PID or not same_boot(boot, boot_id()):
        return False
    now = process_id(process.pid)
    if now is None:
        return _hidden(process.pid)
    return abs(now.start_time - process.start_time) < _SAME_START_SECONDS


def has_open(process: ProcessId, path: Path) -> bool | None:
    """Whether a process that is running has this very file open; None if that cannot be seen."""
    try:
        wanted = path.stat()
        descriptors = list((_PROC / str(process.pid) / "fd").iterdir())
    except OSError:
        return None
    return any(_is_file(descriptor, wanted) for descriptor in descriptors)


def _is_file(descriptor: Path, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(descriptor.stat(), wanted)
    except OSError:
        return False


def _start_on_linux(pid: int) -> float | None:
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name is in parentheses and may itself contain spaces and parentheses; fields 3 and on follow the last one.
    fields = text[text.rfind(b")") + 1 :].split()
    if len(fields) < 20 or fields[0].decode("ascii", "replace") in _DEAD:
        return None
    return float(fields[19])


def _start_elsewhere(pid: int) -> float | None:
    import psutil  # deferred: only needed without /proc

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _hidden(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return not (_PROC / str(pid)).exists()
    except OSError:
        return False
    return False

"""Which process is meant, beyond doubt: a pid alone is given again to a stranger, and a zombie still answers to it."""

import os
import sys
from functools import cache
from pathlib import Path
from typing import Literal

from labtui.store.records import ProcessId

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
    """What tells this run of the machine from those before and after a restart."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        import psutil  # deferred: 15 ms that Linux never pays

        return f"{psutil.boot_time():.0f}"


def same_boot(one: str, other: str) -> bool:
    """Whether two boot ids mean one boot. Boot times (macOS) wander by seconds whenever the clock is set."""
    if one == other:
        return True
    return one.isdecimal() and other.isdecimal() and abs(float(one) - float(other)) < _SAME_BOOT_SECONDS


def process_id(pid: int) -> ProcessId | None:
    """The identity of a process of this machine; None where it has ended, zombies included."""
    if not 0 < pid <= _LARGEST_PID:
        return None
    started = _start_on_linux(pid) if sys.platform == "linux" else _start_elsewhere(pid)
    return None if started is None else ProcessId(pid=pid, start_time=started)


def alive(process: ProcessId, boot: str) -> bool:
    """Whether this very process, started under boot id `boot` of this machine, still runs.

    A process that hides from us (another user's, on a machine that hides them) counts as alive: to be wrong that way
    leaves a dead run on the list, to be wrong the other way could start a second engine in one folder.
    """
    if not 0 < process.pid <= _LARGEST_PID or not same_boot(boot, boot_id()):
        return False
    now = process_id(process.pid)
    if now is None:
        return _hidden(process.pid)
    return abs(now.start_time - process.start_time) < _SAME_START_SECONDS


def _start_on_linux(pid: int) -> float | None:
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name, in parentheses, may itself hold spaces and parentheses; what follows the last one are fields 3 and on.
    fields = text[text.rfind(b")") + 1 :].split()
    if len(fields) < 20 or fields[0].decode("ascii", "replace") in _DEAD:
        return None
    return float(fields[19])


def _start_elsewhere(pid: int) -> float | None:
    import psutil  # deferred: only where there is no /proc

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

"""The command line of a process as `ps` shows it, changed where the system lets a process do that: on Linux.

A forked process has the command line of the one that it was forked from. The kernel shows what lies between two
addresses of the process; PR_SET_MM_MAP moves these, needs no privilege, and takes all the others along unchanged.
"""

import ctypes
import mmap
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_MM, _PR_SET_MM_MAP = 35, 14
_START_CODE, _END_CODE, _START_STACK, _START_DATA, _END_DATA, _START_BRK, _ENV_START, _ENV_END = (
    26, 27, 28, 45, 46, 47, 50, 51,
)  # fmt: skip
"""Fields of /proc/PID/stat, counted from 1 as in proc(5)."""

_shown: list[mmap.mmap] = []
"""What the kernel reads from now on, so it must stay."""


def retitle(command: Sequence[str]) -> bool:
    """Show this command line from now on; whether that worked. Where it does not, only people who look are misled."""
    if sys.platform != "linux":
        return False
    line = b"".join(os.fsencode(argument) + b"\0" for argument in command)
    shown = mmap.mmap(-1, len(line), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    shown.write(line)
    _shown.append(shown)
    start = ctypes.addressof(ctypes.c_char.from_buffer(shown))
    system = ctypes.CDLL(None)
    system.sbrk.restype = ctypes.c_size_t
    stat = Path("/proc/self/stat").read_bytes()
    # The name, in parentheses, may itself hold spaces; field 3, a letter, follows it.
    field = [0] * 4 + [int(value) for value in stat[stat.rindex(b")") + 1 :].split()[1:]]
    places = (_START_CODE, _END_CODE, _START_DATA, _END_DATA, _START_BRK)
    moved = struct.pack(
        "=12QIi",
        *(field[place] for place in places), system.sbrk(0), field[_START_STACK],
        start, start + len(line), field[_ENV_START], field[_ENV_END], 0, 0, -1,
    )  # fmt: skip
    return not system.prctl(_PR_SET_MM, _PR_SET_MM_MAP, moved, len(moved), 0)

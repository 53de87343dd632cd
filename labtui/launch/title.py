"""The command line of a process as `ps` shows it, changed where the system lets a process do that: on Linux.

A forked process has the command line of the one that it was forked from. The kernel shows what lies between two
addresses of the process; PR_SET_MM_MAP moves these, needs no privilege, and takes all the others along unchanged.
"""

import ctypes
import mmap
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_MM, _PR_SET_MM_MAP = 35, 14
_START_CODE, _END_CODE, _START_STACK, _START_DATA, _END_DATA, _START_BRK, _ENV_START, _ENV_END = (
    26, 27, 28, 45, 46, 47, 50, 51,
)  # fmt: skip
"""Fields of /proc/PID/stat, counted from 1 as in proc(5)."""
_BRK, _SAME_PROGRAM = 5, 0xFFFFFFFF << 32
"""Of the kernel's struct prctl_mm_map: the place of brk, and its last word, which leaves vector and program alone."""

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
    places = (ctypes.c_uint64 * 13)(
        *(field[number] for number in (_START_CODE, _END_CODE, _START_DATA, _END_DATA, _START_BRK)), 0,
        field[_START_STACK], start, start + len(line), field[_ENV_START], field[_ENV_END], 0, _SAME_PROGRAM,
    )  # fmt: skip
    places[_BRK] = system.sbrk(0)  # at the last moment: an allocation moves it
    return not system.prctl(_PR_SET_MM, _PR_SET_MM_MAP, places, ctypes.sizeof(places), 0)

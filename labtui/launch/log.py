"""The log of an attempt: the engine appends to it without a pipe, and the supervisor limits its size."""

import os
import time
from pathlib import Path

from labtui.store.files import write_all

MAX_BYTES = 50 << 20
"""Size at which a log is truncated: a loop that prints must not fill the disk."""

TAIL_BYTES = 5 << 20
"""Bytes that are kept when a log is truncated: people look for how it ended."""

_SLOW, _FAST = 0.25, 0.02
_ROUNDS = 50
"""How often a truncation looks for what the engine has appended meanwhile; the engine may be as fast as we are."""


def open_log(path: Path) -> int:
    """A descriptor that only appends. A process that inherits it writes at the end, also after a truncation."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)


class CappedLog:
    """Checks the size of the log, more often the faster it grows, and truncates it at its beginning if it is too long.

    What the engine writes during a truncation is kept; only if it writes faster than this process, a part is lost.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, tail_bytes: int = TAIL_BYTES) -> None:
        self._path = path
        self._max_bytes, self._tail_bytes = max_bytes, tail_bytes
        self._size = 0
        self._checked = time.monotonic()
        self.pause = _SLOW
        """Seconds until the next check."""

    def check(self) -> None:
        """Truncate the log if it is too long, and set the next pause."""
        try:
            size = self._path.stat().st_size
            if size > self._max_bytes:
                self._truncate()
                size = self._path.stat().st_size
        except OSError:
            return  # removed by hand, or a problem with the disk: the run is more important than its log
        now = time.monotonic()
        growth = max(0, size - self._size) / max(now - self._checked, 1e-3)
        self._size, self._checked = size, now
        seconds_left = (self._max_bytes - size) / growth if growth else _SLOW
        self.pause = min(_SLOW, max(_FAST, seconds_left / 2))

    def _truncate(self) -> None:
        with self._path.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, end - self._tail_bytes))
            tail = stream.read(self._tail_bytes)
        tail = tail[tail.find(b"\n") + 1 :]
        content = f"[labtui: {end - len(tail):,} bytes were removed here]\n".encode() + tail
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            # Overwrite the beginning first, then cut off the rest: what the engine appends meanwhile stays behind it.
            write_all(descriptor, content)
            os.ftruncate(descriptor, len(content) + _copy_appended(descriptor, end))
        finally:
            os.close(descriptor)


def _copy_appended(descriptor: int, end: int) -> int:
    """Copy what was appended after `end` to the descriptor's position; return the number of bytes."""
    seen = end
    for _ in range(_ROUNDS):
        appended = os.pread(descriptor, TAIL_BYTES, seen)
        if not appended:
            break
        write_all(descriptor, appended)
        seen += len(appended)
    return seen - end

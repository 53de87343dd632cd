"""The log of an attempt: appended to by the engine without any pipe, and kept below a size by the parent."""

import os
import time
from pathlib import Path

from labtui.store.files import write_all

CAP = 50 << 20
"""Bytes that a log may have; a print loop must not fill the disk."""

TAIL = 5 << 20
"""Bytes kept when a log is cut; how it ended is what people look for."""

_SLOW, _FAST = 0.25, 0.02
_ROUNDS = 50
"""How often a cut looks for what the engine has appended meanwhile: a flood may be as fast as we are."""


def open_log(path: Path) -> int:
    """A descriptor that only appends. Whoever inherits it goes on writing at the end, also after a cut."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)


class CappedLog:
    """Looks at the log now and then, the more often the faster it grows, and cuts it once it is too long.

    What the engine writes during a cut comes along; only of a flood that is faster than we are is a part lost with what
    was cut.
    """

    def __init__(self, path: Path, *, cap: int = CAP, tail: int = TAIL) -> None:
        self._path = path
        self._cap, self._tail = cap, tail
        self._size = 0
        self._looked = time.monotonic()
        self.pause = _SLOW
        """Seconds until the next look."""

    def look(self) -> None:
        """Cut the log if it is too long, and set the next pause."""
        try:
            size = self._path.stat().st_size
            if size > self._cap:
                self._cut()
                size = self._path.stat().st_size
        except OSError:
            return  # removed by hand, or a disk in trouble: the run matters more than its log
        now = time.monotonic()
        growth = max(0, size - self._size) / max(now - self._looked, 1e-3)
        self._size, self._looked = size, now
        seconds_left = (self._cap - size) / growth if growth else _SLOW
        self.pause = min(_SLOW, max(_FAST, seconds_left / 2))

    def _cut(self) -> None:
        with self._path.open("rb") as stream:
            end = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, end - self._tail))
            kept = stream.read(self._tail)
        kept = kept[kept.find(b"\n") + 1 :]
        short = f"[labtui: {end - len(kept):,} bytes were cut here]\n".encode() + kept
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            # Over the beginning first and cut off then: what the engine appends meanwhile cannot get in between.
            write_all(descriptor, short)
            os.ftruncate(descriptor, len(short) + _carry_along(descriptor, end))
        finally:
            os.close(descriptor)


def _carry_along(descriptor: int, end: int) -> int:
    """Write what was appended behind `end` where the descriptor stands; how many bytes that was."""
    seen = end
    for _ in range(_ROUNDS):
        late = os.pread(descriptor, TAIL, seen)
        if not late:
            break
        write_all(descriptor, late)
        seen += len(late)
    return seen - end

"""Room on the disk that is kept for a small file, so that it can be written where nothing else fits any more.

On a full disk the sign of life and the result matter most: they say that the disk is full. A temporary file beside them
keeps their room. It is written in place and moved to the file's own place, whose old content becomes the room that is
kept: no moment needs a new block, and nobody else can take the room in between. A reader that keeps the old content
open until after the next such write may see it change; readers here read at once.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from labtui.store.files import write_all, write_bytes

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Reserve:
    """The room kept for one small file."""

    def __init__(self, path: Path, size: int) -> None:
        """`size` in bytes: the largest content that fits."""
        self._path, self._size = path, size
        self._room = path.with_name(f".{path.name}.room.tmp")
        self._old = path.with_name(f".{path.name}.old.tmp")

    def keep(self) -> None:
        """Take the room, where there is any."""
        with suppress(OSError):
            write_bytes(self._room, bytes(self._size), durable=False)

    def write(self, content: bytes, *, durable: bool = True) -> None:
        """Replace the file as `write_bytes` does, where the disk is full into the room that is kept.

        Without `durable` nothing waits for the disk. Raises OSError.
        """
        try:
            write_bytes(self._path, content, durable=durable)
        except OSError as fault:
            if fault.errno not in _FULL or len(content) > self._size:
                raise
            self._write_into_the_room(content, durable=durable)

    def release(self) -> None:
        """Give the room back."""
        for path in (self._room, self._old):
            with suppress(OSError):
                path.unlink()

    def _write_into_the_room(self, content: bytes, *, durable: bool) -> None:
        descriptor = os.open(self._room, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            write_all(descriptor, content)
            os.ftruncate(descriptor, len(content))
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with suppress(FileNotFoundError):
            os.link(self._path, self._old, follow_symlinks=False)
        self._room.replace(self._path)
        with suppress(FileNotFoundError):
            self._old.replace(self._room)

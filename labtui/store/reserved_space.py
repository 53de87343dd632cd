"""Disk space that is reserved for a small file, so that it can be written when the disk is full.

On a full disk, the heartbeat and the result matter most: they report that the disk is full. A temporary file beside the
target reserves the space. It is written in place and renamed to the target, whose old content becomes the next reserved
space: this never needs a new block, and no other process can take the space in between. A reader that keeps the old
content open beyond the following write may see it change; the readers here read at once.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from labtui.store.files import write_all, write_bytes

_FULL = (errno.ENOSPC, errno.EDQUOT)


class ReservedSpace:
    """The space reserved for one small file."""

    def __init__(self, path: Path, size: int) -> None:
        """`size` is the number of bytes of the largest content that fits."""
        self._path, self._size = path, size
        self._space = path.with_name(f".{path.name}.room.tmp")
        self._old = path.with_name(f".{path.name}.old.tmp")

    def reserve(self) -> None:
        """Take the space, if there is any."""
        with suppress(OSError):
            write_bytes(self._space, bytes(self._size), durable=False)

    def write(self, content: bytes, *, durable: bool = True) -> None:
        """Replace the file as `write_bytes` does; if the disk is full, use the reserved space.

        Without `durable`, nothing waits for the disk. Raises OSError.
        """
        try:
            write_bytes(self._path, content, durable=durable)
        except OSError as error:
            if error.errno not in _FULL or len(content) > self._size:
                raise
            self._write_into_space(content, durable=durable)

    def release(self) -> None:
        """Give the space back."""
        for path in (self._space, self._old):
            with suppress(OSError):
                path.unlink()

    def _write_into_space(self, content: bytes, *, durable: bool) -> None:
        descriptor = os.open(self._space, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            write_all(descriptor, content)
            os.ftruncate(descriptor, len(content))
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        with suppress(FileNotFoundError):
            os.link(self._path, self._old, follow_symlinks=False)
        self._space.replace(self._path)
        with suppress(FileNotFoundError):
            self._old.replace(self._space)

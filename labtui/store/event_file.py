"""One event file, read as it grows."""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from google_crc32c import extend

from labtui.store.curve_cache import KeptFile, Stamp
from labtui.store.encode_scalar import HEADER
from labtui.store.tfrecord import Frames, find_frames, find_many_frames, payload_crc, unwritten
from labtui.text.clean import clean_line

if TYPE_CHECKING:  # block imports numpy, which nothing pays for until there are records
    from labtui.store.decode_vectorized import Batch

REST = 3_000_000_000
"""Nanoseconds for which a file must have been left alone until its time stamps tell it from what it will be: on some
disks they move in steps of two seconds."""

LONGEST_CHECK = 64 << 20
"""Bytes that are compared by their checksum at once, which takes some 50 ms; of a longer file they are decoded anew."""

_PLAIN = 100
"""Records below which they are decoded one by one: where the two ways cost the same."""

_MANY_BYTES = 16 << 10
"""Bytes from which on the search for records is worth its preparation."""

_LONGEST_HOLE = 1 << 20
"""Bytes that are read in search of the end of a stretch of zero bytes; a longer one is damage."""

_PIECE = 1 << 20

_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class EventFile:
    """How far one file has been read: whole records only, up to the first damaged one."""

    def __init__(self, path: Path, stamp: Stamp, kept: KeptFile | None = None) -> None:
        """Not read yet, or read as far as `kept` tells of a file that `holds` it."""
        self.path = path
        self.identity = stamp.device, stamp.inode
        self.offset = kept.offset if kept else 0
        """Where the first record begins that has not been read."""
        self.fault = ""
        """Why reading ended before the end; empty where it did not."""
        self.unknown = kept.unknown if kept else 0
        """Records with a right checksum that are no events."""
        self._checksum = kept.checksum if kept else 0
        self._stamp = stamp if _has_rested(stamp) else None
        self._size = stamp.size
        self._wants = HEADER
        self._hollow = False
        self._last = kept.last if kept else None

    @property
    def kept(self) -> KeptFile:
        """How far it was read, for a later reader."""
        name = os.fsencode(self.path.name)
        return KeptFile(name, self._stamp, self.offset, self._checksum, self.unknown, self._last)

    @property
    def pending(self) -> bool:
        """Whether there is more to read now."""
        return not self.fault and not self._hollow and self._size - self.offset >= self._wants

    def looked(self, stamp: Stamp) -> None:
        """Take note of how the file is now."""
        if stamp != self._stamp:
            self._stamp = None
        self._size = stamp.size
        self._hollow = False

    def give_up(self) -> None:
        """Read no more until it is looked at again."""
        self._size = self.offset

    def advance(self, budget: int) -> "tuple[int, list[Batch]]":
        """Read on, about `budget` bytes; how many it took, and the points in them. Raises OSError."""
        content = self._read(max(budget, self._wants))
        if len(content) < self._wants:  # shorter than it was a moment ago: the next look at the folder tells
            self._size = self.offset + len(content)
            return len(content), []
        frames = find_frames(content) if len(content) < _MANY_BYTES else find_many_frames(content)
        batches: list[Batch] = []
        whole = len(frames.starts)
        if whole:
            batches, whole = self._decode(content, frames)
        if whole < len(frames.starts):
            self._meet_damage(content, frames, whole)
        else:
            self._go_on(content, frames)
        return len(content), batches

    def _decode(self, content: bytes, frames: Frames) -> "tuple[list[Batch], int]":
        """The points, and how many records come before the first damaged one."""
        from labtui.store import decode_vectorized

        decode = decode_vectorized.decode_plain if len(frames.starts) < _PLAIN else decode_vectorized.decode_block
        decoded = decode(content, frames)
        self.unknown += decoded.unknown
        last = max(decoded.batches, key=_last_record, default=None)
        if last:
            self._last = last.tag, int(last.steps[-1])
        return decoded.batches, decoded.whole

    def _move(self, content: bytes, size: int) -> None:
        """So many bytes of the content have been read."""
        self._checksum = extend(self._checksum, content[:size])
        self.offset += size

    def _go_on(self, content: bytes, frames: Frames) -> None:
        self._move(content, frames.end)
        self._wants = frames.wants
        if frames.fault:
            self._end(frames.fault)
        elif frames.hollow:
            self._meet_hole(len(content) - frames.end)

    def _meet_damage(self, content: bytes, frames: Frames, record: int) -> None:
        start, size = int(frames.starts[record]), int(frames.sizes[record])
        self._move(content, start - HEADER)
        if unwritten(content, start + size, payload_crc(content, start, size)):
            self._meet_hole(len(content) - start + HEADER)
        else:
            self._end("the checksum of a record does not match")

    def _meet_hole(self, read: int) -> None:
        """What was read from the offset on ends in zero bytes: wait for them to be filled, if the file ends there."""
        rest = self._size - self.offset
        if read >= rest:
            self._hollow = True
        elif read > _LONGEST_HOLE:
            self._end(f"zero bytes where {read:,} bytes of records should be")
        else:
            self._wants = min(2 * read, rest)

    def _end(self, why: str) -> None:
        where = "from its beginning"
        if self._last:
            tag = clean_line(self._last[0].decode("utf-8", "replace"), 100)
            where = f"after step {self._last[1]} of {tag}"
        self.fault = f"metrics damaged {where} (byte {self.offset:,}: {why}); the rest of this file is not shown"

    def _read(self, size: int) -> bytes:
        """At most `size` bytes from the offset on; none where the path leads to another file by now."""
        with _opened(self.path, self.identity) as descriptor:
            return b"" if descriptor is None else os.pread(descriptor, size, self.offset)


def holds(path: Path, stamp: Stamp, kept: KeptFile) -> bool:
    """Whether a file begins with the bytes that were read from it once: nobody touched it since, or they have the same
    checksum. False too where that cannot be found out."""
    if kept.stamp == stamp:
        return True
    if not kept.offset <= min(stamp.size, LONGEST_CHECK):
        return False
    try:
        return _checksum(path, (stamp.device, stamp.inode), kept.offset) == kept.checksum
    except OSError:
        return False


def _checksum(path: Path, identity: tuple[int, int], size: int) -> int | None:
    """CRC-32C of the first bytes; None where there are not so many, or the path leads to another file."""
    total = 0
    with _opened(path, identity) as descriptor:
        if descriptor is None:
            return None
        for at in range(0, size, _PIECE):
            wanted = min(_PIECE, size - at)
            piece = os.pread(descriptor, wanted, at)
            if len(piece) < wanted:
                return None
            total = extend(total, piece)
    return total


@contextmanager
def _opened(path: Path, identity: tuple[int, int]) -> Iterator[int | None]:
    """A descriptor; None where the path leads to another file by now. Raises OSError."""
    descriptor = os.open(path, _OPEN)
    try:
        status = os.fstat(descriptor)
        expected = stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) == identity
        yield descriptor if expected else None
    finally:
        os.close(descriptor)


def _has_rested(stamp: Stamp) -> bool:
    return time.time_ns() - max(stamp.modified, stamp.changed) > REST


def _last_record(batch: "Batch") -> int:
    return int(batch.records[-1])

"""One event file, read as it grows."""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from labtui.clean import clean_line
from labtui.store.events import HEADER
from labtui.store.framing import Frames, find_frames, find_many_frames, payload_crc, unwritten

if TYPE_CHECKING:  # block imports numpy, which nothing pays for until there are records
    from labtui.store.block import Batch

Identity = tuple[int, int]
"""Device and inode."""

_PLAIN = 100
"""Records below which they are decoded one by one: where the two ways cost the same."""

_MANY_BYTES = 16 << 10
"""Bytes from which on the search for records is worth its preparation."""

_LONGEST_HOLE = 1 << 20
"""Bytes that are read in search of the end of a stretch of zero bytes; a longer one is damage."""

_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class EventFile:
    """How far one file has been read: whole records only, up to the first damaged one."""

    def __init__(self, path: Path, identity: Identity) -> None:
        self.path = path
        self.identity = identity
        self.offset = 0
        """Where the first record begins that has not been read."""
        self.fault = ""
        """Why reading ended before the end; empty where it did not."""
        self.unknown = 0
        """Records with a right checksum that are no events."""
        self._size = 0
        self._wants = HEADER
        self._hollow = False
        self._last: tuple[bytes, int] | None = None

    @property
    def pending(self) -> bool:
        """Whether there is more to read now."""
        return not self.fault and not self._hollow and self._size - self.offset >= self._wants

    def grown(self, size: int) -> None:
        """Take note of the file's present size."""
        self._size = size
        self._hollow = False

    def advance(self, budget: int) -> "tuple[int, list[Batch]]":
        """Read on, about `budget` bytes; how many it took, and the points in them. Raises OSError."""
        content = self._read(max(budget, self._wants))
        if len(content) < self._wants:  # shorter than it was a moment ago: the next look at the folder tells
            self._size = self.offset + len(content)
            return len(content), []
        frames = find_frames(content) if len(content) < _MANY_BYTES else find_many_frames(content)
        batches: list[Batch] = []
        whole = len(frames.starts)
        if frames.starts:
            batches, whole = self._decode(content, frames)
        if whole < len(frames.starts):
            self._meet_damage(content, frames, whole)
        else:
            self._go_on(content, frames)
        return len(content), batches

    def _decode(self, content: bytes, frames: Frames) -> "tuple[list[Batch], int]":
        """The points, and how many records come before the first damaged one."""
        from labtui.store import block

        decode = block.decode_plain if len(frames.starts) < _PLAIN else block.decode_block
        decoded = decode(content, frames)
        self.unknown += decoded.unknown
        last = max((batch for batch in decoded.batches if len(batch.records)), key=_last_record, default=None)
        if last:
            self._last = last.tag, int(last.steps[-1])
        return decoded.batches, decoded.whole

    def _go_on(self, content: bytes, frames: Frames) -> None:
        self.offset += frames.end
        self._wants = frames.wants
        if frames.fault:
            self._end(frames.fault)
        elif frames.hollow:
            self._meet_hole(len(content) - frames.end)

    def _meet_damage(self, content: bytes, frames: Frames, record: int) -> None:
        start, size = frames.starts[record], frames.sizes[record]
        self.offset += start - HEADER
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
        descriptor = os.open(self.path, _OPEN)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) != self.identity:
                return b""
            return os.pread(descriptor, size, self.offset)
        finally:
            os.close(descriptor)


def _last_record(batch: "Batch") -> int:
    return int(batch.records[-1])

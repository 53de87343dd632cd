"""One event file, read as it grows."""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from labtui.clean import clean_line
from labtui.store.events import HEADER
from labtui.store.framing import Frames, find_frames, find_many_frames, unwritten

if TYPE_CHECKING:  # block imports numpy, which nothing pays for until there are records
    from labtui.store.block import Batch, Block

Identity = tuple[int, int]
"""Device and inode."""

_PLAIN = 100
"""Records below which they are decoded one by one: where the two ways cost the same."""

_MANY_BYTES = 16 << 10
"""Bytes from which on the search for records is worth its preparation."""

_LONGEST_HOLE = 1 << 20
"""Zero bytes that are waited for to be filled; a longer stretch is damage."""

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
        at_end = self.offset + len(content) >= self._size
        frames = find_frames(content) if len(content) < _MANY_BYTES else find_many_frames(content)
        batches = self._take(content, frames) if frames.starts else []
        if not self.fault and not self._hollow:
            self._go_on(frames, len(content), at_end=at_end)
        return len(content), batches

    def _take(self, content: bytes, frames: Frames) -> "list[Batch]":
        from labtui.store import block

        decode = block.decode_plain if len(frames.starts) < _PLAIN else block.decode_block
        decoded = decode(content, frames)
        self.unknown += decoded.unknown
        self._remember_last(decoded)
        if decoded.whole < len(frames.starts):
            self._meet_damage(content, frames, decoded.whole)
        return decoded.batches

    def _meet_damage(self, content: bytes, frames: Frames, record: int) -> None:
        self.offset += frames.starts[record] - HEADER
        if unwritten(content, frames.starts[record] + frames.sizes[record]):
            self._hollow = True
        else:
            self._end("the checksum of a record does not match")

    def _go_on(self, frames: Frames, read: int, *, at_end: bool) -> None:
        self.offset += frames.end
        self._wants = frames.wants
        if frames.fault:
            self._end(frames.fault)
        elif frames.hollow:
            self._meet_hole(read - frames.end, at_end=at_end)

    def _meet_hole(self, length: int, *, at_end: bool) -> None:
        if length > _LONGEST_HOLE:
            self._end(f"more than {_LONGEST_HOLE:,} zero bytes")
        elif at_end:
            self._hollow = True
        else:
            self._wants = 2 * length

    def _end(self, why: str) -> None:
        where = "from its beginning"
        if self._last:
            tag = clean_line(self._last[0].decode("utf-8", "replace"), 100)
            where = f"after step {self._last[1]} of {tag}"
        self.fault = f"metrics damaged {where} (byte {self.offset:,}: {why}); the rest of this file is not shown"

    def _remember_last(self, decoded: "Block") -> None:
        batches = [batch for batch in decoded.batches if len(batch.records)]
        if batches:
            last = max(batches, key=lambda batch: int(batch.records[-1]))
            self._last = last.tag, int(last.steps[-1])

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

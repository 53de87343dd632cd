"""One event file, read while it grows."""

import os
import re
import stat
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from google_crc32c import extend

from labtui.store.curve_cache import FileProgress, FileStamp
from labtui.store.tfrecord import HEADER, Frames, find_frames, find_many_frames, is_unwritten, payload_crc
from labtui.text.clean import clean_line

if TYPE_CHECKING:  # it imports numpy, which is not needed before there are records
    from labtui.store.decode_vectorized import Batch

SETTLED_NS = 3_000_000_000
"""Nanoseconds for which a file must not have changed before its time stamps identify its content: on some disks they
advance in steps of two seconds."""

MAX_CHECKSUM_BYTES = 64 << 20
"""A longer file is not compared by its checksum but decoded again. Comparing this much takes about 50 ms."""

_FEW_RECORDS = 100
"""Below this many, records are decoded one by one: at this number both ways cost the same."""

_MANY_BYTES = 16 << 10
"""From this many bytes on, the vectorized search for records pays off."""

_MAX_HOLE = 1 << 20
"""Bytes that are read in search of the end of a stretch of zero bytes; a longer stretch is damage."""

_CHUNK = 1 << 20

_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class Read(NamedTuple):
    """What one step forward in a file found."""

    size: int
    """Bytes that were read."""
    batches: "list[Batch]"
    restart: int | None = None
    """The step from which on everything that was read before no longer counts; None in most cases."""


class EventFile:
    """A file and how far it has been read: whole records only, up to the first damaged one."""

    def __init__(
        self, path: Path, stamp: FileStamp, progress: FileProgress | None = None, *, folder: Path | None = None
    ) -> None:
        """Begin at the start, or where `progress` says, for a file that passed `begins_with`.

        `folder` is the run's, if the file may be in a folder below it.
        """
        self.path = path
        self.name = os.fsencode(path.name if folder is None else path.relative_to(folder))
        self.prefix = b"" if folder is None else tag_prefix(path.relative_to(folder).parent.parts)
        """What its tags begin with in the run's curves."""
        self.identity = stamp.device, stamp.inode
        self.offset = progress.offset if progress else 0
        """Where the first record begins that has not been read."""
        self.damage = ""
        """Why reading ended before the end of the file; empty if it did not."""
        self.unknown = progress.unknown if progress else 0
        """Records whose checksum is right but which are not events."""
        self.others: Counter[str] = Counter(progress.others if progress else {})
        """Values that are no scalars, by kind."""
        self._checksum = progress.checksum if progress else 0
        self._stamp = stamp if _is_settled(stamp) else None
        self._size = stamp.size
        self._wants = HEADER
        self._skips = False
        """Whether the next `_wants` bytes are a record that is too large to be read."""
        self._ends_in_zeros = False
        self._last = progress.last if progress else None

    @property
    def progress(self) -> FileProgress:
        """How far the file has been read, for a later reader."""
        return FileProgress(
            self.name, self._stamp, self.offset, self._checksum, self.unknown, self._last, dict(self.others)
        )

    @property
    def pending(self) -> bool:
        """Whether there is more to read now."""
        return not self.damage and not self._ends_in_zeros and self._size - self.offset >= self._wants

    def update(self, stamp: FileStamp) -> None:
        """Note what the file looks like now."""
        if stamp != self._stamp:
            self._stamp = None
        self._size = stamp.size
        self._ends_in_zeros = False

    def give_up(self) -> None:
        """Read nothing more before the next `update`."""
        self._size = self.offset

    def advance(self, budget: int) -> "Read":
        """Read about `budget` more bytes. Raises OSError."""
        if self._skips:
            self.offset += self._wants
            self._wants, self._skips = HEADER, False
            return Read(HEADER, [])
        content = self._read(max(budget, self._wants))
        if len(content) < self._wants:  # shorter than a moment ago: the next look at the folder shows why
            self._size = self.offset + len(content)
            return Read(len(content), [])
        frames = find_frames(content) if len(content) < _MANY_BYTES else find_many_frames(content)
        batches: list[Batch] = []
        restart: int | None = None
        intact = len(frames.starts)
        if intact:
            batches, intact, restart = self._decode(content, frames)
        if intact < len(frames.starts):
            self._handle_damage(content, frames, intact)
        else:
            self._continue_after(content, frames)
        return Read(len(content), batches, restart)

    def _decode(self, content: bytes, frames: Frames) -> "tuple[list[Batch], int, int | None]":
        """The points, the number of records before the first damaged one, and the step of a restart."""
        from labtui.store import decode_vectorized

        few = len(frames.starts) < _FEW_RECORDS
        decode = decode_vectorized.decode_plain if few else decode_vectorized.decode_block
        decoded = decode(content, frames)
        self.unknown += decoded.unknown
        self.others.update(decoded.others)
        last = max(decoded.batches, key=_last_record, default=None)
        if last:
            self._last = last.tag, int(last.steps[-1])
        return decoded.batches, decoded.intact, decoded.restart

    def _move(self, content: bytes, size: int) -> None:
        """Count the first `size` bytes of the content as read."""
        self._checksum = extend(self._checksum, content[:size])
        self.offset += size

    def _continue_after(self, content: bytes, frames: Frames) -> None:
        self._move(content, frames.end)
        self._wants, self._skips = frames.wants, frames.skips
        if frames.damage:
            self._stop(frames.damage)
        elif frames.zeros_follow:
            self._handle_zeros(len(content) - frames.end)

    def _handle_damage(self, content: bytes, frames: Frames, record: int) -> None:
        start, size = int(frames.starts[record]), int(frames.sizes[record])
        self._move(content, start - HEADER)
        if is_unwritten(content, start + size, payload_crc(content, start, size)):
            self._handle_zeros(len(content) - start + HEADER)
        else:
            self._stop("the checksum of a record does not match")

    def _handle_zeros(self, read: int) -> None:
        """The `read` bytes from the offset on end in zeros: if the file ends there, wait until they are written."""
        rest = self._size - self.offset
        if read >= rest:
            self._ends_in_zeros = True
        elif read > _MAX_HOLE:
            self._stop(f"zero bytes where {read:,} bytes of records should be")
        else:
            self._wants = min(2 * read, rest)

    def _stop(self, why: str) -> None:
        where = "from its beginning"
        if self._last:
            tag = clean_line(self._last[0].decode("utf-8", "replace"), 100)
            where = f"after step {self._last[1]:,} of {tag}"
        self.damage = f"metrics damaged {where} (byte {self.offset:,}: {why}); the rest of this file is not shown"

    def _read(self, size: int) -> bytes:
        """At most `size` bytes from the offset on; none if the path now leads to another file."""
        with _opened(self.path, self.identity) as descriptor:
            return b"" if descriptor is None else os.pread(descriptor, size, self.offset)


_COUNTED = re.compile(
    r"version_\d+|lightning_logs|tb_logs|tensorboard|logs|runs|multirun|[\d._-]+"
    r"|[A-Z][a-z]{2}\d\d_\d\d-\d\d-\d\d_.*"  # SummaryWriter's and Hugging Face's folder: date, time and host
)
"""Names of folders that count or date runs, and say nothing about what is in them."""


def counts_only(folder: str) -> bool:
    """Whether the name of a folder only counts or dates runs: `version_0`, `lightning_logs`, `2026-11-29`."""
    return _COUNTED.fullmatch(folder) is not None


def tag_prefix(folders: tuple[str, ...]) -> bytes:
    """What the tags of an event file begin with that is in these folders below its run's: `train/`; often nothing."""
    named = [name for name in folders if not counts_only(name)]
    return os.fsencode("/".join(named) + "/") if named else b""


def begins_with(path: Path, stamp: FileStamp, progress: FileProgress) -> bool:
    """Whether a file still begins with the bytes that were read from it: it was not touched since, or their checksum is
    the same. False if that cannot be determined."""
    if progress.stamp == stamp:
        return True
    if not progress.offset <= min(stamp.size, MAX_CHECKSUM_BYTES):
        return False
    try:
        return _checksum(path, (stamp.device, stamp.inode), progress.offset) == progress.checksum
    except OSError:
        return False


def _checksum(path: Path, identity: tuple[int, int], size: int) -> int | None:
    """CRC-32C of the first `size` bytes; None if there are fewer, or if the path leads to another file."""
    total = 0
    with _opened(path, identity) as descriptor:
        if descriptor is None:
            return None
        for at in range(0, size, _CHUNK):
            wanted = min(_CHUNK, size - at)
            chunk = os.pread(descriptor, wanted, at)
            if len(chunk) < wanted:
                return None
            total = extend(total, chunk)
    return total


@contextmanager
def _opened(path: Path, identity: tuple[int, int]) -> Iterator[int | None]:
    """A descriptor; None if the path now leads to another file. Raises OSError."""
    descriptor = os.open(path, _OPEN)
    try:
        status = os.fstat(descriptor)
        expected = stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) == identity
        yield descriptor if expected else None
    finally:
        os.close(descriptor)


def _is_settled(stamp: FileStamp) -> bool:
    return time.time_ns() - max(stamp.modified, stamp.changed) > SETTLED_NS


def _last_record(batch: "Batch") -> int:
    return int(batch.records[-1])

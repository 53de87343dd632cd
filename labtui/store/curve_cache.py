"""Decoded curves in the user's cache: one file per run folder, replaced as a whole, never locked.

Nothing depends on these files. If one is damaged, outdated or gone, the run's event files are decoded again; if none
can be written, none are. They are memory-mapped: what nobody looks at takes no memory, and the system can take the
pages back. A file that is replaced or removed stays mapped as it was.

    magic | checksum | size of the index | index | arrays, each at a multiple of eight bytes

The checksum covers all that follows it. Numbers have this machine's byte order; on another machine the checksum is
wrong. (This is not `.npy` with `mmap_mode`: that maps one array per file and opens it by its path, while here one
checked descriptor serves all arrays of a run, and the steps that most tags share are stored once.)
"""

import mmap
import os
import stat
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet

import msgspec
from google_crc32c import extend
from google_crc32c import value as crc32c

from labtui import __version__
from labtui.store.files import write_bytes
from labtui.store.paths import cache_folder

if TYPE_CHECKING:  # numpy is imported with the first points
    from numpy.typing import NDArray

    from labtui.store.curve import Points

MAX_FILE_BYTES = 64 << 20
"""A run whose file would be larger is not cached."""

MAX_TOTAL_BYTES = 512 << 20
"""Of all files; the least recently used ones are removed first."""

MAX_MAPPED_FILES = 128
"""Each mapped file takes a descriptor; further files are read into memory."""

CLEANUP_INTERVAL = 64 << 20
"""Bytes that are written between two cleanups of the folder."""

MOUNTS = Path("/proc/self/mountinfo")

_DAY = 86_400.0
_CHUNK = 1 << 20

_REMOTE = ("nfs", "cifs", "smb", "fuse.", "9p", "lustre", "ceph", "beegfs", "gpfs", "afs")
"""Prefixes of the file system types that another machine may share."""

_MAGIC = b"ltcurve2"
"""The digit is the format's version: raise it when anything in the format changes."""

_SUM = struct.Struct("=I")
_SIZE = struct.Struct("=I")
_HEADER_BYTES = len(_MAGIC) + _SUM.size
"""Bytes before those that the checksum covers."""

_INDEX_START = _HEADER_BYTES + _SIZE.size
_DTYPES = ("i8", "f4", "f8", "i4")
"""Of steps, values, wall times and ranks."""


class FileStamp(msgspec.Struct, frozen=True, array_like=True):
    """A file as a folder listing shows it."""

    device: int
    inode: int
    size: int
    modified: int
    """Nanoseconds, as `changed`."""
    changed: int
    """When content, owner or name changed. Unlike `modified`, nobody can set it back."""

    @classmethod
    def of(cls, status: os.stat_result) -> "FileStamp":
        """The stamp of a file with this status."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class FileProgress(msgspec.Struct, frozen=True, array_like=True):
    """How far an event file has been read."""

    name: bytes
    stamp: FileStamp | None
    """The same from before the first byte was read until the last; None if it changed, or had only just changed."""
    offset: int
    """Bytes read: whole records."""
    checksum: int
    """CRC-32C of these bytes."""
    unknown: int
    """Records that are not events."""
    last: tuple[bytes, int] | None
    """Tag and step of the last point."""
    others: dict[str, int] = {}
    """Values that are no scalars, by kind."""


class CachedCurves(NamedTuple):
    """A run's points, and how far the event files that they come from were read."""

    files: tuple[FileProgress, ...]
    points: "dict[bytes, Points]"
    """By tag, in the order in which the tags first appeared."""
    left_out: int
    """Number of points whose tags are beyond the limit."""


class UnusableCache(ValueError):
    """The content is damaged, or belongs to another version of labtui or to another run."""


class _IndexEntry(msgspec.Struct, frozen=True, array_like=True):
    tag: bytes
    count: int
    offsets: tuple[int, int, int, int]
    """Of the four arrays, from the end of the index on."""


class _Index(msgspec.Struct, frozen=True, array_like=True):
    labtui: str
    run: bytes
    """The folder; the name of the file is only a hash of it."""
    files: tuple[FileProgress, ...]
    left_out: int
    entries: tuple[_IndexEntry, ...]


class CurveCache:
    """The files in one folder. Several caches, in this process and in others, may work on one folder at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mapped: WeakSet[mmap.mmap] = WeakSet()
        self._stays_mapped: dict[int, bool] = {}
        """By the number of the disk."""
        self._until_cleanup = 0
        self._write_failed = False

    @staticmethod
    def of_user(environ: Mapping[str, str]) -> "CurveCache | None":
        """The cache in `$XDG_CACHE_HOME/labtui`, by default `~/.cache/labtui`; None for a user without a home."""
        folder = cache_folder(environ)
        return _cache_in(folder / "curves") if folder.is_absolute() else None

    def load(self, run: Path) -> CachedCurves | None:
        """What is cached of a run folder; None if there is nothing, or nothing usable.

        The caller must check whether the event files are still those that were read.
        """
        name = _full_path(run)
        try:
            return decode(name, self._content(self._path(name)))
        except (OSError, ValueError):
            return None

    def save(self, run: Path, curves: CachedCurves) -> CachedCurves | None:
        """Store the curves of a run folder and return them in mapped pages; None if they could not be stored."""
        if self._write_failed:
            return None
        name = _full_path(run)
        try:
            content = encode(name, curves)
            if len(content) > MAX_FILE_BYTES:
                return None
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_space(len(content))
            write_bytes(self._path(name), content, mode=0o600, durable=False)
        except OverflowError:
            return None
        except OSError:  # read-only or full, and so for the next run too
            self._write_failed = True
            return None
        return self.load(run)

    def _path(self, name: bytes) -> Path:
        return self.folder / blake2b(name, digest_size=16).hexdigest()

    def _content(self, path: Path) -> mmap.mmap | bytes:
        """A file's content, checked. Raises OSError, ValueError."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            if not _is_own(status) or status.st_size > MAX_FILE_BYTES or not _is_intact(descriptor, status.st_size):
                raise UnusableCache("damaged, or another user's")
            if time.time() - status.st_mtime > _DAY:
                with suppress(OSError):
                    os.utime(descriptor)
            if len(self._mapped) >= MAX_MAPPED_FILES or not self._can_map(status.st_dev):
                return os.pread(descriptor, status.st_size, 0)
            mapped = mmap.mmap(descriptor, status.st_size, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
        self._mapped.add(mapped)
        return mapped

    def _can_map(self, device: int) -> bool:
        if device not in self._stays_mapped:
            self._stays_mapped[device] = _stays_mapped(device)
        return self._stays_mapped[device]

    def _make_space(self, size: int) -> None:
        """Remove the least recently used files if `size` more bytes would be too many."""
        self._until_cleanup -= size
        if self._until_cleanup >= 0:
            return
        files = sorted(_cached_files(self.folder))
        total = sum(used for _, used, _ in files) + size + CLEANUP_INTERVAL
        for _, used, path in files:
            if total <= MAX_TOTAL_BYTES:
                break
            path.unlink(missing_ok=True)
            total -= used
        self._until_cleanup = CLEANUP_INTERVAL


def encode(run: bytes, curves: CachedCurves) -> bytes:
    """The content of a file about this run folder. Equal arrays, such as the steps of most tags, are stored once.

    Raises OverflowError if a file's time stamp does not fit into 64 bits.
    """
    offsets: dict[bytes, int] = {}
    end = 0
    entries = []
    for tag, points in curves.points.items():
        own = []
        for array in points:
            raw = array.tobytes()
            if raw not in offsets:
                offsets[raw] = end
                end += len(raw) + -len(raw) % 8
            own.append(offsets[raw])
        entries.append(_IndexEntry(tag, len(points.steps), (own[0], own[1], own[2], own[3])))
    index = msgspec.msgpack.encode(_Index(__version__, run, curves.files, curves.left_out, tuple(entries)))
    parts = [_SIZE.pack(len(index))]
    for part in (index, *offsets):
        parts += [part, bytes(-len(part) % 8)]
    body = b"".join(parts)
    return header(crc32c(body)) + body


def header(checksum: int) -> bytes:
    """The first bytes of a file whose rest has this CRC-32C."""
    return _MAGIC + _SUM.pack(checksum)


def decode(run: bytes, content: mmap.mmap | bytes) -> CachedCurves:
    """What a file says of this run folder. The arrays are views of `content`, whose checksum has been compared.

    The offsets are checked as well, even though the checksum is right. Raises UnusableCache.
    """
    if len(content) < _INDEX_START:
        raise UnusableCache("truncated")
    (size,) = _SIZE.unpack_from(content, _HEADER_BYTES)
    try:
        index = msgspec.msgpack.decode(content[_INDEX_START : _INDEX_START + size], type=_Index)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableCache(str(error)) from error
    if (index.labtui, index.run) != (__version__, run):
        raise UnusableCache("of another version of labtui or of another run")
    base = _INDEX_START + size + -size % 8
    points = {entry.tag: _points(content, base, entry) for entry in index.entries}
    return CachedCurves(index.files, points, index.left_out)


def _points(content: mmap.mmap | bytes, base: int, entry: _IndexEntry) -> "Points":
    from labtui.store.curve import Points

    columns = zip(_DTYPES, entry.offsets, strict=True)
    return Points(*(_array(content, dtype, base, offset, entry.count) for dtype, offset in columns))


def _array(content: mmap.mmap | bytes, dtype: str, base: int, offset: int, count: int) -> "NDArray[Any]":
    import numpy as np

    if offset < 0 or count <= 0 or base + offset + count * np.dtype(dtype).itemsize > len(content):
        raise UnusableCache("an array reaches beyond the file")
    return np.frombuffer(content, dtype, count, base + offset)


@cache
def _cache_in(folder: Path) -> CurveCache:
    return CurveCache(folder)


def _cached_files(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Per file: when it was last written or used, its bytes, and its path."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                yield status.st_mtime, status.st_size, path


def _is_own(status: os.stat_result) -> bool:
    """Whether it is a regular file that no other user can have written."""
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _is_intact(descriptor: int, size: int) -> bool:
    """Whether the checksum is right. Read, not mapped: pages touched through a mapping would count as our memory."""
    total = 0
    for at in range(_HEADER_BYTES, size, _CHUNK):
        total = extend(total, os.pread(descriptor, _CHUNK, at))
    return os.pread(descriptor, _HEADER_BYTES, 0) == header(total)


def _stays_mapped(device: int) -> bool:
    """Whether a mapped file on this disk stays readable after somebody removes it.

    On a network disk another machine can remove it for good; a process that then touches a page is killed by SIGBUS.
    """
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = [line.split() for line in MOUNTS.read_text(errors="replace").splitlines()]
    except OSError:  # not Linux
        return True
    types = [fields[fields.index("-") + 1] for fields in mounts if fields[2] == wanted]
    return not any(name.startswith(_REMOTE) for name in types)


def _full_path(run: Path) -> bytes:
    return os.fsencode(os.path.realpath(run))

"""Curves that were read once, kept in the user's cache: one file per run folder, replaced as a whole, never locked.

Nothing depends on these files. One that is damaged, old or gone costs the time to read the run's event files, and
where none can be written, none are. They are mapped, not read: what is not looked at takes no memory, and the system
takes back the rest when it needs it. A file that is replaced or removed stays mapped as it was.
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
from labtui.store.files import write_all
from labtui.store.paths import cache_folder

if TYPE_CHECKING:  # numpy comes with the first points
    from numpy.typing import NDArray

    from labtui.store.curve import Points


_MAGIC = b"ltcurve1"
"""The digit is the schema's number: to be raised when anything here changes."""

_SUM = struct.Struct("=I")
_SIZE = struct.Struct("=I")
HEAD = len(_MAGIC) + _SUM.size
"""Bytes before those that the checksum is of."""

_INDEX = HEAD + _SIZE.size
_KINDS = ("i8", "f4", "f8", "i4")
"""Of steps, values, wall times and ranks."""


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """A file as a folder listing shows it."""

    device: int
    inode: int
    size: int
    modified: int
    """Nanoseconds, as `changed`."""
    changed: int
    """When content, owner or name changed; unlike `modified`, nobody can set it back."""


class KeptFile(msgspec.Struct, frozen=True, array_like=True):
    """How far an event file was read."""

    name: bytes
    stamp: Stamp | None
    """As it was from before its first byte was read until the last; None where it changed, or had just changed."""
    offset: int
    """Bytes read: whole records."""
    checksum: int
    """CRC-32C of these bytes."""
    unknown: int
    """Records that are no events."""
    last: tuple[bytes, int] | None
    """Tag and step of the last point."""


class Kept(NamedTuple):
    """A run's points, and the files that they are from."""

    files: tuple[KeptFile, ...]
    series: "dict[bytes, Points]"
    """By tag, in the order in which the tags first came."""
    left_out: int
    """Points of tags beyond those that are shown."""


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    tag: bytes
    points: int
    places: tuple[int, int, int, int]
    """Of the four arrays, from the end of the index on."""


class _Index(msgspec.Struct, frozen=True, array_like=True):
    labtui: str
    run: bytes
    """The folder; the name of the file is only a hash of it."""
    files: tuple[KeptFile, ...]
    left_out: int
    series: tuple[_Entry, ...]


class NotKept(ValueError):
    """Content that is damaged, of another labtui, or of another run."""


def encode(run: bytes, kept: Kept) -> bytes:
    """The content of a file about this run folder. Arrays that are equal, as the steps of most tags, are written once.

    Raises OverflowError where a file's time stamp does not fit into 64 bits.
    """
    places: dict[bytes, int] = {}
    end = 0
    entries = []
    for tag, points in kept.series.items():
        own = []
        for array in points:
            raw = array.tobytes()
            if raw not in places:
                places[raw] = end
                end += len(raw) + -len(raw) % 8
            own.append(places[raw])
        entries.append(_Entry(tag, len(points.steps), (own[0], own[1], own[2], own[3])))
    index = msgspec.msgpack.encode(_Index(__version__, run, kept.files, kept.left_out, tuple(entries)))
    parts = [_SIZE.pack(len(index))]
    for part in (index, *places):
        parts += [part, bytes(-len(part) % 8)]
    body = b"".join(parts)
    return head(crc32c(body)) + body


def head(checksum: int) -> bytes:
    """How a file begins whose rest has this CRC-32C."""
    return _MAGIC + _SUM.pack(checksum)


def decode(run: bytes, content: "mmap.mmap | bytes") -> Kept:
    """What was kept of this run folder; the arrays are views of `content`, whose checksum was compared. Raises NotKept.

    Right though the checksum is, nothing is believed that would reach beyond the content.
    """
    if len(content) < _INDEX:
        raise NotKept("cut short")
    (size,) = _SIZE.unpack_from(content, HEAD)
    try:
        index = msgspec.msgpack.decode(content[_INDEX : _INDEX + size], type=_Index)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise NotKept(str(fault)) from fault
    if (index.labtui, index.run) != (__version__, run):
        raise NotKept("of another labtui or another run")
    base = _INDEX + size + -size % 8
    return Kept(index.files, {entry.tag: _points(content, base, entry) for entry in index.series}, index.left_out)


def _points(content: "mmap.mmap | bytes", base: int, entry: _Entry) -> "Points":
    from labtui.store.curve import Points

    places = zip(_KINDS, entry.places, strict=True)
    return Points(*(_array(content, kind, base, place, entry.points) for kind, place in places))


def _array(content: "mmap.mmap | bytes", kind: str, base: int, place: int, count: int) -> "NDArray[Any]":
    import numpy as np

    if place < 0 or count <= 0 or base + place + count * np.dtype(kind).itemsize > len(content):
        raise NotKept("an array reaches beyond the file")
    return np.frombuffer(content, kind, count, base + place)


LARGEST = 64 << 20
"""Bytes of one run's file; what is larger is not kept."""

ALL_TOGETHER = 512 << 20
"""Bytes of all files; the ones longest unused go first."""

_STRIDE = 64 << 20
"""Bytes that are written until the folder is looked through again."""

_DAY = 86_400.0
_PIECE = 1 << 20

MOST_MAPPED = 128
"""Files mapped at a time, since each takes a descriptor; the next ones are read into memory."""

_ELSEWHERE = ("nfs", "cifs", "smb", "fuse.", "9p", "lustre", "ceph", "beegfs", "gpfs", "afs")
"""How the kinds of file systems begin that another machine may have a part in."""

MOUNTS = Path("/proc/self/mountinfo")


class CurveCache:
    """The files in one folder. Several may work on it at once, in this process and in others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._mapped: WeakSet[mmap.mmap] = WeakSet()
        self._room = 0
        self._refused = False

    @staticmethod
    def of_user(environ: Mapping[str, str]) -> "CurveCache | None":
        """The one in `$XDG_CACHE_HOME/labtui`, by default `~/.cache/labtui`; None for a user without a home."""
        folder = cache_folder(environ)
        return _cache_in(folder / "curves") if folder.is_absolute() else None

    def load(self, run: Path) -> Kept | None:
        """What was kept of a run folder; None where that is nothing, or nothing that can be used.

        Whether its event files still are what they were is for the caller to see.
        """
        name = _full(run)
        try:
            return decode(name, self._content(self._place(name)))
        except (OSError, ValueError):
            return None

    def save(self, run: Path, points: Kept) -> Kept | None:
        """Keep this of a run folder; the same again, in mapped pages. None where it could not be kept."""
        if self._refused:
            return None
        name = _full(run)
        try:
            content = encode(name, points)
            if len(content) > LARGEST:
                return None
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(len(content))
            _replace(self._place(name), content)
        except OverflowError:
            return None
        except OSError:  # read-only, or full: it would be so for the next run too
            self._refused = True
            return None
        return self.load(run)

    def _place(self, name: bytes) -> Path:
        return self.folder / blake2b(name, digest_size=16).hexdigest()

    def _content(self, path: Path) -> mmap.mmap | bytes:
        """A file's content, checked. Raises OSError, ValueError."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            if not _is_own(status) or status.st_size > LARGEST or not _is_whole(descriptor, status.st_size):
                raise NotKept("damaged, or somebody else's")
            if time.time() - status.st_mtime > _DAY:
                with suppress(OSError):
                    os.utime(descriptor)
            if len(self._mapped) >= MOST_MAPPED or not _stays(status.st_dev):
                return os.pread(descriptor, status.st_size, 0)
            mapped = mmap.mmap(descriptor, status.st_size, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
        self._mapped.add(mapped)
        return mapped

    def _make_room(self, size: int) -> None:
        """Remove the files longest unused, if `size` more bytes would be too many."""
        self._room -= size
        if self._room >= 0:
            return
        found = sorted(_entries(self.folder))
        total = sum(used for _, used, _ in found) + size + _STRIDE
        for _, used, path in found:
            if total <= ALL_TOGETHER:
                break
            path.unlink(missing_ok=True)
            total -= used
        self._room = _STRIDE


@cache
def _cache_in(folder: Path) -> CurveCache:
    return CurveCache(folder)


def _entries(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When each file was last written or found in use, its bytes, and where it is."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                yield status.st_mtime, status.st_size, path


def _replace(path: Path, content: bytes) -> None:
    """Put a file in its place as a whole; a name of its own for each writer, wherever that one runs."""
    temporary = path.with_name(f"{path.name}.{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            write_all(descriptor, content)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _is_own(status: os.stat_result) -> bool:
    """Whether it is a regular file that nobody else can have written."""
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _is_whole(descriptor: int, size: int) -> bool:
    """Whether the checksum is right. Read, not mapped: pages that were looked at through a mapping count as memory."""
    total = 0
    for at in range(HEAD, size, _PIECE):
        total = extend(total, os.pread(descriptor, _PIECE, at))
    return os.pread(descriptor, HEAD, 0) == head(total)


@cache
def _stays(device: int) -> bool:
    """Whether a mapped file on this disk stays readable whoever removes it.

    On a network disk another machine can remove it for good; who then looks at a page is killed by a signal.
    """
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = [line.split() for line in MOUNTS.read_text(errors="replace").splitlines()]
    except OSError:  # not Linux
        return True
    kinds = [fields[fields.index("-") + 1] for fields in mounts if fields[2] == wanted]
    return not any(kind.startswith(_ELSEWHERE) for kind in kinds)


def _full(run: Path) -> bytes:
    return os.fsencode(os.path.realpath(run))

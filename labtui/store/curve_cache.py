"""Curves that were read once, kept in the user's cache: one file per run folder, replaced as a whole, never locked.

Nothing depends on these files. One that is damaged, old or gone costs the time to read the run's event files, and
where none can be written, none are. They are mapped, not read: what is not looked at takes no memory, and the system
takes back the rest when it needs it. A file that is replaced or removed stays mapped as it was.
"""

import mmap
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from weakref import WeakSet

from google_crc32c import extend

from labtui.store import kept
from labtui.store.files import write_all
from labtui.store.kept import Kept
from labtui.store.paths import cache_folder

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
            return kept.decode(name, self._content(self._place(name)))
        except (OSError, ValueError):
            return None

    def save(self, run: Path, points: Kept) -> Kept | None:
        """Keep this of a run folder; the same again, in mapped pages. None where it could not be kept."""
        if self._refused:
            return None
        name = _full(run)
        try:
            content = kept.encode(name, points)
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
                raise kept.NotKept("damaged, or somebody else's")
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
    for at in range(kept.HEAD, size, _PIECE):
        total = extend(total, os.pread(descriptor, _PIECE, at))
    return os.pread(descriptor, kept.HEAD, 0) == kept.head(total)


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

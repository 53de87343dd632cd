"""Whether the files of a data set are here and correct, without hashing them again at every start.

The user's cache stores the folder entry (size, times, inode, device) of each file that was hashed. Every write changes
a file's ctime, which nobody can set, so damage is noticed, except on a disk that silently corrupts data. Where the
cache cannot be written, the files are hashed again.
"""

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from labtui.datasets.info import DataFile, DatasetSource
from labtui.store.files import read_json_or_none, write_json
from labtui.store.paths import cache_folder
from labtui.text.clean import clean_line

SETTLED = 1.0
"""Seconds. A file changed more recently may change again within the same tick of its clock: it is not stored."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A file that is not correct; `what` is "missing", "damaged (…)" or "a symbolic link"."""

    name: str
    what: str


class _Seen(Struct, frozen=True):
    """A file's folder entry at the time when its content had this checksum."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    md5: str


class _Memory(Struct, frozen=True):
    folder: str
    """For people who look into the cache."""
    files: dict[str, _Seen] = {}


def missing(source: DatasetSource, root: Path) -> tuple[Flaw, ...]:
    """The files that are absent, links, or of a wrong size; reads none of them."""
    if source.remote is None:
        return ()
    folder = source.folder(root)
    found = ((file.name, _size_flaw(root, folder / file.name, file.size)) for file in source.remote.files)
    return tuple(Flaw(name, what) for name, what in found if what)


def check(source: DatasetSource, root: Path) -> tuple[Flaw, ...]:
    """The files that are absent or damaged; empty where everything is correct."""
    if source.remote is None:
        return ()
    folder = source.folder(root)
    memory = _recall(folder)
    flaws: list[Flaw] = []
    seen: dict[str, _Seen] = {}
    for file in source.remote.files:
        path = folder / file.name
        what = _size_flaw(root, path, file.size) or _content_flaw(path, file, memory.get(file.name), seen)
        if what:
            flaws.append(Flaw(file.name, what))
    if seen != memory:
        _remember(folder, seen)
    return tuple(flaws)


def describe(flaws: Iterable[Flaw]) -> str:
    """Flaws as one phrase: "data_batch_1 and 2 more are missing, test_batch is damaged (…)"."""
    by_what: dict[str, list[str]] = {}
    for flaw in flaws:
        by_what.setdefault(flaw.what, []).append(flaw.name)
    return ", ".join(f"{_some(names)} {'is' if len(names) == 1 else 'are'} {what}" for what, names in by_what.items())


def file_md5(path: Path) -> str:
    """The MD5 of a regular file, as hexadecimal digits. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _size_flaw(root: Path, path: Path, size: int) -> str:
    steps = path.relative_to(root).parents
    if any((root / step).is_symlink() for step in [path, *steps] if step != Path()):
        return "a symbolic link, and links below the data folder are not followed"
    try:
        status = path.lstat()
    except OSError:
        return "missing"
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    return "" if size in (0, status.st_size) else f"damaged ({status.st_size:,} bytes, {size:,} expected)"


def _content_flaw(path: Path, file: DataFile, before: _Seen | None, seen: dict[str, _Seen]) -> str:
    """What is wrong with the content. A correct file is added to `seen`, unless it changed just now."""
    try:
        entry = _entry(path, file.md5)
        if entry == before:
            seen[file.name] = entry
            return ""
        found = file_md5(path)
    except OSError as error:
        return f"unreadable ({error.strerror})"
    if found != file.md5:
        return f"damaged (MD5 {found}, {file.md5} expected)"
    if time.time_ns() - entry.ctime_ns > SETTLED * 1e9 and _entry(path, file.md5) == entry:
        seen[file.name] = entry
    return ""


def _entry(path: Path, md5: str) -> _Seen:
    status = path.lstat()
    return _Seen(
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
        device=status.st_dev,
        md5=md5,
    )


def _memory_file(folder: Path) -> Path:
    name = hashlib.sha256(str(folder.resolve()).encode(errors="surrogateescape")).hexdigest()[:16]
    return cache_folder(os.environ) / "verified" / f"{name}.json"


def _recall(folder: Path) -> dict[str, _Seen]:
    try:
        memory = read_json_or_none(_memory_file(folder), _Memory)
    except (OSError, RuntimeError):  # no home folder at all
        return {}
    return memory.files if memory else {}


def _remember(folder: Path, seen: dict[str, _Seen]) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        path = _memory_file(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, _Memory(folder=clean_line(str(folder.resolve())), files=seen), durable=False)

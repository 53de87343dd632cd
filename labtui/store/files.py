"""Reading and writing the small files: whole or not at all, and never more than a cap.

A writer makes a temporary file beside the target, syncs it, and renames it: a reader sees the old content or the new
one (rewritten in place, nine reads of ten came out torn). Readers do not follow links out of a run folder, open no FIFO
and read no more than a cap, since a run folder can come from a stranger.
"""

import errno
import os
import stat
import time
from pathlib import Path
from typing import TypeVar

import msgspec

from labtui.errors import LabError

T = TypeVar("T")

JSON_CAP = 4 << 20
"""Bytes of JSON that are read at most; the largest honest file is a launch.json with a capped diff."""

_PASSING = (errno.ENOENT, errno.ESTALE)


class DamagedFile(LabError):
    """A file of a run folder that is not what it should be; nothing of it was changed."""

    exit_code = 1


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace `path` as a whole. With `durable`, the content and the folder's entry reach the disk first.

    Raises OSError with the old file untouched; the temporary file is taken away where that is still possible.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            write_all(descriptor, content)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def write_json(path: Path, value: object, *, durable: bool = True) -> None:
    """Replace `path` by the value as indented JSON; see `write_bytes`."""
    content = msgspec.json.format(msgspec.json.encode(value), indent=2)
    write_bytes(path, content + b"\n", durable=durable)


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write every byte, however many calls it takes."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(folder: Path) -> None:
    """Bring a rename in this folder to the disk; a file system that cannot is left alone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as fault:
        if fault.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def read_bytes(path: Path, cap: int = JSON_CAP) -> bytes:
    """The content of a regular file of at most `cap` bytes.

    Raises FileNotFoundError, DamagedFile (a link, a FIFO, too large) and other OSErrors.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as fault:
        if fault.errno == errno.ELOOP:
            raise DamagedFile(f"{path} is a symbolic link: not followed.") from fault
        raise
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise DamagedFile(f"{path} is not a regular file: not read.")
        if status.st_size > cap:
            raise DamagedFile(f"{path} has {status.st_size:,} bytes, more than the {cap:,} that are read.")
        content = stream.read(cap + 1)
    if len(content) > cap:
        raise DamagedFile(f"{path} grew beyond the {cap:,} bytes that are read.")
    return content


def read_json(path: Path, kind: type[T], *, patience: float = 0.0) -> T:
    """The value in a JSON file, checked against its type.

    On a shared disk a file being replaced can be absent or empty for a moment: with `patience` (seconds), such a read
    is tried again. Raises FileNotFoundError, DamagedFile with path and key, and other OSErrors.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            content = read_bytes(path)
        except OSError as fault:
            if fault.errno not in _PASSING or time.monotonic() >= deadline:
                raise
        else:
            if content or time.monotonic() >= deadline:
                return decode(path, content, kind)
        time.sleep(0.02)


def read_json_or_none(path: Path, kind: type[T]) -> T | None:
    """The value in a JSON file, or None where it is absent, unreadable or damaged."""
    try:
        return read_json(path, kind)
    except (OSError, DamagedFile):
        return None


def decode(path: Path, content: bytes, kind: type[T]) -> T:
    """The value in the content of the JSON file at `path`. Raises DamagedFile with path and key."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise DamagedFile(f"{path} cannot be read: {fault}") from fault

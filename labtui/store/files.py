"""Read and write small files: whole or not at all, and never more than a limit.

A writer makes a temporary file beside the target, syncs it and renames it, so a reader sees the old content or the new
one. (When a file was rewritten in place instead, nine reads out of ten were torn.) Readers do not follow links out of a
run folder, do not open FIFOs and stop at a size limit, because a run folder can come from a stranger.
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

MAX_JSON_BYTES = 4 << 20
"""The largest legitimate file is a launch.json with a truncated diff."""

_TRANSIENT = (errno.ENOENT, errno.ESTALE)


class DamagedFile(LabError):
    """A file of a run folder is not what it should be; nothing in it was changed."""

    exit_code = 1


def open_new(path: Path, mode: int = 0o666, *, append: bool = False) -> int:
    """Create a file and return its descriptor. Raises FileExistsError if there is one already, and other OSErrors."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | (os.O_APPEND if append else 0)
    return os.open(path, flags, mode)


def write_new(path: Path, content: bytes, mode: int = 0o666, *, durable: bool = False) -> bool:
    """Create a file that has all its content from the first moment on.

    Return False, and change nothing, if there is a file at `path` already. With `durable`, the content is on the disk
    before the file appears. Raises OSError.
    """
    temporary = _temporary(path)
    descriptor = open_new(temporary, mode)
    try:
        write_all(descriptor, content)
        if durable:
            os.fsync(descriptor)
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        return False
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
    return True


def write_bytes(path: Path, content: bytes, mode: int = 0o666, *, durable: bool = True) -> None:
    """Replace the whole file. With `durable`, the content and then the folder's entry are synced to the disk.

    Raises OSError; the old file is then unchanged, and the temporary file is removed if that is still possible.
    """
    temporary = _temporary(path)
    try:
        descriptor = open_new(temporary, mode)
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
    """Replace the file with the value as indented JSON; see `write_bytes`."""
    content = msgspec.json.format(msgspec.json.encode(value), indent=2)
    write_bytes(path, content + b"\n", durable=durable)


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write every byte, in as many calls as it takes."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(folder: Path) -> None:
    """Sync the names in this folder to the disk. A file system that cannot do this is ignored."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def read_bytes(path: Path, max_bytes: int = MAX_JSON_BYTES) -> bytes:
    """Return the content of a regular file.

    Raises FileNotFoundError, DamagedFile (a link, a FIFO, more than `max_bytes`) and other OSErrors.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DamagedFile(f"{path} is a symbolic link, which is not followed.") from error
        raise
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise DamagedFile(f"{path} is not a regular file and is not read.")
        if status.st_size > max_bytes:
            raise DamagedFile(f"{path} has {status.st_size:,} bytes, more than the limit of {max_bytes:,}.")
        content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise DamagedFile(f"{path} grew beyond the limit of {max_bytes:,} bytes.")
    return content


def read_json(path: Path, kind: type[T], *, retry_for: float = 0.0) -> T:
    """Return the value in a JSON file, checked against its type.

    On a shared disk, a file that is being replaced can be absent or empty for a moment. Such a read is repeated for
    `retry_for` seconds. Raises FileNotFoundError, DamagedFile (with path and key) and other OSErrors.
    """
    deadline = time.monotonic() + retry_for
    while True:
        try:
            content = read_bytes(path)
        except OSError as error:
            if error.errno not in _TRANSIENT or time.monotonic() >= deadline:
                raise
        else:
            if content or time.monotonic() >= deadline:
                return decode_json(path, content, kind)
        time.sleep(0.02)


def read_json_or_none(path: Path, kind: type[T]) -> T | None:
    """Return the value in a JSON file, or None if it is absent, unreadable or damaged."""
    try:
        return read_json(path, kind)
    except (OSError, DamagedFile):
        return None


def decode_json(path: Path, content: bytes, kind: type[T]) -> T:
    """Decode the content of the JSON file at `path`. Raises DamagedFile with path and key."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedFile(f"{path} cannot be read: {error}") from error


def _temporary(path: Path) -> Path:
    """A name beside the file that no other writer uses, on this machine or on another that shares the disk."""
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")

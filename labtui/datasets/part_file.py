"""A file that is being fetched: `NAME.part` beside its final place. It is kept when a fetch fails, and resumed."""

import hashlib
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from labtui.datasets.info import DataFile
from labtui.store.files import read_json_or_none, sync_folder, write_all, write_json


class _Origin(Struct, frozen=True):
    """Where the bytes came from last, and by what the server knows that it still has the same file."""

    address: str = ""
    validator: str = ""


class PartFile:
    """The bytes of `file` that were received so far. Use it in a `with` block, under the data set's lock.

    All methods that write raise OSError; what was written before stays.
    """

    def __init__(self, folder: Path, file: DataFile) -> None:
        self.file = file
        self.path = folder / f"{file.name}.part"
        self.size = 0
        self.pure = True
        """Whether all bytes came from one address in this run, so that wrong ones can only be its own."""
        self._origin_path = folder / f"{file.name}.part.json"
        self._origin = read_json_or_none(self._origin_path, _Origin) or _Origin()

    def __enter__(self) -> Self:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self._descriptor = os.open(self.path, flags, 0o666)
        status = os.fstat(self._descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(self._descriptor)
            raise FileExistsError(f"{self.path} is not a regular file")
        self.size = status.st_size
        self.pure = self.size == 0
        if self.size > self.file.size:
            self.restart()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
        if not self.size:
            self.discard()

    @property
    def left(self) -> int:
        """Bytes still to come."""
        return self.file.size - self.size

    def validator(self, address: str) -> str:
        """What to send to this address to get the rest of the same file; empty where the bytes came from elsewhere."""
        return self._origin.validator if self._origin.address == address else ""

    def came_from(self, address: str, validator: str) -> None:
        """Remember the origin of what follows."""
        origin = _Origin(address, validator)
        if origin != self._origin:
            self.pure = self.pure and (self.size == 0 or address == self._origin.address)
            self._origin = origin
            write_json(self._origin_path, origin, durable=False)

    def append(self, content: bytes) -> None:
        """Add bytes at the end."""
        os.lseek(self._descriptor, self.size, os.SEEK_SET)
        try:
            write_all(self._descriptor, content)
        finally:
            self.size = os.fstat(self._descriptor).st_size

    def restart(self) -> None:
        """Start again with nothing."""
        os.ftruncate(self._descriptor, 0)
        self.size, self.pure = 0, True

    def md5(self) -> str:
        """The MD5 of what was received, as hexadecimal digits."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._descriptor), "rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()

    def move_to(self, target: Path) -> None:
        """Sync the bytes to the disk and give the file its final name, in one step."""
        os.fsync(self._descriptor)
        self.path.replace(target)
        self._origin_path.unlink(missing_ok=True)
        sync_folder(target.parent)

    def discard(self) -> None:
        """Remove the files."""
        self.path.unlink(missing_ok=True)
        self._origin_path.unlink(missing_ok=True)

"""One fetch of one data set under its lock: file by file, round by round, address by address."""

import contextlib
import errno
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from labtui.datasets.deadline import Deadline, Limits
from labtui.datasets.fetch_errors import TransferError, is_a_link, not_fetched
from labtui.datasets.http import complete
from labtui.datasets.info import DataFile, DatasetSource, Remote
from labtui.datasets.part_file import PartFile
from labtui.datasets.unpack import unpack
from labtui.datasets.verification import check, describe, file_md5
from labtui.errors import MachineError
from labtui.text.sizes import size

_OTHER = "another labtui process"
_POLL = 0.1


class FetchJob:
    """Fetches what is missing or damaged. Each round has its own limits and asks all addresses that may still help."""

    def __init__(
        self,
        source: DatasetSource,
        remote: Remote,
        root: Path,
        rounds: Sequence[Limits],
        progress: Callable[[int, int], None],
        addresses: Sequence[str] | None,
    ) -> None:
        self._source, self._remote, self._root = source, remote, root
        self._part_folder = root if remote.archive else source.folder(root)
        self._rounds = list(rounds)
        self._progress = progress
        self._bases = list(addresses or remote.bases)
        self._deadline = Deadline(self._rounds[-1])
        self._errors: dict[str, TransferError] = {}
        self._total = sum(file.size for file in remote.downloads)
        self._done = 0

    def run(self) -> None:
        """Raises FetchError, and OSError where the disk refuses something."""
        self._refuse_links()
        lock = self._root / f".{self._source.info.name}.lock"
        try:
            with _locked(lock, self._deadline, self._received_by_another, self._total):
                self._begin_rounds()
                self._fetch_flawed()
        except TransferError as error:
            raise not_fetched(self._source, self._root, {_OTHER: error}, "") from error

    def _begin_rounds(self) -> None:
        """The lock was awaited by the limits of the last round. Where there are several, the first begins now."""
        limits = self._rounds.pop(0)
        if self._rounds:
            self._deadline = Deadline(limits)

    def _refuse_links(self) -> None:
        folder = self._root
        for step in Path(self._remote.folder).parts:
            folder /= step
            if folder.is_symlink():
                raise is_a_link(self._source, folder)

    def _received_by_another(self) -> int:
        parts = (self._part_folder / f"{file.name}.part" for file in self._remote.downloads)
        whole = (self._part_folder / file.name for file in self._remote.downloads)
        received = sum(path.stat().st_size for path in (*parts, *whole) if path.is_file())
        self._progress(min(received, self._total), self._total)
        return received

    def _fetch_flawed(self) -> None:
        flawed = {flaw.name for flaw in check(self._source, self._root)}
        if not flawed:
            return
        if self._remote.archive:
            self._from_archive(self._remote.archive)
        else:
            self._one_by_one([file for file in self._remote.files if file.name in flawed])
        if left := check(self._source, self._root):
            raise MachineError(f"{self._source.info.title} was fetched to {self._root}, but {describe(left)}.")

    def _from_archive(self, archive: DataFile) -> None:
        by_hand = self._root / archive.name
        if by_hand.is_file() and by_hand.stat().st_size == archive.size and file_md5(by_hand) == archive.md5:
            self._need_room(0)
            unpack(by_hand, self._remote, self._root)
            return
        with PartFile(self._root, archive) as part:
            self._need_room(part.left)
            self._fetch(part, 0)
            unpack(part.path, self._remote, self._root)
            part.discard()

    def _one_by_one(self, files: list[DataFile]) -> None:
        self._part_folder.mkdir(parents=True, exist_ok=True)
        self._total = after = sum(file.size for file in files)
        self._need_room(after)
        for file in files:
            after -= file.size
            with PartFile(self._part_folder, file) as part:
                self._fetch(part, after)
                part.move_to(self._part_folder / file.name)
            self._done += file.size

    def _need_room(self, left: int) -> None:
        """Raises OSError where the disk has less room than will be needed."""
        unpacked = sum(file.size for file in self._remote.files) if self._remote.archive else 0
        if shutil.disk_usage(self._root).free < left + unpacked:
            raise OSError(errno.ENOSPC, f"{size(left + unpacked)} are needed")

    def _fetch(self, part: PartFile, after: int) -> None:
        """Complete one file; `after` bytes of other files are still to come."""
        self._report(part)
        if not part.left and part.md5() != part.file.md5:
            part.restart()
        self._errors.clear()
        while part.left and not self._from_any(part, after):
            if not self._rounds or not self._usable():
                raise not_fetched(self._source, self._root, self._errors, _received(part))
            self._bases.sort(key=lambda base: -self._deadline.rates.get(base, 0.0))
            self._deadline = Deadline(self._rounds.pop(0))

    def _usable(self) -> list[str]:
        """The addresses that may still help."""
        return [base for base in self._bases if base not in self._errors or not self._errors[base].final]

    def _from_any(self, part: PartFile, after: int) -> bool:
        bases = self._usable()
        for index, base in enumerate(bases):
            if self._deadline.over:
                return False
            self._deadline.begin(base, len(bases) - index)
            try:
                complete(part, base + part.file.name, self._deadline, lambda: self._report(part), after)
            except TransferError as error:
                self._errors[base] = error
            else:
                self._bases.sort(key=lambda other: other != base)
                return True
        return False

    def _report(self, part: PartFile) -> None:
        self._progress(self._done + part.size, self._total)


@contextlib.contextmanager
def _locked(path: Path, deadline: Deadline, received: Callable[[], int], total: int) -> Iterator[None]:
    """Hold the lock at `path`. While another process has it, watch whether what it `received` gets on in time.

    Raises TransferError where it does not, OSError where the disk has no locks or cannot be written.
    """
    lock = FileLock(path, blocking=False, fallback_to_soft=False)
    deadline.begin(_OTHER, 1)
    before = received()
    while not lock.is_locked:
        try:
            lock.acquire()
        except Timeout:
            now = received()
            if now > before:
                deadline.received(now - before, total - now)
            elif now < before:
                deadline.accept()  # its download is complete, or starts again
            elif deadline.patience() <= 0:
                raise deadline.silent(total - now) from None
            before = now
            time.sleep(_POLL)
    try:
        yield
    finally:
        lock.release()


def _received(part: PartFile) -> str:
    if not part.size:
        return ""
    return (
        f"\n{size(part.size)} of {size(part.file.size)} are stored in {part.path}, and the next attempt resumes there."
    )

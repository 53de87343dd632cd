"""One fetch of one data set: file by file, round by round, address by address, under the data set's lock."""

import errno
import shutil
from collections.abc import Sequence
from pathlib import Path

from labtui.datasets.deadline import Pace, Terms
from labtui.datasets.fetch_errors import TransferFault, link_in_the_way, not_had
from labtui.datasets.fetch_lock import OTHER, alone
from labtui.datasets.fetching import Progress
from labtui.datasets.info import DataFile, DatasetSource, Remote
from labtui.datasets.part_file import Part
from labtui.datasets.request import complete
from labtui.datasets.unpack import unpack
from labtui.datasets.verification import check, describe, file_md5
from labtui.errors import EnvironmentFault
from labtui.text.sizes import size


class FetchJob:
    """Brings what is missing or damaged; each round has its own terms and asks all addresses that may still help."""

    def __init__(
        self,
        source: DatasetSource,
        remote: Remote,
        root: Path,
        rounds: Sequence[Terms],
        progress: Progress,
        addresses: Sequence[str] | None,
    ) -> None:
        self._source, self._remote, self._root = source, remote, root
        self._part_folder = root if remote.archive else source.folder(root)
        self._rounds = list(rounds)
        self._progress = progress
        self._bases = list(addresses or remote.bases)
        self._pace = Pace(self._rounds[-1])
        self._faults: dict[str, TransferFault] = {}
        self._total = sum(file.size for file in remote.downloads)
        self._done = 0

    def run(self) -> None:
        """Raises FetchFault, and OSError where the disk refuses something."""
        self._refuse_links()
        lock = self._root / f".{self._source.info.name}.lock"
        try:
            with alone(lock, self._pace, self._brought_by_another, self._total):
                self._begin_rounds()
                self._bring_flawed()
        except TransferFault as fault:
            raise not_had(self._source, self._root, {OTHER: fault}, "") from fault

    def _begin_rounds(self) -> None:
        """The lock was waited for on the terms of the last round; of several, the first begins its time now."""
        terms = self._rounds.pop(0)
        if self._rounds:
            self._pace = Pace(terms)

    def _refuse_links(self) -> None:
        folder = self._root
        for step in Path(self._remote.folder).parts:
            folder /= step
            if folder.is_symlink():
                raise link_in_the_way(self._source, folder)

    def _brought_by_another(self) -> int:
        parts = (self._part_folder / f"{file.name}.part" for file in self._remote.downloads)
        whole = (self._part_folder / file.name for file in self._remote.downloads)
        brought = sum(path.stat().st_size for path in (*parts, *whole) if path.is_file())
        self._progress(min(brought, self._total), self._total)
        return brought

    def _bring_flawed(self) -> None:
        flawed = {flaw.name for flaw in check(self._source, self._root)}
        if not flawed:
            return
        if self._remote.archive:
            self._from_archive(self._remote.archive)
        else:
            self._one_by_one([file for file in self._remote.files if file.name in flawed])
        if left := check(self._source, self._root):
            raise EnvironmentFault(f"{self._source.info.title} was fetched to {self._root}, yet {describe(left)}.")

    def _from_archive(self, archive: DataFile) -> None:
        by_hand = self._root / archive.name
        if by_hand.is_file() and by_hand.stat().st_size == archive.size and file_md5(by_hand) == archive.md5:
            self._need_room(0)
            unpack(by_hand, self._remote, self._root)
            return
        with Part(self._root, archive) as part:
            self._need_room(part.left)
            self._bring(part, 0)
            unpack(part.path, self._remote, self._root)
            part.discard()

    def _one_by_one(self, files: list[DataFile]) -> None:
        self._part_folder.mkdir(parents=True, exist_ok=True)
        self._total = after = sum(file.size for file in files)
        self._need_room(after)
        for file in files:
            after -= file.size
            with Part(self._part_folder, file) as part:
                self._bring(part, after)
                part.place(self._part_folder / file.name)
            self._done += file.size

    def _need_room(self, left: int) -> None:
        """Raises OSError where the disk has less room than will be needed."""
        unpacked = sum(file.size for file in self._remote.files) if self._remote.archive else 0
        if shutil.disk_usage(self._root).free < left + unpacked:
            raise OSError(errno.ENOSPC, f"{size(left + unpacked)} are needed")

    def _bring(self, part: Part, after: int) -> None:
        """Complete one file; `after` bytes of other files are still to come."""
        self._report(part)
        if not part.left and part.md5() != part.file.md5:
            part.restart()
        self._faults.clear()
        while part.left and not self._from_any(part, after):
            if not self._rounds or not self._hopeful():
                raise not_had(self._source, self._root, self._faults, _kept(part))
            self._bases.sort(key=lambda base: -self._pace.speeds.get(base, 0.0))
            self._pace = Pace(self._rounds.pop(0))

    def _hopeful(self) -> list[str]:
        """The addresses that may still help."""
        return [base for base in self._bases if base not in self._faults or not self._faults[base].final]

    def _from_any(self, part: Part, after: int) -> bool:
        bases = self._hopeful()
        for index, base in enumerate(bases):
            if self._pace.over:
                return False
            self._pace.begin(base, len(bases) - index)
            try:
                complete(part, base + part.file.name, self._pace, lambda: self._report(part), after)
            except TransferFault as fault:
                self._faults[base] = fault
            else:
                self._bases.sort(key=lambda other: other != base)
                return True
        return False

    def _report(self, part: Part) -> None:
        self._progress(self._done + part.size, self._total)


def _kept(part: Part) -> str:
    if not part.size:
        return ""
    have, want = size(part.size), size(part.file.size)
    return f"\n{have} of {want} are kept in {part.path}, and the next try goes on from there."

"""The ledger: which comparisons of a runs folder were looked at, at which seeds, and which looks were announced.

One line of JSON per entry in `runs/.labtui/ledger.jsonl`, appended under a lock and never rewritten: removing runs does
not undo that their results were seen. A runs folder that cannot be written, or that another tool made, has its ledger
in the user's state folder.
"""

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from filelock import FileLock
from filelock import Timeout as LockTimeout
from msgspec import Struct

from labtui.errors import MachineError
from labtui.store.files import write_all
from labtui.store.paths import RunsPaths
from labtui.store.records import ProcessId
from labtui.store.safe_paths import machine_error, private_folder

PATIENCE = 5.0
"""Seconds that a writer waits for the lock; an entry takes microseconds."""

LEDGER_CAP = 64 << 20
"""Bytes that are read at most: some 200,000 entries."""


class LedgerEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A look at a comparison, a comparison that was judged with it and not shown, seeds that were announced before they
    were trained, or a seed that was removed.
    """

    kind: Literal["look", "tried", "declared", "removed"]
    time: float
    """Seconds since 1970, UTC."""
    row: str
    """The key of the row's cell; of other entries than looks, the recipe."""
    baseline: str = ""
    metric: str = ""
    row_seeds: tuple[int, ...] = ()
    """The seeds shown, or the seeds announced."""
    baseline_seeds: tuple[int, ...] = ()
    values: str = ""
    """Of a look: a digest of what became of these seeds. Other values of the same seeds are another look."""
    process: ProcessId | None = None
    """Of a declared entry: the process that still has to start some of the seeds itself."""
    boot_id: str = ""
    """The boot of the machine on which that process runs."""


class LedgerContent(NamedTuple):
    """What a ledger holds."""

    entries: tuple[LedgerEntry, ...]
    """Oldest first."""
    damaged: int
    """Lines that cannot be read: they are skipped."""
    size: int
    """Bytes read, by which a later write knows that nothing was appended meanwhile."""


class Ledger:
    """The ledger of one runs folder. Damaged lines are skipped and counted."""

    def __init__(self, root: Path, *, writable: bool, state_folder: Path) -> None:
        """`state_folder` holds the ledger of a runs folder that is not to be written."""
        own = RunsPaths(root).ledger
        self.path = own if writable else _elsewhere(state_folder, root)
        self.is_elsewhere = not writable
        """Whether it lies outside the runs folder."""
        above = [RunsPaths(folder).ledger for folder in root.absolute().parents]
        self._others = above if writable else [own, *above]
        """Those of folders that this one is a part of; where nothing is to be written, also the folder's own."""

    def entries(self) -> tuple[LedgerEntry, ...]:
        """All entries, oldest first. Raises MachineError if the ledger is there and cannot be read."""
        return self.read().entries

    def read(self) -> LedgerContent:
        """All entries, and what is needed to append to them. Raises MachineError as `entries` does."""
        content = self._read(self.path)
        decoded = [_decoded(line) for path in self._others for line in self._read(path).splitlines()]
        decoded += [_decoded(line) for line in content.splitlines()]
        entries = [entry for entry in decoded if entry is not None]
        return LedgerContent(
            entries=tuple(sorted(entries, key=lambda entry: entry.time)),
            damaged=len(decoded) - len(entries),
            size=len(content),
        )

    def append(self, entries: Iterable[LedgerEntry], *, after: LedgerContent | None = None) -> bool:
        """Append entries, whole and durably; with `after`, only if nothing was appended since that was read.

        Returns whether they were appended. Raises MachineError if that fails: nothing is shown unrecorded.
        """
        content = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        if not content:
            return True
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_suffix(".lock"), timeout=PATIENCE):
                return self._append(content, None if after is None else after.size)
        except (OSError, LockTimeout) as error:
            failed_path = Path(error.filename) if isinstance(error, OSError) and error.filename else self.path
            if isinstance(error, FileExistsError) and failed_path.is_symlink():
                raise machine_error(error, "The seeds cannot be recorded", failed_path) from error
            failed = "The seeds cannot be recorded in"
            if any(entry.kind == "look" for entry in entries):
                failed = "The comparison is not shown because it cannot be recorded in"
            raise MachineError(
                f"{failed} {self.path}: {error}.",
                advice="Free some space or check the folder's permissions, and try again.",
            ) from error

    def _append(self, content: bytes, expected: int | None) -> bool:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if expected is not None and min(size, LEDGER_CAP) != expected:
                return False
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                content = b"\n" + content  # a writer was killed in the middle of its line: that line alone is lost
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return True

    def _read(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(LEDGER_CAP)
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except OSError as error:
            if path != self.path:
                return b""
            raise MachineError(
                f"The ledger of looks cannot be read: {path} ({error.strerror}). No verdict is shown without it.",
                advice="Check the permissions of the file, and try again.",
            ) from error


def now() -> float:
    """The time of a new entry."""
    return time.time()


def ledger_of(root: Path, *, writable: bool) -> Ledger:
    """The ledger of a runs folder. Raises MachineError if it needs a state folder and there is none."""
    return Ledger(root, writable=writable, state_folder=root if writable else private_folder("ledgers"))


def _elsewhere(state: Path, root: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]
    return state / f"{digest}.jsonl"


def _decoded(line: bytes) -> LedgerEntry | None:
    try:
        return msgspec.json.decode(line, type=LedgerEntry)
    except msgspec.DecodeError:
        return None

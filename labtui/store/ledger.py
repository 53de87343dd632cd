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
from typing import Literal

import msgspec
from filelock import FileLock
from filelock import Timeout as LockTimeout
from msgspec import Struct

from labtui.errors import MachineError
from labtui.store.files import write_all
from labtui.store.paths import RunsPaths
from labtui.store.safe_paths import private_folder

PATIENCE = 5.0
"""Seconds that a writer waits for the lock; an entry takes microseconds."""

LEDGER_CAP = 64 << 20
"""Bytes that are read at most: some 200,000 entries."""


class LedgerEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A look at a comparison, or seeds that were announced before they were trained."""

    kind: Literal["look", "declared"]
    time: float
    """Seconds since 1970, UTC."""
    row: str
    """The key of the row's cell; of a declared entry, its recipe."""
    baseline: str = ""
    metric: str = ""
    row_seeds: tuple[int, ...] = ()
    """The seeds shown, or the seeds announced."""
    baseline_seeds: tuple[int, ...] = ()


class Ledger:
    """The ledger of one runs folder. Reading never raises for damaged lines: they are skipped."""

    def __init__(self, root: Path, *, writable: bool, state_folder: Path) -> None:
        """`state_folder` holds the ledger of a runs folder that is not to be written."""
        self.path = RunsPaths(root).ledger if writable else _elsewhere(state_folder, root)

    def entries(self) -> tuple[LedgerEntry, ...]:
        """All entries, oldest first."""
        try:
            with self.path.open("rb") as file:
                lines = file.read(LEDGER_CAP).splitlines()
        except OSError:
            return ()
        return tuple(entry for line in lines if (entry := _decoded(line)) is not None)

    def append(self, entries: Iterable[LedgerEntry]) -> None:
        """Append entries, whole and durably. Raises MachineError if that fails: nothing is shown unrecorded."""
        content = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        if not content:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_suffix(".lock"), timeout=PATIENCE):
                self._append(content)
        except (OSError, LockTimeout) as error:
            raise MachineError(
                f"The look cannot be recorded in {self.path}: {error}.",
                advice="Free some space or check the folder's permissions, and try again.",
            ) from error

    def _append(self, content: bytes) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self.path, flags, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                content = b"\n" + content  # a writer was killed in the middle of its line: that line alone is lost
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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

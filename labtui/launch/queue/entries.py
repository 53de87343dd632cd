"""The queue of a runs folder: one small file per waiting run, in the order of their names.

To enqueue a run is to create a file, and to take it out is to remove that. An entry is removed only after its attempt
was claimed, so a queue runner that is killed at any moment loses nothing. An entry names its attempt, and an attempt is
claimed once, so no entry starts anything twice. Entries that cannot be started are set aside, with the reason beside
them.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from labtui.errors import MachineError, UsageError
from labtui.launch.launcher import next_attempt
from labtui.launch.queue.ticket import Ticket, current_origin, is_signed_by_us, run_folder, signed
from labtui.store.files import DamagedFile, read_json, read_json_or_none, sync_folder, write_json, write_new
from labtui.store.paths import LABTUI_FOLDER, SET_ASIDE, RunPaths, RunsPaths
from labtui.store.queue_view import reason_path
from labtui.store.run import Run
from labtui.store.safe_paths import OutsideRoot, machine_error, open_folder
from labtui.text.clean import clean_line

_NAME = re.compile(r"(\d{8,18})-[0-9a-f]{8}\.json")


class Failure(Struct, frozen=True, kw_only=True):
    """The file beside an entry that was set aside: why."""

    reason: str
    when: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """One entry of the queue as it was read."""

    path: Path
    ticket: Ticket | None
    """None if the file is damaged."""
    reason: str = ""
    """Why it cannot be started; empty for an entry that waits."""

    @property
    def name(self) -> str:
        """`00000007-1a2b3c4d`: names sort in the order of the queue."""
        return self.path.stem

    @property
    def run(self) -> str:
        """The run's id, cleaned; for a damaged entry its own name."""
        return clean_line(self.ticket.run) if self.ticket else self.name

    @property
    def is_here(self) -> bool:
        """Whether this machine's queue runner starts it."""
        return self.ticket is not None and self.ticket.is_here


def enqueue(
    root: Path,
    run: Run,
    *,
    device: str,
    threads: int,
    data_root: Path,
    catalog_folder: Path | None = None,
    resume: bool = False,
    per_device: int = 1,
    by: str = "",
    is_new: bool = False,
) -> QueueEntry:
    """Append the next attempt of a run to the queue; if it waits already, it keeps its place.

    `is_new` says that the run was just created, so that it cannot wait already: the other entries are not read.

    This alone starts nothing: see `labtui.launch.queue.runner.ensure_runner`. Raises MachineError if the queue
    cannot be written, UsageError for a run that is not below `root`.
    """
    ticket = Ticket(
        run=_relative_folder(root, run),
        attempt=run.attempt + 1,
        device=device,
        per_device=per_device,
        threads=threads,
        data_root=str(data_root.absolute()),
        catalog_folder=str(catalog_folder.absolute()) if catalog_folder else None,
        resume=resume,
        by=by,
        when=time.time(),
        origin=current_origin(),
    )
    return _append(root, ticket, is_new=is_new)


def waiting_entries(root: Path) -> tuple[QueueEntry, ...]:
    """The entries that wait, in the order of the queue, including damaged ones and those of other machines."""
    return tuple(_read(RunsPaths(root).queue))


def failed_entries(root: Path) -> tuple[QueueEntry, ...]:
    """The entries that were set aside, each with its reason."""
    return tuple(_read(RunsPaths(root).set_aside))


def find_entry(root: Path, text: str) -> QueueEntry:
    """The entry with this name, this run's id or a unique part of it. Raises UsageError with the candidates."""
    known = (*waiting_entries(root), *failed_entries(root))
    for matches in (
        [entry for entry in known if text in (entry.name, entry.run)],
        [entry for entry in known if text.casefold() in entry.run.casefold()],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            runs = ", ".join(entry.run for entry in matches)
            raise UsageError(f"{clean_line(text)!r} matches {len(matches)} entries: {runs}")
    raise UsageError(f"No queue entry matches {clean_line(text)!r}.", advice="`labtui queue ls` lists all entries.")


def remove_entry(entry: QueueEntry) -> bool:
    """Remove an entry; return False if it was gone already, because it was started or removed by another process."""
    try:
        entry.path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        what = f"{entry.name} could not be removed from the queue"
        raise machine_error(error, what, entry.path.parent) from error
    with suppress(OSError):  # without its entry it has no meaning
        reason_path(entry.path).unlink()
    return True


def retry_entry(root: Path, entry: QueueEntry, *, by: str = "") -> QueueEntry:
    """Append an entry to the queue again, for the next attempt, on this machine, with this interpreter and environment:
    what a file says about those is trusted only if it was written here.

    Raises UsageError for a damaged entry, and if its run no longer exists.
    """
    if entry.ticket is None:
        raise UsageError(f"{entry.name} cannot be read ({entry.reason}).", advice="Resume its run by name instead.")
    ticket = msgspec.structs.replace(
        entry.ticket,
        attempt=next_attempt(RunPaths(run_folder(root, entry.ticket))),
        retries=entry.ticket.retries + 1,
        by=by or entry.ticket.by,
        when=time.time(),
        origin=current_origin(),
    )
    again = _append(root, ticket)
    if again.path != entry.path:
        remove_entry(entry)
    return again


def renumber(root: Path, entries: Sequence[QueueEntry]) -> None:
    """Give these entries new numbers behind all others, in this order. One that is gone is passed over. Raises OSError.

    Each entry is in the queue at every moment: a second name is added before the first one is removed, so that no name
    that exists is overwritten. A runner that reads both names starts the attempt once.
    """
    folder = queue_folder(root)
    number = _highest(folder)
    for entry in entries:
        while True:
            number += 1
            path = folder / f"{number:08d}-{entry.name.rpartition('-')[2]}.json"
            try:
                os.link(entry.path, path, follow_symlinks=False)
            except FileNotFoundError:
                break
            except FileExistsError:
                continue
            try:
                entry.path.unlink()
            except FileNotFoundError:  # started, removed or moved by another process meanwhile
                path.unlink(missing_ok=True)
            break


def set_aside(entry: QueueEntry, reason: str) -> None:
    """Move an entry that cannot be started aside, with the reason; nothing of it is lost."""
    aside = entry.path.parent / SET_ASIDE / entry.path.name
    aside.parent.mkdir(exist_ok=True)
    write_json(reason_path(aside), Failure(reason=reason, when=time.time()))
    try:
        entry.path.rename(aside)
    except FileNotFoundError:  # removed meanwhile
        reason_path(aside).unlink(missing_ok=True)


def is_own(entry: QueueEntry) -> bool:
    """Whether the entry's file belongs to this user and is for this machine. A damaged file of this user's counts."""
    try:
        owner = entry.path.lstat().st_uid
    except OSError:
        return False
    return owner == os.geteuid() and (entry.ticket is None or entry.is_here)


def queue_folder(root: Path) -> Path:
    """The folder of the queue, created if it is missing. Raises MachineError."""
    try:
        with open_folder(root, (LABTUI_FOLDER, "queue"), make=True):
            return RunsPaths(root).queue
    except OSError as error:
        raise machine_error(error, "The queue could not be created", root) from error
    except OutsideRoot as error:
        raise MachineError(error.message) from error


def _append(root: Path, ticket: Ticket, *, is_new: bool = False) -> QueueEntry:
    folder = queue_folder(root)
    for entry in () if is_new else waiting_entries(root):
        other = entry.ticket
        same_attempt = other is not None and (other.run, other.attempt) == (ticket.run, ticket.attempt)
        if other is not None and same_attempt and other.is_here and is_signed_by_us(other):
            return entry
    ticket = signed(ticket)
    label = hashlib.sha256(f"{ticket.origin.host}\n{ticket.run}".encode()).hexdigest()[:8]
    content = msgspec.json.format(msgspec.json.encode(ticket), indent=2) + b"\n"
    try:
        while not write_new(path := folder / f"{_highest(folder) + 1:08d}-{label}.json", content, 0o600, durable=True):
            continue
        sync_folder(folder)
    except OSError as error:
        raise machine_error(error, f"{ticket.run} could not be queued", folder) from error
    return QueueEntry(path=path, ticket=ticket)


def _highest(folder: Path) -> int:
    return max((int(match[1]) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))), default=0)


def _read(folder: Path) -> Iterator[QueueEntry]:
    try:
        numbered = [(int(match[1]), path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    except OSError:
        return
    for _, path in sorted(numbered):
        failure = read_json_or_none(reason_path(path), Failure)
        reason = clean_line(failure.reason) if failure else ""
        try:
            yield QueueEntry(path=path, ticket=read_json(path, Ticket), reason=reason)
        except FileNotFoundError:
            continue
        except (DamagedFile, OSError) as error:
            yield QueueEntry(path=path, ticket=None, reason=reason or clean_line(f"damaged: {error}"))


def _relative_folder(root: Path, run: Run) -> str:
    try:
        parts = run.folder.relative_to(root).as_posix()
        parts.encode()
    except (ValueError, UnicodeEncodeError) as error:
        raise UsageError(f"{run.id} cannot be queued in {root}.") from error
    return parts

"""The queue of a runs folder: one small file per waiting run, in the order of their names.

Enqueueing makes a file, taking out removes it, and an entry goes only after its attempt was claimed: a queue runner
killed at any moment loses nothing. An entry names the attempt that it is for, and an attempt is claimed once, so it
starts nothing twice. Entries that cannot be started are moved aside, with the reason beside them.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from labtui.errors import EnvironmentFault, UsageError
from labtui.launch.launcher import next_attempt
from labtui.launch.queue.ticket import Ticket, folder_of, has_our_seal, origin_here, sealed
from labtui.store.files import DamagedFile, read_json, read_json_or_none, sync_folder, write_all, write_json
from labtui.store.paths import LABTUI_FOLDER, SET_ASIDE, RunPaths, RunsPaths
from labtui.store.queue_view import reason_path
from labtui.store.run import Run
from labtui.store.safe_paths import OutsideRoot, environment_fault, open_folder
from labtui.text.clean import clean_line

_NAME = re.compile(r"(\d{8,18})-[0-9a-f]{8}\.json")


class Failure(Struct, frozen=True, kw_only=True):
    """Beside an entry that was moved aside: why."""

    reason: str
    when: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One queue entry as it was read."""

    path: Path
    ticket: Ticket | None
    """None where the file is damaged."""
    reason: str = ""
    """Why it cannot be started; empty for one that waits."""

    @property
    def name(self) -> str:
        """`00000007-1a2b3c4d`: names sort in the order of the queue."""
        return self.path.stem

    @property
    def run(self) -> str:
        """The run's id, cleaned; of a damaged entry its own name."""
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
) -> Entry:
    """Put the next attempt of a run at the end of the queue; one that waits already keeps its place.

    Nothing starts by this alone: see `labtui.launch.queue.runner.ensure_runner`. Raises EnvironmentFault where the
    queue cannot be written, UsageError for a run that is not below `root`.
    """
    ticket = Ticket(
        run=_run_of(root, run),
        attempt=run.attempt + 1,
        device=device,
        per_device=per_device,
        threads=threads,
        data_root=str(data_root.absolute()),
        catalog_folder=str(catalog_folder.absolute()) if catalog_folder else None,
        resume=resume,
        by=by,
        when=time.time(),
        origin=origin_here(),
    )
    return _put(root, ticket)


def entries(root: Path) -> tuple[Entry, ...]:
    """What waits, first come first; entries of other machines and damaged ones included."""
    return tuple(_read(RunsPaths(root).queue))


def failed(root: Path) -> tuple[Entry, ...]:
    """What was moved aside, each with its reason."""
    return tuple(_read(RunsPaths(root).set_aside))


def find(root: Path, text: str) -> Entry:
    """The entry meant by its name, its run's id or a unique part of that. Raises UsageError with the candidates."""
    there = (*entries(root), *failed(root))
    for matches in (
        [entry for entry in there if text in (entry.name, entry.run)],
        [entry for entry in there if text.casefold() in entry.run.casefold()],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise UsageError(f"{text!r} means {len(matches)} entries: {', '.join(one.run for one in matches)}")
    raise UsageError(f"Nothing in the queue is called {text!r}.", advice="`labtui queue ls` lists it.")


def remove(entry: Entry) -> bool:
    """Take an entry out of the queue; False where it was gone already, being started or removed by somebody else."""
    try:
        entry.path.unlink()
    except FileNotFoundError:
        return False
    except OSError as fault:
        raise environment_fault(
            fault, f"{entry.name} could not be taken out of the queue", entry.path.parent
        ) from fault
    with suppress(OSError):  # without its entry it means nothing
        reason_path(entry.path).unlink()
    return True


def retry(root: Path, entry: Entry, *, by: str = "") -> Entry:
    """Put an entry at the end of the queue again, for the next attempt, on this machine, with our own interpreter and
    environment: what a file says of them is only believed if it was written here.

    Raises UsageError for a damaged entry, and where its run is gone.
    """
    if entry.ticket is None:
        raise UsageError(f"{entry.name} cannot be read ({entry.reason}).", advice="Resume its run by name instead.")
    ticket = msgspec.structs.replace(
        entry.ticket,
        attempt=next_attempt(RunPaths(folder_of(root, entry.ticket))),
        retries=entry.ticket.retries + 1,
        by=by or entry.ticket.by,
        when=time.time(),
        origin=origin_here(),
    )
    again = _put(root, ticket)
    if again.path != entry.path:
        remove(entry)
    return again


def set_aside(entry: Entry, reason: str) -> None:
    """Move an entry that cannot be started out of the way, with the reason; nothing of it is lost."""
    aside = entry.path.parent / SET_ASIDE / entry.path.name
    aside.parent.mkdir(exist_ok=True)
    write_json(reason_path(aside), Failure(reason=reason, when=time.time()))
    try:
        entry.path.rename(aside)
    except FileNotFoundError:  # taken out meanwhile
        reason_path(aside).unlink(missing_ok=True)


def is_ours(entry: Entry) -> bool:
    """Whether the entry's file belongs to this user and is for this machine. A damaged one of ours counts."""
    try:
        owner = entry.path.lstat().st_uid
    except OSError:
        return False
    return owner == os.geteuid() and (entry.ticket is None or entry.is_here)


def queue_folder(root: Path) -> Path:
    """The folder of the queue, made if need be. Raises EnvironmentFault."""
    try:
        with open_folder(root, (LABTUI_FOLDER, "queue"), make=True):
            return RunsPaths(root).queue
    except OSError as fault:
        raise environment_fault(fault, "The queue could not be made", root) from fault
    except OutsideRoot as fault:
        raise EnvironmentFault(fault.message) from fault


def _put(root: Path, ticket: Ticket) -> Entry:
    folder = queue_folder(root)
    for entry in entries(root):
        waits = entry.ticket
        if (
            waits
            and (waits.run, waits.attempt) == (ticket.run, ticket.attempt)
            and waits.is_here
            and has_our_seal(waits)
        ):
            return entry
    ours = sealed(ticket)
    try:
        return Entry(path=_write(folder, ours), ticket=ours)
    except OSError as fault:
        raise environment_fault(fault, f"{ticket.run} could not be queued", folder) from fault


def _write(folder: Path, ticket: Ticket) -> Path:
    """Make the entry's file, whole from its first moment on, behind all that are there now."""
    label = hashlib.sha256(f"{ticket.origin.host}\n{ticket.run}".encode()).hexdigest()[:8]
    temporary = folder / f".{label}.{os.getpid()}.{time.monotonic_ns()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, msgspec.json.format(msgspec.json.encode(ticket), indent=2) + b"\n")
        os.fsync(descriptor)
        path = _link(temporary, folder, label)
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
    sync_folder(folder)
    return path


def _link(temporary: Path, folder: Path, label: str) -> Path:
    while True:
        path = folder / f"{_highest(folder) + 1:08d}-{label}.json"
        try:
            os.link(temporary, path)
        except FileExistsError:
            continue
        return path


def _highest(folder: Path) -> int:
    return max((int(match[1]) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))), default=0)


def _read(folder: Path) -> Iterator[Entry]:
    try:
        found = [(int(match[1]), path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    except OSError:
        return
    for _, path in sorted(found):
        failure = read_json_or_none(reason_path(path), Failure)
        reason = clean_line(failure.reason) if failure else ""
        try:
            yield Entry(path=path, ticket=read_json(path, Ticket), reason=reason)
        except FileNotFoundError:
            continue
        except (DamagedFile, OSError) as fault:
            yield Entry(path=path, ticket=None, reason=reason or clean_line(f"damaged: {fault}"))


def _run_of(root: Path, run: Run) -> str:
    try:
        parts = run.folder.relative_to(root).as_posix()
        parts.encode()
    except (ValueError, UnicodeEncodeError) as fault:
        raise UsageError(f"{run.id} cannot be queued in {root}.") from fault
    return parts

"""The order of the queue, and its pause: what users change about entries that wait.

An entry's place is the number in its name, so to move one is to rename files, each whole at every moment. Only this
user's entries for this machine are renamed; they keep their content and its seal.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from labtui.errors import UsageError
from labtui.launch.queue.entries import QueueEntry, is_own, queue_folder, renumber, waiting_entries
from labtui.store.files import read_json_or_none, write_json
from labtui.store.queue_view import pause_path
from labtui.store.safe_paths import machine_error
from labtui.text.clean import clean_line


class Pause(Struct, frozen=True, kw_only=True):
    """The file that pauses the queue of one user on one machine."""

    by: str = ""
    when: float


def move(root: Path, moved: Sequence[QueueEntry], *, before: QueueEntry | None = None, last: bool = False) -> None:
    """Move waiting entries, in the given order, to the front of the queue, before another entry, or to its end.

    Entries that were started meanwhile are passed over. Raises UsageError for entries that do not wait here, and
    MachineError for a problem with the disk; entries are then still in the queue, in the old order or the new one.
    """
    names = dict.fromkeys(entry.name for entry in moved)
    own = [entry for entry in waiting_entries(root) if is_own(entry)]
    known = {entry.name for entry in own}
    for entry in (*moved, *((before,) if before else ())):
        if entry.name not in known:
            raise UsageError(f"{entry.run} does not wait in this queue, or not for this machine and user.")
    if before is not None and before.name in names:
        raise UsageError(f"{before.run} cannot be moved before itself.")
    wanted = rearranged([entry.name for entry in own], list(names), before.name if before else None, last=last)
    kept = _kept([entry.name for entry in own], wanted)
    by_name = {entry.name: entry for entry in own}
    try:
        renumber(root, [by_name[name] for name in wanted[kept:]])
    except OSError as error:
        raise machine_error(error, "The queue could not be reordered", queue_folder(root)) from error


def rearranged(waiting: Sequence[str], moved: Sequence[str], before: str | None, *, last: bool) -> list[str]:
    """The names that wait, in the order after some were moved to the front, before another, or to the end. Pure."""
    others = [name for name in waiting if name not in moved]
    place = len(others) if last else others.index(before) if before is not None else 0
    return [*others[:place], *moved, *others[place:]]


def pause(root: Path, *, by: str) -> bool:
    """Let nothing start from the queue of this user on this machine; returns whether it was not paused before.

    Runs that have started continue. Raises MachineError.
    """
    if paused(root) is not None:
        return False
    queue_folder(root)
    try:
        write_json(pause_path(root), Pause(by=by, when=time.time()))
    except OSError as error:
        raise machine_error(error, "The queue could not be paused", pause_path(root).parent) from error
    return True


def unpause(root: Path) -> bool:
    """Let the queue go on; returns whether it was paused. Start a queue runner afterwards. Raises MachineError."""
    try:
        pause_path(root).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise machine_error(error, "The queue could not be continued", pause_path(root).parent) from error
    return True


def paused(root: Path) -> Pause | None:
    """Who paused the queue of this user on this machine, and when; None if it is not paused."""
    path = pause_path(root)
    if not os.path.lexists(path):
        return None
    found = read_json_or_none(path, Pause)
    return Pause(by=clean_line(found.by), when=found.when) if found else Pause(when=time.time())


def _kept(before: Sequence[str], after: Sequence[str]) -> int:
    """How many names at the front keep their places."""
    pairs = zip(before, after, strict=True)
    return next((place for place, (old, new) in enumerate(pairs) if old != new), len(after))

"""What the queue of a runs folder says about its runs: which wait to be started, and which could not be, and why.

labtui.launch.queue.entries writes the entries; of one, only the run and the attempt are read here, once for each file.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from labtui.store.files import read_json_or_none
from labtui.store.paths import RunsPaths
from labtui.text.clean import clean_line

MOST_ENTRIES = 10_000
"""Entries that are looked at: a folder of a stranger's may hold any number."""


class _Entry(Struct, frozen=True, kw_only=True):
    run: str
    attempt: int


class _Failure(Struct, frozen=True, kw_only=True):
    reason: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a run's next attempt stands in the queue."""

    waits: bool = False
    set_aside: str = ""
    """Why it could not be started; empty where it was not set aside."""


NO_TURN = Turn()

_Key = tuple[str, int]
"""The run's folder below the root, posix, and the number of the attempt."""

_File = tuple[Path, int, int]
"""An entry's place, inode and time: a name can be given again."""


@dataclass(slots=True)
class WaitingLine:
    """The queue of one runs folder, as last looked at."""

    paths: RunsPaths
    _entries: dict[_File, _Entry | None] = field(default_factory=dict)
    _turns: dict[_Key, Turn] = field(default_factory=dict)

    def look(self) -> None:
        """Look at the queue anew; cheap where it is empty."""
        waiting, aside = _files(self.paths.queue), _files(self.paths.set_aside)
        self._entries = {file: self._entries.get(file) or _read(file) for file in (*waiting, *aside)}
        turns: dict[_Key, Turn] = {}
        for file in aside:
            if entry := self._entries[file]:
                turns[entry.run, entry.attempt] = Turn(set_aside=_reason(file[0]))
        for file in waiting:
            if entry := self._entries[file]:
                turns[entry.run, entry.attempt] = Turn(waits=True)
        self._turns = turns

    def turn(self, run: str, attempt: int) -> Turn:
        """Where this attempt of a run stands."""
        return self._turns.get((run, attempt), NO_TURN)


def reason_path(entry: Path) -> Path:
    """The file beside an entry that was set aside: why."""
    return entry.with_name(entry.stem + ".reason.json")


def _files(folder: Path) -> list[_File]:
    found: list[_File] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_entry(entry.name) and len(found) < MOST_ENTRIES:
                    status = entry.stat(follow_symlinks=False)
                    found.append((Path(entry.path), status.st_ino, status.st_mtime_ns))
    except OSError:  # absent, not ours to read, or changing under our eyes: the next look sees more
        return found
    return found


def _is_entry(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".") and not name.endswith(".reason.json")


def _read(file: _File) -> _Entry | None:
    return read_json_or_none(file[0], _Entry)


def _reason(path: Path) -> str:
    failure = read_json_or_none(reason_path(path), _Failure)
    return clean_line(failure.reason) if failure and failure.reason else "no reason was left"

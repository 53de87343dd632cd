"""What the queue of a runs folder says about its runs: which wait to be started, and which could not be, and why.

labtui.launch.queue.entries writes the entries. Here only the run and the attempt of an entry are read, once per file.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import Struct

from labtui.store.files import read_json_or_none
from labtui.store.paths import RunsPaths
from labtui.store.process import host
from labtui.text.clean import clean_line

MAX_ENTRIES = 10_000
"""Further entries are ignored: a stranger's folder may contain any number."""


class _Entry(Struct, frozen=True, kw_only=True):
    run: str
    attempt: int


class _Failure(Struct, frozen=True, kw_only=True):
    reason: str


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """What the queue says about an attempt of a run."""

    queued: bool = False
    """Whether an entry waits to start it."""
    set_aside: str = ""
    """Why it could not be started; empty if its entry was not set aside."""


NOT_QUEUED = QueueStatus()

_Key = tuple[str, int]
"""The run's folder below the root, as a posix path, and the number of the attempt."""

_File = tuple[Path, int, int]
"""An entry's path, inode and time: a name can be used again."""


@dataclass(slots=True)
class QueueView:
    """The queue of one runs folder as of the last `refresh`."""

    paths: RunsPaths
    _entries: dict[_File, _Entry | None] = field(default_factory=dict)
    _statuses: dict[_Key, QueueStatus] = field(default_factory=dict)

    def refresh(self) -> None:
        """Look at the queue again; cheap if it is empty."""
        waiting, aside = _files(self.paths.queue), _files(self.paths.set_aside)
        self._entries = {file: self._entries.get(file) or _read(file) for file in (*waiting, *aside)}
        statuses: dict[_Key, QueueStatus] = {}
        for file in aside:
            if entry := self._entries[file]:
                statuses[entry.run, entry.attempt] = QueueStatus(set_aside=_reason(file[0]))
        for file in waiting:
            if entry := self._entries[file]:
                statuses[entry.run, entry.attempt] = QueueStatus(queued=True)
        self._statuses = statuses

    def status(self, run: str, attempt: int) -> QueueStatus:
        """What the queue says about this attempt of a run."""
        return self._statuses.get((run, attempt), NOT_QUEUED)


def pause_path(root: Path) -> Path:
    """The file that pauses the queue of this user on this machine."""
    return RunsPaths(root).queue / f"paused-{host()}-{os.geteuid()}"


def reason_path(entry: Path) -> Path:
    """The file beside an entry that was set aside: why."""
    return entry.with_name(entry.stem + ".reason.json")


def _files(folder: Path) -> list[_File]:
    files: list[_File] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_entry(entry.name) and len(files) < MAX_ENTRIES:
                    status = entry.stat(follow_symlinks=False)
                    files.append((Path(entry.path), status.st_ino, status.st_mtime_ns))
    except OSError:  # absent, not readable, or changing right now: the next refresh sees more
        return files
    return files


def _is_entry(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".") and not name.endswith(".reason.json")


def _read(file: _File) -> _Entry | None:
    return read_json_or_none(file[0], _Entry)


def _reason(path: Path) -> str:
    failure = read_json_or_none(reason_path(path), _Failure)
    return clean_line(failure.reason) if failure and failure.reason else "no reason was recorded"

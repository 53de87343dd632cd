"""What an observer remembers between two looks, so that it never has to compare its clock with a writer's.

"No progress for 12 seconds" means 12 seconds by the observer's own monotonic clock since it last saw the counter
change. If a clock is changed, here or on the writer's machine, this has no effect.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from labtui.store import process
from labtui.store.paths import RunPaths
from labtui.store.process import Liveness
from labtui.store.records import Launch, ProcessId


class Observation(NamedTuple):
    """For how long this observer has not seen something change."""

    silence: float
    """Seconds since the last observed change, or since the first look."""
    moved: bool
    """Whether any change was observed at all."""


@dataclass(slots=True)
class _Remembered:
    owner: Hashable
    value: Hashable
    since: float
    moved: bool = False


class Observer:
    """The memory of one observing process: what it last saw in each folder, and since when."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._seen: dict[Path, _Remembered] = {}

    def observe(self, folder: Path, owner: Hashable, value: Hashable) -> Observation:
        """Remember that `value` (a heartbeat's counter, the sizes of event files) was seen in `folder` just now.

        A new `owner` (another attempt) starts afresh. Its first heartbeat (a change from None) counts as a change.
        """
        now = self.clock()
        seen = self._seen.get(folder)
        if seen is None or seen.owner != owner:
            self._seen[folder] = _Remembered(owner, value, now)
            return Observation(0.0, moved=False)
        if seen.value != value:
            seen.value, seen.since, seen.moved = value, now, True
        return Observation(now - seen.since, seen.moved)

    def forget_all_but(self, folders: set[Path]) -> None:
        """Drop what is remembered of folders that are gone."""
        for folder in self._seen.keys() - folders:
            del self._seen[folder]


def is_here(launch: Launch) -> bool:
    """Whether a run was launched on this machine, by its name, or by its boot id if a laptop has changed its name."""
    return launch.host == process.host() or process.same_boot(launch.boot_id, process.boot_id())


def has_restarted(launch: Launch) -> bool:
    """Whether this machine was restarted after a launch on it."""
    return launch.host == process.host() and not process.same_boot(launch.boot_id, process.boot_id())


def is_reachable(launch: Launch) -> bool:
    """Whether the pids of a launch mean processes that can be seen from here: on this machine, in this container."""
    return is_here(launch) and launch.pid_namespace in ("", process.pid_namespace())


def launched_in(paths: RunPaths, launch: Launch) -> bool | None:
    """Whether the recorded processes work in this very folder, and not in one that it was copied from.

    None if that is not known. (0.1.0 did not record the folder: then their open files show it while they run.)
    """
    if launch.folder_inode is not None:
        try:
            return paths.folder.stat().st_ino == launch.folder_inode
        except OSError:
            return None
    for who, file in ((launch.parent, paths.lock), (launch.engine, paths.attempt(launch.attempt).log)):
        if who is not None and is_here(launch) and process.alive(who, launch.boot_id):
            return process.has_open(who, file)
    return None


def liveness(who: ProcessId | None, launch: Launch) -> Liveness:
    """Whether a process that a launch on this machine recorded is still running."""
    if who is None or not is_reachable(launch):
        return "unknown"
    return "alive" if process.alive(who, launch.boot_id) else "gone"

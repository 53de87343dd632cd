"""What one observer remembers between two looks, so that it never has to compare clocks with a writer.

"Nothing has moved for 12 seconds" means: twelve seconds by the observer's own monotonic clock since it last saw the
counter change. A clock that jumps, here or on the writer's machine, changes nothing.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from labtui.store import process
from labtui.store.process import Liveness
from labtui.store.records import Launch, ProcessId


class Stillness(NamedTuple):
    """For how long something has not changed under this observer's eyes."""

    silence: float
    """Seconds since the last change seen, or since the first look."""
    moved: bool
    """Whether any change was seen at all."""


@dataclass(slots=True)
class _Sight:
    owner: Hashable
    what: Hashable
    since: float
    moved: bool = False


class Observer:
    """The memory of one looking process: what it saw of each folder, and since when."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._sights: dict[Path, _Sight] = {}

    def stillness(self, folder: Path, owner: Hashable, what: Hashable) -> Stillness:
        """Remember that `what` (a beat's counter, the sizes of event files) was seen in `folder` just now.

        A new `owner` (another attempt) begins anew. Its first beat (`what` turning from None) counts as a change.
        """
        now = self.clock()
        sight = self._sights.get(folder)
        if sight is None or sight.owner != owner:
            self._sights[folder] = _Sight(owner, what, now)
            return Stillness(0.0, moved=False)
        if sight.what != what:
            sight.what, sight.since, sight.moved = what, now, True
        return Stillness(now - sight.since, sight.moved)

    def forget_all_but(self, folders: set[Path]) -> None:
        """Drop what is remembered of folders that are gone."""
        for folder in self._sights.keys() - folders:
            del self._sights[folder]


def is_here(launch: Launch) -> bool:
    """Whether a run was launched on this machine: told by its name, or by its boot where a laptop has changed names."""
    return launch.host == process.host() or process.same_boot(launch.boot_id, process.boot_id())


def has_restarted(launch: Launch) -> bool:
    """Whether this machine was restarted since a launch on it."""
    return launch.host == process.host() and not process.same_boot(launch.boot_id, process.boot_id())


def liveness(who: ProcessId | None, launch: Launch) -> Liveness:
    """Whether a process named by a launch of this machine still runs."""
    if who is None or not is_here(launch):
        return "unknown"
    return "alive" if process.alive(who, launch.boot_id) else "gone"

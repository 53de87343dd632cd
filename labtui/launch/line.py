"""Whose turn it is: whoever waits for device slots stands in a line, so that a run that needs several of them at once
is not passed by for ever by runs that need one.

A place in the line is a numbered file in the folder of the slots, locked for as long as its owner waits: the kernel
lets go of it with the owner. It counts only while the owner keeps asking, since a queue runner that is suspended, or
wants nothing any more, must hold nobody up: each asking stamps the file with the machine's monotonic clock. All this
happens while the lock of the turn is held, see labtui.launch.slots; only leaving needs no turn.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from labtui.store.lock import Held, hold, probe

PATIENCE = 10.0
"""Seconds for which a place counts after its owner last asked."""

_FOLDER = "line"


class Line:
    """Where one who waits stands, for each kind of slot."""

    def __init__(self) -> None:
        self._places: dict[str, Held] = {}

    def is_first(self, folder: Path, kind: str) -> bool:
        """Whether nobody who still waits for this kind stood in line before us; forgets those who have left."""
        own = self._kept(kind)
        for path in _places(folder / _FOLDER, kind):
            if own is not None and path == own.path:
                return True
            if probe(path) == "free":
                path.unlink(missing_ok=True)
            elif time.monotonic_ns() - _asked(path) < PATIENCE * 1e9:
                return False
        return True

    def stand(self, folder: Path, kind: str) -> None:
        """Take the place behind all others, or say that the one we have still counts. Raises OSError."""
        place = self._kept(kind)
        if place is None:
            place = self._places[kind] = _last(folder / _FOLDER, kind)
        now = time.monotonic_ns()
        os.utime(place.fileno(), ns=(now, now))

    def leave(self, kinds: Iterable[str]) -> None:
        """Wait for slots of these kinds no more."""
        for kind in kinds:
            place = self._kept(kind)
            if place is not None:
                place.path.unlink()
                self._places.pop(kind).close()

    def close(self) -> None:
        """Wait for nothing more."""
        self.leave(list(self._places))

    def _kept(self, kind: str) -> Held | None:
        """Our place, unless somebody has cleared it away, and perhaps stands there now."""
        place = self._places.get(kind)
        if place is not None and not _is_there(place):
            self._places.pop(kind).close()
            return None
        return place


def _asked(path: Path) -> int:
    """When the owner of a place last asked, in nanoseconds; long ago where it has just left."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return -(10**18)


def _is_there(place: Held) -> bool:
    try:
        return os.path.samestat(os.fstat(place.fileno()), place.path.stat())
    except FileNotFoundError:
        return False


def _last(folder: Path, kind: str) -> Held:
    folder.mkdir(mode=0o700, exist_ok=True)
    highest = max((_number(path) for path in _places(folder, kind)), default=0)
    return hold(folder / f"{kind}.{highest + 1:08d}", 0.0)


def _places(folder: Path, kind: str) -> list[Path]:
    """The places for this kind of slot, first come first."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    found = [name.rpartition(".") for name in names]
    numbers = sorted(int(number) for which, _, number in found if which == kind and number.isdecimal())
    return [folder / f"{kind}.{number:08d}" for number in numbers]


def _number(path: Path) -> int:
    return int(path.name.rpartition(".")[2])

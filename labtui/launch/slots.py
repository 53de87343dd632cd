"""Device slots: how many runs train on a device at once, over all runs folders of one user on this machine.

A slot is a file with a lock on it: one per GPU, named by its UUID, and one per core of the CPU, of which a run takes
as many as it has threads. The lock is flock on a plain descriptor and not filelock, since the descriptor itself is
handed on: the small parent and the engine inherit it, and the kernel frees the slot when the last of them has ended, in
whatever way. The files stay: removing one while somebody waits for it would make two slots of it.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from labtui.errors import EnvironmentFault
from labtui.launch.devices import Device
from labtui.launch.environment import usable_cores
from labtui.store.lock import HeldLock, LockHeld, LocksUnsupported, hold, probe
from labtui.store.process import host
from labtui.store.safe_paths import private_folder

PATIENCE = 10.0
"""Seconds for which a place counts after its owner last asked."""

_FOLDER = "line"


class Line:
    """Where one who waits stands, for each kind of slot."""

    def __init__(self) -> None:
        self._places: dict[str, HeldLock] = {}

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

    def _kept(self, kind: str) -> HeldLock | None:
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


def _is_there(place: HeldLock) -> bool:
    try:
        return os.path.samestat(os.fstat(place.fileno()), place.path.stat())
    except FileNotFoundError:
        return False


def _last(folder: Path, kind: str) -> HeldLock:
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


_UNSAFE = re.compile(r"[^A-Za-z0-9-]")
_TURN = 5.0
"""Seconds to wait for one's turn to take slots; a turn lasts microseconds."""


class Slot:
    """Places on a device, held until closed here and by every process that inherited them."""

    def __init__(self, held: Sequence[HeldLock]) -> None:
        self._held = tuple(held)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a child must inherit to hold the slot too."""
        return tuple(one.fileno() for one in self._held)

    def close(self) -> None:
        """Let go of our own share."""
        for one in self._held:
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def acquire(
    device: Device,
    threads: int,
    *,
    per_device: int = 1,
    line: Line | None = None,
    cores: int | None = None,
    folder: Path | None = None,
) -> Slot | None:
    """A slot on the device, or None while all are taken or others wait for one; never part of one.

    Who means to ask again gives a `line`, and stands in it from the first try in vain until it has a slot. `per_device`
    runs share a GPU. On the CPU a run takes a core per thread, at most all `cores` (default: those usable). Raises
    EnvironmentFault where no folder for slots can be had.
    """
    place, kind = folder or slots_folder(), _kind(device)
    if device.kind == "cpu":
        there = cores or usable_cores()
        names, needed = [f"{kind}-{number}" for number in range(there)], min(threads, there)
    else:
        names, needed = [f"{kind}-{number}" for number in range(per_device)], 1
    try:
        with hold(place / "turn", _TURN):
            slot = _take(place, names, needed) if (line or Line()).is_first(place, kind) else None
            if slot is None and line is not None:
                line.stand(place, kind)
            return slot
    except LockHeld:
        return None
    except LocksUnsupported as fault:
        raise EnvironmentFault(fault.message, advice="Set XDG_STATE_HOME to a folder on a local disk.") from fault
    except OSError as fault:
        raise EnvironmentFault(f"Device slots cannot be kept in {place}: {fault.strerror}.") from fault


def first_free(
    devices: Sequence[Device], threads: int, line: Line, *, per_device: int = 1, folder: Path | None = None
) -> tuple[Device, Slot] | None:
    """The first of the devices that has a slot for us, no longer waited for then; None while none has."""
    for device in devices:
        slot = acquire(device, threads, per_device=per_device, line=line, folder=folder)
        if slot is not None:
            line.leave(map(_kind, devices))
            return device, slot
    return None


def wait_for(
    devices: Sequence[Device],
    threads: int,
    *,
    per_device: int = 1,
    pause: float = 0.5,
    waiting: Callable[[], bool] = lambda: True,
    folder: Path | None = None,
) -> tuple[Device, Slot] | None:
    """The first of the devices that has a slot; waits until one has, or until `waiting` says no more (then None)."""
    line = Line()
    while (found := first_free(devices, threads, line, per_device=per_device, folder=folder)) is None:
        if not waiting():
            line.close()
            return None
        time.sleep(pause)
    return found


def slots_folder() -> Path:
    """Where this user's slots of this machine lie; by host, since homes are shared. Raises EnvironmentFault."""
    return private_folder("slots", _UNSAFE.sub("_", host()))


def _kind(device: Device) -> str:
    """What tells the slots of a device from those of others."""
    return "cpu" if device.kind == "cpu" else _UNSAFE.sub("_", device.uuid or device.name)


def _take(place: Path, names: Sequence[str], needed: int) -> Slot | None:
    """The first `needed` of the named slots that are free, or none of them."""
    held: list[HeldLock] = []
    try:
        for name in names:
            with suppress(LockHeld):
                held.append(hold(place / name, 0.0))
            if len(held) == needed:
                return Slot(held)
    except BaseException:
        Slot(held).close()
        raise
    Slot(held).close()
    return None

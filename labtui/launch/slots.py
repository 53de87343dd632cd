"""Device slots: how many runs train on a device at once, across all runs folders of one user on this machine.

A slot is a file with a lock: one per GPU, named by its UUID, and one per core of the CPU, of which a run takes as many
as it has threads. The lock is flock on a descriptor that is handed on: supervisor and engine inherit it, and the kernel
frees the slot when the last of them has exited, in whatever way. The files stay: if one were removed while a process
waits for it, there would be two slots.

A process that waits for slots has a place in a waiting list, so that a run that needs several slots at once is not
overtaken for ever by runs that need one. A place is a numbered file beside the slots, locked for as long as its owner
waits, so the kernel releases it with the owner. It counts only while the owner keeps asking, because a queue runner
that is suspended must not block others: every request updates the file's time stamp, by the machine's monotonic clock.
All this happens while the lock `turn` is held; only leaving the list does not need it.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from labtui.errors import MachineError
from labtui.launch.devices import Device
from labtui.launch.environment import usable_cores
from labtui.store.lock import HeldLock, LockHeld, LocksUnsupported, hold, lock_file, probe
from labtui.store.process import host
from labtui.store.safe_paths import private_folder

if TYPE_CHECKING:  # filelock is imported with the first slot
    from filelock import FileLock

PLACE_TIMEOUT = 10.0
"""Seconds for which a place counts after its owner last asked."""

_WAITING_LIST = "line"
_UNSAFE = re.compile(r"[^A-Za-z0-9-]")
_TURN_TIMEOUT = 5.0
"""Seconds to wait for the lock `turn`, which others hold for microseconds."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the waiting list of one kind of slot."""

    path: Path
    lock: "FileLock"
    identity: tuple[int, int]

    @property
    def exists(self) -> bool:
        """Whether the file is still there, and still the same one."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return False
        return (status.st_dev, status.st_ino) == self.identity


class Waiter:
    """The places of one waiting process, per kind of slot."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}

    def is_first(self, folder: Path, kind: str) -> bool:
        """Whether no process that still waits for this kind came before; removes the places of those that left."""
        own = self._own_place(kind)
        for path in _place_paths(folder / _WAITING_LIST, kind):
            if own is not None and path == own.path:
                return True
            if probe(path) == "free":
                path.unlink(missing_ok=True)
            elif time.monotonic_ns() - _last_request(path) < PLACE_TIMEOUT * 1e9:
                return False
        return True

    def enter(self, folder: Path, kind: str) -> None:
        """Take the last place in the waiting list, or renew the one that this process has. Raises OSError."""
        place = self._own_place(kind)
        if place is None:
            place = self._places[kind] = _last_place(folder / _WAITING_LIST, kind)
        now = time.monotonic_ns()
        os.utime(place.path, ns=(now, now))

    def leave(self, kinds: Iterable[str]) -> None:
        """Stop waiting for slots of these kinds."""
        for kind in kinds:
            place = self._own_place(kind)
            if place is not None:
                place.path.unlink()
                self._places.pop(kind).lock.release()

    def close(self) -> None:
        """Stop waiting for any slot."""
        self.leave(list(self._places))

    def _own_place(self, kind: str) -> _Place | None:
        """The place of this process, unless its file was removed (and perhaps another process has that name now)."""
        place = self._places.get(kind)
        if place is not None and not place.exists:
            self._places.pop(kind).lock.release()
            return None
        return place


class Slot:
    """One or more slots of a device, held until closed here and in every process that inherited them."""

    def __init__(self, locks: Sequence[HeldLock]) -> None:
        self._locks = tuple(locks)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a child must inherit to hold the slot too."""
        return tuple(lock.fileno() for lock in self._locks)

    def close(self) -> None:
        """Release this process's share."""
        for lock in self._locks:
            lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def acquire(
    device: Device,
    threads: int,
    *,
    per_device: int = 1,
    waiter: Waiter | None = None,
    cores: int | None = None,
    folder: Path | None = None,
) -> Slot | None:
    """A slot on the device, or None if too few are free or other processes wait for one; never a part of one.

    A caller that will ask again passes a `waiter`, which is in the waiting list from the first failure until it gets a
    slot. `per_device` runs share a GPU. On the CPU a run takes a core per thread, at most all `cores` (default: those
    usable). Raises MachineError if no folder for slots can be used.
    """
    place, kind = folder or slots_folder(), _kind(device)
    if device.kind == "cpu":
        total = cores or usable_cores()
        names, needed = [f"{kind}-{number}" for number in range(total)], min(threads, total)
    else:
        names, needed = [f"{kind}-{number}" for number in range(per_device)], 1
    try:
        with lock_file(place / "turn", _TURN_TIMEOUT):
            slot = _take(place, names, needed) if (waiter or Waiter()).is_first(place, kind) else None
            if slot is None and waiter is not None:
                waiter.enter(place, kind)
            return slot
    except LockHeld:
        return None
    except LocksUnsupported as error:
        raise MachineError(error.message, advice="Set XDG_STATE_HOME to a folder on a local disk.") from error
    except OSError as error:
        raise MachineError(f"Device slots cannot be stored in {place}: {error.strerror}.") from error


def acquire_first(
    devices: Sequence[Device], threads: int, waiter: Waiter, *, per_device: int = 1, folder: Path | None = None
) -> tuple[Device, Slot] | None:
    """The first device with a free slot, and the slot; the waiter then leaves the list. None if no slot is free."""
    for device in devices:
        slot = acquire(device, threads, per_device=per_device, waiter=waiter, folder=folder)
        if slot is not None:
            waiter.leave(map(_kind, devices))
            return device, slot
    return None


def wait_for_slot(
    devices: Sequence[Device],
    threads: int,
    *,
    per_device: int = 1,
    pause: float = 0.5,
    keep_waiting: Callable[[], bool] = lambda: True,
    folder: Path | None = None,
) -> tuple[Device, Slot] | None:
    """Wait until one of the devices has a free slot; None if `keep_waiting` returned False before."""
    waiter = Waiter()
    while (taken := acquire_first(devices, threads, waiter, per_device=per_device, folder=folder)) is None:
        if not keep_waiting():
            waiter.close()
            return None
        time.sleep(pause)
    return taken


def slots_folder() -> Path:
    """The folder of this user's slots on this machine; by host, as homes can be shared. Raises MachineError."""
    return private_folder("slots", _UNSAFE.sub("_", host()))


def _kind(device: Device) -> str:
    """Distinguishes the slots of a device from those of others."""
    return "cpu" if device.kind == "cpu" else _UNSAFE.sub("_", device.uuid or device.name)


def _take(folder: Path, names: Sequence[str], needed: int) -> Slot | None:
    """The first `needed` of the named slots that are free, or none of them."""
    locks: list[HeldLock] = []
    try:
        for name in names:
            with suppress(LockHeld):
                locks.append(hold(folder / name, 0.0))
            if len(locks) == needed:
                return Slot(locks)
    except BaseException:
        Slot(locks).close()
        raise
    Slot(locks).close()
    return None


def _last_place(folder: Path, kind: str) -> _Place:
    folder.mkdir(mode=0o700, exist_ok=True)
    highest = max((_number(path) for path in _place_paths(folder, kind)), default=0)
    path = folder / f"{kind}.{highest + 1:08d}"
    lock = lock_file(path, 0.0).lock
    status = path.stat()
    return _Place(path, lock, (status.st_dev, status.st_ino))


def _place_paths(folder: Path, kind: str) -> list[Path]:
    """The places for this kind of slot, in the order of the waiting list."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    parts = [name.rpartition(".") for name in names]
    numbers = sorted(int(number) for name, _, number in parts if name == kind and number.isdecimal())
    return [folder / f"{kind}.{number:08d}" for number in numbers]


def _number(path: Path) -> int:
    return int(path.name.rpartition(".")[2])


def _last_request(path: Path) -> int:
    """When the owner of a place last asked, in nanoseconds; long ago if it has just left."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return -(10**18)

"""Device slots: how many runs train on a device at once, over all runs folders of one user on this machine.

A slot is a file with a lock on it: one per GPU, named by its UUID, and one per core of the CPU, of which a run takes
as many as it has threads. The lock is flock on a plain descriptor and not filelock, since the descriptor itself is
handed on: the small parent and the engine inherit it, and the kernel frees the slot when the last of them has ended, in
whatever way. The files stay: removing one while somebody waits for it would make two slots of it.
"""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from labtui.errors import EnvironmentFault
from labtui.launch.devices import Device
from labtui.launch.line import Line
from labtui.launch.private import private_folder
from labtui.launch.threads import usable_cores
from labtui.store.lock import Held, LockHeld, LocksUnsupported, hold
from labtui.store.process import host

_UNSAFE = re.compile(r"[^A-Za-z0-9-]")
_TURN = 5.0
"""Seconds to wait for one's turn to take slots; a turn lasts microseconds."""


class Slot:
    """Places on a device, held until closed here and by every process that inherited them."""

    def __init__(self, held: Sequence[Held]) -> None:
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
    held: list[Held] = []
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

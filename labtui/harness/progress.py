"""The harness's heartbeat: how far the program is, and whether it still does anything."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from labtui.store.attempt import working_folder
from labtui.store.records import Beat, Phase
from labtui.store.reserved_space import ReservedSpace
from labtui.text.durations import duration

BEAT_INTERVAL = 1.0
"""Seconds between two heartbeats."""

CPU_INTERVAL = 5.0
"""Seconds between two looks at the CPU time of all processes."""

_USED = 0.02
"""Seconds of CPU time that count as movement: an idle process wakes up now and then."""

_RESERVED_BYTES = 4096


@dataclass(slots=True)
class Activity:
    """When the program last did something: wrote output or a metric, or used the CPU."""

    stall: float
    """Seconds without any of these after which it counts as stalled."""
    _seen: object = None
    _cpu: float = 0.0
    _last: float = 0.0

    def note(self, now: float, traces: object, cpu: float | None) -> None:
        """Compare what there is to see with what there was; `cpu` is None between two looks at it."""
        used = cpu is not None and cpu - self._cpu > _USED
        if cpu is not None:
            self._cpu = cpu
        if traces != self._seen or used or not self._last:
            self._seen, self._last = traces, now

    def silence(self, now: float) -> float:
        """Seconds since it last did something."""
        return now - self._last

    def is_stalled(self, now: float) -> bool:
        """Whether that is too long ago."""
        return self.silence(now) >= self.stall


class Progress:
    """Writes beat.json. The counter stands still while the program is stalled, so that readers see it."""

    def __init__(self, path: Path, attempt: int, *, total_steps: int) -> None:
        self.phase: Phase = "starting"
        self.step = 0
        self.epoch = 0.0
        self.notes: dict[str, str] = {}
        """Warnings by topic."""
        self.points_lost = 0
        self._total = total_steps
        self._attempt = attempt
        self._counter = 0
        self._written = -math.inf
        self._first: tuple[float, int] | None = None
        self._space = ReservedSpace(path, _RESERVED_BYTES)
        self._folder = working_folder()

    def reserve(self) -> None:
        """Reserve the space for the heartbeat and write the first one."""
        self._space.reserve()
        self.write(time.monotonic())

    def reached(self, step: int, now: float) -> None:
        """Note the newest step; the remaining time is estimated from the first one on."""
        if self._first is None:
            self._first = (now, step)
        self.step = max(self.step, step)

    def beat(self, now: float, activity: Activity) -> None:
        """Write a heartbeat if one is due."""
        if now - self._written < BEAT_INTERVAL:
            return
        stalled = activity.is_stalled(now)
        self.notes["stalled"] = (
            f"no output, metrics or CPU use for {duration(activity.silence(now))}" if stalled else ""
        )
        self.write(now, alive=not stalled)

    def write(self, now: float, *, alive: bool = True) -> None:
        """Write a heartbeat now."""
        self._written = now
        self._counter += alive
        folder = working_folder()
        moved = self._folder and folder and folder != self._folder
        self.notes["folder"] = f"the run folder was moved while the program ran: it is {folder} now" if moved else ""
        beat = Beat(
            attempt=self._attempt,
            counter=self._counter,
            phase=self.phase,
            step=self.step,
            total_steps=self._total,
            epoch=int(self.epoch) if math.isfinite(self.epoch) else 0,
            eta=self._seconds_left(now),
            points_lost=self.points_lost,
            warning="; ".join(filter(None, self.notes.values())),
        )
        try:
            self._space.write(msgspec.json.format(msgspec.json.encode(beat), indent=2) + b"\n", durable=False)
        except OSError:
            return  # readers notice a missed beat by its counter; the program runs on

    def release(self) -> None:
        """Give the reserved space back."""
        self._space.release()

    def _seconds_left(self, now: float) -> float | None:
        if self._first is None or not self._total or self.step <= self._first[1]:
            return None
        began, first = self._first
        return (now - began) / (self.step - first) * max(0, self._total - self.step)

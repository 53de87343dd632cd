"""The engine's sign of life: beat.json, about once a second, by a thread of its own.

The counter moves only when the work has moved, or while a phase is under way that says it is long: a training that
hangs must not look alive because a thread beside it is. The same thread looks for stop requests, so that a long step
hears one. No torch here: the first beat comes before torch is imported.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import msgspec

from labtui.engine.stop import Stop
from labtui.store.records import Beat, Phase
from labtui.store.reserved_space import ReservedSpace

INTERVAL = 1.0
"""Seconds between two beats."""

LOOK = 0.25
"""Seconds between two looks for a stop request."""

_LONG: frozenset[Phase] = frozenset({"starting", "loading", "saving"})
_ROOM = 4096
"""Bytes kept for the beat on a disk without room: a block, many times what a beat has."""
_MEMORY = 10.0
"""Seconds over which the speed is taken."""


class Stopwatch:
    """Seconds of training alone: it stands still while the run evaluates or saves."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """The time so far; may be read from another thread."""
        before, since = self._before, self._since
        return before + (0.0 if since is None else time.monotonic() - since)

    def set(self, seconds: float) -> None:
        """Stand still at so many seconds."""
        self._before, self._since = seconds, None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs within the block."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self.set(self.seconds)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stands still within the block, and goes on after it if it ran before."""
        ran = self._since is not None
        self.set(self.seconds)
        try:
            yield
        finally:
            if ran:
                self._since = time.monotonic()


class Pulse:
    """Where the run stands, as the loop writes it down and a thread passes it on. Use as a context manager."""

    def __init__(self, path: Path, attempt: int, stop: Stop) -> None:
        self.phase: Phase = "starting"
        self.step = 0
        self.total_steps = 0
        self.epoch = 0
        self.epochs = 0
        self.points_lost = 0
        self.warning = ""
        """Why the state could not be saved."""
        self.alarms: dict[str, str] = {}
        """What else a person should look at, by what it is about."""
        self.clock = Stopwatch()
        self.earlier = 0.0
        """Seconds that earlier attempts took."""
        self._started = time.monotonic()
        self._reserve = ReservedSpace(path, _ROOM)
        self._attempt = attempt
        self._stop = stop
        self._moves = 0
        self._seen = 0
        self._counter = 0
        self._images = 0
        self._speeds: list[tuple[float, float, int]] = []
        self._begun: tuple[float, int] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)

    def __enter__(self) -> "Pulse":
        self._reserve.reserve()
        self.write()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.write()
        self._reserve.release()

    def moved(self) -> None:
        """The work has moved."""
        self._moves += 1

    def stepped(self, images: int) -> None:
        """One optimizer step is done, on so many images."""
        self._moves += 1
        self._images += images
        self.step += 1

    def alarm(self, about: str, text: str) -> bool:
        """Have people look at something, or no longer where the text is empty; whether it is another thing than before.

        The text begins with what it is, up to a colon.
        """
        before = self.alarms.pop(about, "")
        if text:
            self.alarms[about] = text
        return text.partition(":")[0] != before.partition(":")[0]

    def lose(self, points: int) -> None:
        """So many metric points are not in the event file."""
        self.points_lost = points

    def begin(self, *, step: int, steps: int, epoch: int, epochs: int) -> None:
        """The training begins or goes on here: the time left is reckoned from this step."""
        self.step, self.total_steps, self.epoch, self.epochs = step, steps, epoch, epochs
        self.phase = "training"
        self._begun = (time.monotonic(), step)
        self._speeds = [(time.monotonic(), self.clock.seconds, self._images)]

    @contextmanager
    def during(self, phase: Phase) -> Iterator[None]:
        """Name the phase of the block; the one before returns after it."""
        before, self.phase = self.phase, phase
        self.moved()
        try:
            yield
        finally:
            self.phase = before
            self.moved()

    @property
    def seconds(self) -> float:
        """Seconds since the engine's start, those of earlier attempts counted in."""
        return self.earlier + time.monotonic() - self._started

    @property
    def images_per_second(self) -> float:
        """Training images a second over the last seconds of training."""
        if not self._speeds:
            return 0.0
        _, then, before = self._speeds[0]
        seconds = self.clock.seconds - then
        return (self._images - before) / seconds if seconds > 0 else 0.0

    def _run(self) -> None:
        beats = time.monotonic()
        while not self._ended.wait(LOOK):
            self._stop.look()
            if time.monotonic() - beats >= INTERVAL:
                beats = time.monotonic()
                self.write()

    def write(self) -> None:
        """Write the heartbeat file now; a disk that takes no more is passed over."""
        now = time.monotonic()
        if self._moves != self._seen or self.phase in _LONG:
            self._seen = self._moves
            self._counter += 1
        recent = [speed for speed in self._speeds if now - speed[0] <= _MEMORY]
        self._speeds = [*(recent or self._speeds[-1:]), (now, self.clock.seconds, self._images)]
        beat = Beat(
            attempt=self._attempt,
            counter=self._counter,
            phase=self.phase,
            step=self.step,
            total_steps=self.total_steps,
            epoch=self.epoch,
            epochs=self.epochs,
            images_per_second=self.images_per_second,
            eta=self._time_left(now),
            points_lost=self.points_lost,
            warning="; ".join(filter(None, (self.warning, *self.alarms.values()))),
        )
        try:
            self._reserve.write(msgspec.json.format(msgspec.json.encode(beat), indent=2) + b"\n", durable=False)
        except OSError:
            return  # a missed beat is told by its counter; the training goes on

    def _time_left(self, now: float) -> float | None:
        if self._begun is None or self.step <= self._begun[1]:
            return None
        began, first = self._begun
        return (now - began) / (self.step - first) * max(0, self.total_steps - self.step)

"""The engine's sign of life: beat.json, written about once a second by a thread of its own, with any warnings.

The counter changes only if training has made progress, or during a phase that is known to be long: a training that
hangs must not look alive because a thread beside it is. The same thread polls for stop requests, so that a long step
notices one. Does not import torch: the first beat is written before torch is imported.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import msgspec

from labtui.learning import at_chance, is_falling
from labtui.store.attempt import working_folder
from labtui.store.records import Beat, Phase
from labtui.store.reserved_space import ReservedSpace
from labtui.store.stop_signal import StopSignal
from labtui.text.sizes import size

BEAT_INTERVAL = 1.0
"""Seconds between two beats."""

POLL_INTERVAL = 0.25
"""Seconds between two polls for a stop request."""

EPOCHS_AT_CHANCE = 3
"""Epochs at chance level in a row before it is reported."""

LOW_DISK = 1 << 30
"""Bytes of free disk space below which a warning is shown: a few checkpoints of a mid-sized network."""

_LONG_PHASES: frozenset[Phase] = frozenset({"starting", "loading", "saving"})
_RESERVED_BYTES = 4096
"""Disk space reserved for beat.json: one block, many times its size."""
_SPEED_WINDOW = 10.0
"""Seconds over which the training speed is averaged."""


class Stopwatch:
    """Seconds of training alone: it stops while the run evaluates or saves."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """The time so far; may be read from another thread."""
        before, since = self._before, self._since
        return before + (0.0 if since is None else time.monotonic() - since)

    def set(self, seconds: float) -> None:
        """Stop at this time."""
        self._before, self._since = seconds, None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run during the block."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self.set(self.seconds)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop during the block, and continue after it if the stopwatch was running."""
        was_running = self._since is not None
        self.set(self.seconds)
        try:
            yield
        finally:
            if was_running:
                self._since = time.monotonic()


class Heartbeat:
    """The state of the run, updated by the training loop and written by a thread. Use as a context manager."""

    def __init__(self, path: Path, attempt: int, stop: StopSignal) -> None:
        self.phase: Phase = "starting"
        self.step = 0
        self.total_steps = 0
        self.epoch = 0
        self.epochs = 0
        self.points_lost = 0
        self.save_error = ""
        """Why the state could not be saved."""
        self.warnings: dict[str, str] = {}
        """What else the user should know, by topic."""
        self.train_clock = Stopwatch()
        self.earlier_seconds = 0.0
        """Seconds that earlier attempts took."""
        self._started = time.monotonic()
        self._reserve = ReservedSpace(path, _RESERVED_BYTES)
        self._folder = working_folder()
        self._attempt = attempt
        self._stop = stop
        self._progress = 0
        self._written_progress = 0
        self._counter = 0
        self._images = 0
        self._speed_samples: list[tuple[float, float, int]] = []
        self._training_start: tuple[float, int] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._reserve.reserve()
        self.write()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.write()
        self._reserve.release()

    def made_progress(self) -> None:
        """Record that the work has made progress."""
        self._progress += 1

    def finished_step(self, images: int) -> None:
        """Record one optimizer step on this many images."""
        self._progress += 1
        self._images += images
        self.step += 1

    def warn(self, topic: str, text: str) -> bool:
        """Show a warning, or clear it if the text is empty. Returns whether it is a different one than before.

        Two warnings are the same if they agree up to the first colon.
        """
        before = self.warnings.pop(topic, "")
        if text:
            self.warnings[topic] = text
        return text.partition(":")[0] != before.partition(":")[0]

    def set_points_lost(self, points: int) -> None:
        """Set the number of metric points that are not in the event file."""
        self.points_lost = points

    def start_training(self, *, step: int, steps: int, epoch: int, epochs: int) -> None:
        """Training starts or resumes here: the remaining time is estimated from this step on."""
        self.step, self.total_steps, self.epoch, self.epochs = step, steps, epoch, epochs
        self.phase = "training"
        self._training_start = (time.monotonic(), step)
        self._speed_samples = [(time.monotonic(), self.train_clock.seconds, self._images)]

    @contextmanager
    def in_phase(self, phase: Phase) -> Iterator[None]:
        """Set the phase during the block, and restore the previous one after it."""
        before, self.phase = self.phase, phase
        self.made_progress()
        try:
            yield
        finally:
            self.phase = before
            self.made_progress()

    @property
    def seconds(self) -> float:
        """Seconds since the engine's start, plus those of earlier attempts."""
        return self.earlier_seconds + time.monotonic() - self._started

    @property
    def images_per_second(self) -> float:
        """Training images per second over the last seconds of training."""
        if not self._speed_samples:
            return 0.0
        _, then, before = self._speed_samples[0]
        seconds = self.train_clock.seconds - then
        return (self._images - before) / seconds if seconds > 0 else 0.0

    def _run(self) -> None:
        last_beat = time.monotonic()
        while not self._ended.wait(POLL_INTERVAL):
            self._stop.poll()
            if time.monotonic() - last_beat >= BEAT_INTERVAL:
                last_beat = time.monotonic()
                self.write()

    def write(self) -> None:
        """Write beat.json now."""
        now = time.monotonic()
        self._check_folder()
        if self._progress != self._written_progress or self.phase in _LONG_PHASES:
            self._written_progress = self._progress
            self._counter += 1
        recent = [sample for sample in self._speed_samples if now - sample[0] <= _SPEED_WINDOW]
        self._speed_samples = [
            *(recent or self._speed_samples[-1:]),
            (now, self.train_clock.seconds, self._images),
        ]
        beat = Beat(
            attempt=self._attempt,
            counter=self._counter,
            phase=self.phase,
            step=self.step,
            total_steps=self.total_steps,
            epoch=self.epoch,
            epochs=self.epochs,
            images_per_second=self.images_per_second,
            eta=self._seconds_left(now),
            points_lost=self.points_lost,
            warning="; ".join(filter(None, (self.save_error, *self.warnings.values()))),
        )
        try:
            self._reserve.write(msgspec.json.format(msgspec.json.encode(beat), indent=2) + b"\n", durable=False)
        except OSError:
            return  # readers notice a missed beat by its counter; training continues

    def _check_folder(self) -> None:
        """Warn if the run folder, which is the working folder, was moved since the start."""
        folder = working_folder()
        if self._folder and folder and folder != self._folder:
            self.warn("folder", f"the run folder was moved while the run trained: it is {folder} now")

    def _seconds_left(self, now: float) -> float | None:
        if self._training_start is None or self.step <= self._training_start[1]:
            return None
        began, first_step = self._training_start
        return (now - began) / (self.step - first_step) * max(0, self.total_steps - self.step)


class LearningCheck:
    """Checks after every epoch of one attempt whether the run learns.

    A run that is *not learning yet* is at chance while its loss is still falling: more epochs or a larger learning
    rate may help. If the loss is flat as well, the run will not recover.
    """

    def __init__(self, classes: int, images: int) -> None:
        """`classes` of the data set; accuracies are measured on `images` images."""
        self._classes, self._images = classes, images
        self._accuracies: list[float] = []
        self._losses: list[float] = []

    def after_epoch(self, accuracy: float, loss: float) -> str:
        """A warning after an epoch, empty if the run learns. Accuracy in percent."""
        self._accuracies.append(accuracy)
        self._losses.append(loss)
        return not_learning(self._accuracies, self._losses, self._classes, self._images)


def not_learning(accuracies: Sequence[float], losses: Sequence[float], classes: int, images: int) -> str:
    """A warning about a run with these accuracies, in percent, and losses per epoch; empty if it learns."""
    latest = accuracies[-EPOCHS_AT_CHANCE:]
    if classes < 2 or len(latest) < EPOCHS_AT_CHANCE:
        return ""
    if not all(at_chance(percent, classes, images) for percent in latest):
        return ""
    where = f"{latest[-1]:.2f}% with {classes} classes, at chance for {EPOCHS_AT_CHANCE} epochs"
    falling = is_falling(losses)
    if falling is None:
        return f"not learning: {where}"
    if falling:
        return f"not learning yet: {where}, but the loss is still falling"
    return f"not learning: {where}, and the loss is flat"


def disk_low(free: int) -> str:
    """A warning if so many free bytes on the run's disk are few; empty otherwise."""
    if free >= LOW_DISK:
        return ""
    return f"disk low: {size(free)} free; checkpoints may not fit"

"""The training of a run, from wherever it stands to its end.

Nothing is read back from the device inside an epoch but at log points, at most four times a second: the losses and
right answers of each step wait there until then, so that the curves are exact and a bad loss is found at its very step.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from shutil import disk_usage
from typing import Any

import torch
from torch import Tensor

from labtui.engine.checkpoint import Checkpoints, NotSaved
from labtui.engine.data import Division, Reading
from labtui.engine.epoch_totals import Tally
from labtui.engine.evaluate import BATCH, Answers, Examiner
from labtui.engine.health import Vigil, disk_low
from labtui.engine.heartbeat import Pulse
from labtui.engine.learner import Learner
from labtui.engine.metric_writer import Diverged, Journal
from labtui.engine.models import has_batch_norm
from labtui.engine.recorder import Point, Recorder
from labtui.engine.rng import shuffled
from labtui.engine.stop import Stop
from labtui.spec import RunSpec

State = dict[str, Any]


class Stopped(Exception):
    """The run was asked to stop, and its state is saved; else the text says why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """How often a run records and saves, in seconds."""

    log: float = 0.25
    save: float = 30.0
    share: float = 0.02
    """The part of the time that saving after each epoch may take; shorter epochs share a checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a training is told by and tells: where it saves, its sign of life, who may stop it, what people read."""

    checkpoints: Checkpoints
    pulse: Pulse
    stop: Stop
    say: Callable[[str], None]
    intervals: Intervals = Intervals()
    made_with: Mapping[str, str | int] = field(default_factory=dict)
    """What beside spec and state decides the bits: versions, device, threads."""


class Training:
    """One run's training, at a place: the epoch under way (from 1) and what it has given so far."""

    def __init__(
        self, spec: RunSpec, division: Division, learner: Learner, around: Surroundings, *, classes: int
    ) -> None:
        self.spec = spec
        self.division = division
        self.learner = learner
        self.around = around
        self.epoch = 1
        self.tally = self._new_tally()
        self.answers: Answers | None = None
        """About the plain test images, once the run is through."""
        self.journal: Journal
        self._vigil = Vigil(classes, len(division.watched))
        self._examiner = Examiner(learner.network, learner.prepare, learner.precision, lambda _: around.pulse.moved())
        self._next_log = -math.inf
        self._next_save = math.inf
        self._saved = -math.inf
        self._saving = 0.0
        """Seconds that the last save took."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch."""
        return -(-self.tally.samples // self.tally.batch_size)

    @property
    def step(self) -> int:
        """Optimizer steps done, over all attempts."""
        return (self.epoch - 1) * self.steps_per_epoch + self.tally.done

    @property
    def images_seen(self) -> int:
        """Samples trained on, over all attempts."""
        samples = self.tally.samples
        return (self.epoch - 1) * samples + min(self.tally.done * self.tally.batch_size, samples)

    def fit(self, recorder: Recorder) -> None:
        """Train to the end. Raises Stopped, Diverged, and what the device raises."""
        self._begin(recorder)
        while self.epoch <= self.spec.training.epochs:
            self._train_epoch()
            self._close_epoch()
        self._take_final_test()

    def _begin(self, recorder: Recorder) -> None:
        pulse, epochs = self.around.pulse, self.spec.training.epochs
        self.journal = Journal(self.spec, self.steps_per_epoch, recorder, pulse.lose)
        self.learner.network.train()
        self._saved = time.monotonic()
        self._next_save = self._saved + self.around.intervals.save
        pulse.begin(step=self.step, steps=self.steps_per_epoch * epochs, epoch=min(self.epoch, epochs), epochs=epochs)

    def _train_epoch(self) -> None:
        order = shuffled(self.tally.samples, self.spec.seed, "order", self.epoch)
        reading = self.division.train.draw(self.spec.seed, "augment", self.epoch)
        pulse = self.around.pulse
        pulse.epoch = self.epoch
        with pulse.during("training"), pulse.clock.running():
            for images, labels in reading.batches(order, self.tally.batch_size, start=self.tally.done):
                self.tally.add(*self.learner.learn(images, labels, self.step))
                pulse.stepped(len(labels))
                self._between_steps()
            self._read()
            if self.epoch == self.spec.training.epochs:
                self._record_step()  # the last point of these curves is then the same whatever the time between points

    def _record_step(self) -> None:
        self.journal.step(self.step, self.tally, self.learner.rate(self.step - 1))

    def _between_steps(self) -> None:
        now = time.monotonic()
        if now >= self._next_log:
            self._next_log = now + self.around.intervals.log
            self._read()
            self._record_step()
        if self.around.stop.asked:
            self._stop()
        if now >= self._next_save:
            self.save()

    def _close_epoch(self) -> None:
        with self.around.pulse.during("evaluating"):
            if self.spec.protocol == "report":
                answers = self._ask_as_the_report_did()
                said = self.journal.report_epoch(self.epoch, self.tally, answers)
            else:
                answers = self._ask_in_eval_mode(self._watch())
                said = self.journal.standard_epoch(self.epoch, self.tally, answers)
        speed = f"{self.around.pulse.images_per_second:,.0f} images/s"
        self.around.say(f"epoch {self.epoch}/{self.spec.training.epochs}  {said}  {speed}")
        self._alarm("learning", self._vigil.look(answers.accuracy, self.tally.report_loss))
        self.epoch, self.tally = self.epoch + 1, self._new_tally()
        last = self.epoch > self.spec.training.epochs
        if self.around.stop.asked and not last:
            self._stop()
        if last or time.monotonic() - self._saved >= self._saving / self.around.intervals.share:
            self.save()

    def _take_final_test(self) -> None:
        with self.around.pulse.during("evaluating"):
            self.answers = self._ask_in_eval_mode(self.division.test.draw(self.spec.seed, "test augment", 0))
        self.around.say(self.journal.final(self.spec.training.epochs, self.answers))

    def _watch(self) -> Reading:
        return self.division.watched.draw(self.spec.seed, "test augment", self.epoch)

    def _ask_as_the_report_did(self) -> Answers:
        """In training mode, dropout active, in a shuffled order."""
        order = shuffled(len(self.division.watched), self.spec.seed, "test order", self.epoch)
        # Batch normalisation in training mode sees, and learns from, the batch: there it must be the report's own.
        exact = has_batch_norm(self.learner.network)
        return self._ask(self._watch(), order, self.spec.training.test_batch_size if exact else None)

    def _ask_in_eval_mode(self, reading: Reading) -> Answers:
        self.learner.network.eval()
        try:
            return self._ask(reading, torch.arange(len(reading.samples)))
        finally:
            self.learner.network.train()

    def _ask(self, reading: Reading, order: Tensor, batch_size: int | None = None) -> Answers:
        answers = self._examiner.ask(reading, order, batch_size or BATCH[self.learner.device.type])
        if not math.isfinite(answers.mean_loss):
            raise Diverged(self.step, answers.mean_loss)
        return answers

    def _alarm(self, about: str, text: str) -> None:
        """Show it beside the sign of life for as long as it lasts, and say it once."""
        if self.around.pulse.alarm(about, text) and text:
            self.around.say(f"Look at this: {text}.")

    def _read(self) -> None:
        self.journal.steps(self.epoch, self.tally)

    def _stop(self) -> None:
        raise Stopped("" if self.save() else self.around.pulse.warning)

    def save(self) -> bool:
        """Save the state; whether that worked. What a full disk does not take is said, and tried again later."""
        self._read()
        pulse, began = self.around.pulse, time.monotonic()
        with pulse.during("saving"), pulse.clock.paused():
            try:
                self.around.checkpoints.save(self.state(), self.step, before_placing=self.journal.recorder.sync)
                pulse.warning = ""
                self._alarm("disk", disk_low(disk_usage(self.around.checkpoints.paths.folder).free))
            except NotSaved as fault:
                pulse.warning = fault.message
                pulse.alarm("disk", "")
                self.around.say(f"step {self.step:,}: {fault.message}")
        self._saved = time.monotonic()
        self._saving = self._saved - began
        self._next_save = self._saved + self.around.intervals.save
        return not pulse.warning

    def state(self) -> State:
        """All that a resumed run needs, once nothing waits on the device."""
        return {
            "epoch": self.epoch,
            "losses": torch.tensor(self.tally.losses),
            "correct": torch.tensor(self.tally.correct, dtype=torch.int64),
            "train_seconds": self.around.pulse.clock.seconds,
            "seconds": self.around.pulse.seconds,
            "made_with": dict(self.around.made_with),
            "kept_points": [list(point) for point in self.journal.recorder.kept],
            **self.learner.state(),
        }

    def load(self, state: State) -> tuple[Point, ...]:
        """Go on from such a state; returns the points that its disk did not take. Raises where it does not fit."""
        tally, epoch = self._new_tally(), int(state["epoch"])
        tally.restore(state["losses"], state["correct"])
        if not 1 <= epoch <= self.spec.training.epochs + 1:
            raise ValueError(f"it stands in epoch {epoch}, which this run does not have")
        kept = tuple(Point(*point) for point in state["kept_points"])
        changed = _changes(state["made_with"], self.around.made_with)
        self.learner.load(state)
        self.around.pulse.clock.set(float(state["train_seconds"]))
        self.around.pulse.earlier = float(state["seconds"])
        if changed:
            self.around.say(
                f"The state was made with {changed}: the end will be close to an undisturbed run's, not equal."
            )
        self.epoch, self.tally = epoch, tally
        return kept

    def _new_tally(self) -> Tally:
        return Tally(len(self.division.train), self.spec.training.batch_size)


def _changes(before: Mapping[str, str | int], now: Mapping[str, str | int]) -> str:
    """What differs, as `threads 2, now 1`; empty where nothing does."""
    return ", ".join(f"{key} {before.get(key)}, now {value}" for key, value in now.items() if before.get(key) != value)

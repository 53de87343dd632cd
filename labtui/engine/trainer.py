"""Trains a run from its current state to its end.

Within an epoch nothing is read back from the device except at log points, at most four times a second: the losses and
correct predictions of each step stay there until then, so curves are exact and a bad loss is attributed to its step.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from shutil import disk_usage
from typing import Any

import torch
from torch import Tensor

from labtui.engine.best import BestEpoch
from labtui.engine.checkpoint import Checkpoints, NotSaved
from labtui.engine.data import EpochSamples, Splits
from labtui.engine.epoch_totals import EpochTotals
from labtui.engine.evaluate import EVAL_BATCH_SIZE, Evaluation, Evaluator
from labtui.engine.heartbeat import Heartbeat, LearningCheck, disk_low
from labtui.engine.learner import Learner
from labtui.engine.metric_writer import Diverged, MetricWriter
from labtui.engine.models import has_batch_norm
from labtui.engine.rng import shuffled
from labtui.engine.selection import Selection
from labtui.spec import RunSpec
from labtui.store.recorder import Point, Recorder
from labtui.store.stop_signal import StopSignal

State = dict[str, Any]


class Stopped(Exception):
    """The run was asked to stop and its state is saved; otherwise the message says why it could not be saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """How often a run records and saves, in seconds."""

    log: float = 0.25
    save: float = 30.0
    save_share: float = 0.02
    """The share of the time that saving after each epoch may take; shorter epochs share a checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerContext:
    """What a trainer talks to: checkpoints, heartbeat, stop signal and log."""

    checkpoints: Checkpoints
    heartbeat: Heartbeat
    stop: StopSignal
    say: Callable[[str], None]
    intervals: Intervals = Intervals()
    keep_best: str = ""
    """The tag by which the checkpoint of the best epoch is kept; empty if none is."""
    made_with: Mapping[str, str | int] = field(default_factory=dict)
    """What, beside spec and state, decides the exact bits: versions, device, threads."""


class Trainer:
    """The training of one run; `epoch` is the current one (from 1), `totals` is what it has produced so far."""

    def __init__(
        self, spec: RunSpec, splits: Splits, learner: Learner, context: TrainerContext, *, classes: int
    ) -> None:
        self.spec = spec
        self.splits = splits
        self.learner = learner
        self.context = context
        self.epoch = 1
        self.totals = self._new_totals()
        self.metrics: MetricWriter
        self._learning_check = LearningCheck(classes, len(splits.validation))
        early_stopping = spec.training.early_stopping
        self.selection = None if early_stopping is None else Selection(early_stopping)
        """The best epoch so far, in a training that stops early."""
        self.best = BestEpoch(context.keep_best) if context.keep_best else None
        """The best epoch so far, in a run that keeps its checkpoint."""
        self._evaluator = Evaluator(
            learner.evaluated, learner.transform, learner.precision, lambda _: context.heartbeat.made_progress()
        )
        self._next_log = -math.inf
        self._next_save = math.inf
        self._last_save = -math.inf
        self._save_seconds = 0.0
        """How long the last save took."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps per epoch."""
        return -(-self.totals.samples // self.totals.batch_size)

    @property
    def step(self) -> int:
        """Optimizer steps done, over all attempts."""
        return (self.epoch - 1) * self.steps_per_epoch + self.totals.steps_done

    @property
    def images_seen(self) -> int:
        """Samples trained on, over all attempts."""
        samples = self.totals.samples
        return (self.epoch - 1) * samples + min(self.totals.steps_done * self.totals.batch_size, samples)

    def fit(self, recorder: Recorder) -> Evaluation:
        """Train to the end. Returns the evaluation of the plain test images.

        Raises Stopped, Diverged, and whatever the device raises.
        """
        self._start(recorder)
        while not self._is_over:
            self._train_epoch()
            self._end_epoch()
        return self._evaluate_test_set()

    @property
    def _is_over(self) -> bool:
        """Whether the last epoch is done, or no better one is expected."""
        stopped_early = self.selection is not None and self.selection.ended
        return stopped_early or self.epoch > self.spec.training.epochs

    def _start(self, recorder: Recorder) -> None:
        heartbeat, epochs = self.context.heartbeat, self.spec.training.epochs
        self.metrics = MetricWriter(self.spec, self.steps_per_epoch, recorder, heartbeat.set_points_lost)
        self.learner.network.train()
        self._last_save = time.monotonic()
        self._next_save = self._last_save + self.context.intervals.save
        steps = self.steps_per_epoch * epochs
        heartbeat.start_training(step=self.step, steps=steps, epoch=min(self.epoch, epochs), epochs=epochs)

    def _train_epoch(self) -> None:
        order = shuffled(self.totals.samples, self.spec.seed, "order", self.epoch)
        samples = self.splits.train.for_epoch(self.spec.seed, "augment", self.epoch)
        heartbeat = self.context.heartbeat
        heartbeat.epoch = self.epoch
        with heartbeat.in_phase("training"), heartbeat.train_clock.running():
            for images, labels in samples.batches(order, self.totals.batch_size, start=self.totals.steps_done):
                self.totals.add(*self.learner.train_step(images, labels, self.step))
                heartbeat.finished_step(len(labels))
                self._after_step()
            self._write_points()
            if self.epoch == self.spec.training.epochs:
                self._write_last_step()  # the last point of these curves then does not depend on the log interval

    def _after_step(self) -> None:
        now = time.monotonic()
        if now >= self._next_log:
            self._next_log = now + self.context.intervals.log
            self._write_points()
            self._write_last_step()
        if self.context.stop.requested:
            self._stop()
        if now >= self._next_save:
            self.save()

    def _write_points(self) -> None:
        self.metrics.write_points(self.epoch, self.totals)

    def _write_last_step(self) -> None:
        self.metrics.write_last_step(self.step, self.totals, self.learner.learning_rate(self.step - 1))

    def _end_epoch(self) -> None:
        with self.context.heartbeat.in_phase("evaluating"):
            if self.spec.protocol == "report":
                evaluation = self._evaluate_as_in_the_report()
                values = self.metrics.write_report_epoch(self.epoch, self.totals, evaluation)
            else:
                evaluation = self._evaluate_in_eval_mode(self._validation_samples())
                values = self.metrics.write_standard_epoch(self.epoch, self.totals, evaluation)
                self._select(evaluation)
        speed = f"{self.context.heartbeat.images_per_second:,.0f} images/s"
        self.context.say(f"epoch {self.epoch}/{self.spec.training.epochs}  {values}  {speed}")
        self._warn("learning", self._learning_check.after_epoch(evaluation.accuracy, self.totals.report_loss))
        is_best = self.best is not None and self.best.improves(self.epoch, evaluation)
        self.epoch, self.totals = self.epoch + 1, self._new_totals()
        if is_best:
            self._save_best()
        is_last = self._is_over
        if self.context.stop.requested and not is_last:
            self._stop()
        if is_last or time.monotonic() - self._last_save >= self._save_seconds / self.context.intervals.save_share:
            self.save()

    def _select(self, evaluation: Evaluation) -> None:
        """Consider the epoch's weights for the test, by the evaluation of the images held out."""
        if self.selection is not None:
            by_loss = self.selection.spec.metric == "val/loss"
            value = evaluation.mean_loss if by_loss else evaluation.accuracy
            self.selection.after_epoch(self.epoch, value, self.learner.evaluated)

    def _evaluate_test_set(self) -> Evaluation:
        tested = self.spec.training.epochs
        if self.selection is not None:
            tested = self.selection.epoch
            self.selection.restore_weights(self.learner.evaluated)
            self.context.say(f"Tested with the weights of {self.selection.text}, after {self.epoch - 1} epochs.")
        with self.context.heartbeat.in_phase("evaluating"):
            test = self._evaluate_in_eval_mode(self.splits.test.for_epoch(self.spec.seed, "test augment", 0))
        self.context.say(self.metrics.write_test(tested, test))
        return test

    def _validation_samples(self) -> EpochSamples:
        return self.splits.validation.for_epoch(self.spec.seed, "test augment", self.epoch)

    def _evaluate_as_in_the_report(self) -> Evaluation:
        """In training mode, with dropout active, in a shuffled order."""
        order = shuffled(len(self.splits.validation), self.spec.seed, "test order", self.epoch)
        # In training mode, batch normalization uses and updates the statistics of the batch, so the batches must then
        # be the report's own.
        report_batches = has_batch_norm(self.learner.evaluated)
        batch_size = self.spec.training.test_batch_size if report_batches else None
        return self._evaluate(self._validation_samples(), order, batch_size)

    def _evaluate_in_eval_mode(self, samples: EpochSamples) -> Evaluation:
        self.learner.evaluated.eval()
        try:
            return self._evaluate(samples, torch.arange(len(samples.samples)))
        finally:
            self.learner.evaluated.train()

    def _evaluate(self, samples: EpochSamples, order: Tensor, batch_size: int | None = None) -> Evaluation:
        evaluation = self._evaluator.evaluate(samples, order, batch_size or EVAL_BATCH_SIZE[self.learner.device.type])
        if not math.isfinite(evaluation.mean_loss):
            raise Diverged(self.step, evaluation.mean_loss)
        return evaluation

    def _warn(self, topic: str, text: str) -> None:
        """Show a warning in the heartbeat while it lasts, and log it once."""
        if self.context.heartbeat.warn(topic, text) and text:
            self.context.say(f"Warning: {text}.")

    def _stop(self) -> None:
        raise Stopped("" if self.save() else self.context.heartbeat.save_error)

    def save(self) -> bool:
        """Save the state. Returns whether that worked; an error is logged, and saving is tried again later."""
        self._write_points()
        heartbeat, began = self.context.heartbeat, time.monotonic()
        checkpoints = self.context.checkpoints
        with heartbeat.in_phase("saving"), heartbeat.train_clock.paused():
            try:
                checkpoints.save(self.state(), self.step, before_replace=self.metrics.recorder.sync)
                heartbeat.save_error = ""
                self._warn("disk", disk_low(disk_usage(checkpoints.paths.folder).free))
            except NotSaved as error:
                heartbeat.save_error = error.message
                heartbeat.warn("disk", "")
                self.context.say(f"step {self.step:,}: {error.message}")
        self._last_save = time.monotonic()
        self._save_seconds = self._last_save - began
        self._next_save = self._last_save + self.context.intervals.save
        return not heartbeat.save_error

    def _save_best(self) -> None:
        """Keep the checkpoint of the epoch that was the best so far; an error is logged."""
        heartbeat = self.context.heartbeat
        with heartbeat.in_phase("saving"), heartbeat.train_clock.paused():
            try:
                self.context.checkpoints.save_best(self.state(), self.step)
            except NotSaved as error:
                self.context.say(f"step {self.step:,}: the best epoch is not kept: {error.message}")

    def state(self) -> State:
        """All that a resumed run needs; call it only after the steps on the device were read."""
        return {
            "epoch": self.epoch,
            "losses": torch.tensor(self.totals.losses),
            "correct": torch.tensor(self.totals.correct, dtype=torch.int64),
            "train_seconds": self.context.heartbeat.train_clock.seconds,
            "seconds": self.context.heartbeat.seconds,
            "made_with": dict(self.context.made_with),
            "kept_points": [list(point) for point in self.metrics.recorder.pending],
            **({} if self.selection is None else {"selection": self.selection.state()}),
            **({} if self.best is None else {"best": self.best.state()}),
            **self.learner.state(),
        }

    def load(self, state: State) -> tuple[Point, ...]:
        """Restore such a state. Returns its points that were not written to disk yet. Raises if it does not fit."""
        totals, epoch = self._new_totals(), int(state["epoch"])
        totals.restore(state["losses"], state["correct"])
        if not 1 <= epoch <= self.spec.training.epochs + 1:
            raise ValueError(f"it is in epoch {epoch}, which this run does not have")
        pending = tuple(Point(*point) for point in state["kept_points"])
        changes = _changes(state["made_with"], self.context.made_with)
        self.learner.load(state)
        if self.selection is not None:
            self.selection.load(state["selection"])
        if self.best is not None and "best" in state:
            self.best.load(state["best"])
        self.context.heartbeat.train_clock.set(float(state["train_seconds"]))
        self.context.heartbeat.earlier_seconds = float(state["seconds"])
        if changes:
            self.context.say(
                f"The checkpoint was made with {changes}: the result will be close to that of an uninterrupted run, "
                "but not bit-identical."
            )
        self.epoch, self.totals = epoch, totals
        return pending

    def _new_totals(self) -> EpochTotals:
        return EpochTotals(len(self.splits.train), self.spec.training.batch_size)


def _changes(before: Mapping[str, str | int], now: Mapping[str, str | int]) -> str:
    """What differs, as `threads 2, now 1`; empty if nothing does."""
    return ", ".join(f"{key} {before.get(key)}, now {value}" for key, value in now.items() if before.get(key) != value)

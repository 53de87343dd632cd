"""One attempt from its files to its result: everything made ready, trained, and every ending told in words."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from labtui import __version__
from labtui.datasets import get, load
from labtui.datasets.info import Images
from labtui.engine.attempt import Attempt
from labtui.engine.checkpoint import Checkpoints, is_full
from labtui.engine.data import divide
from labtui.engine.device import is_out_of_memory, open_device, out_of_memory
from labtui.engine.evaluate import Answers
from labtui.engine.heartbeat import Pulse
from labtui.engine.learner import Learner
from labtui.engine.metric_writer import Diverged
from labtui.engine.recorder import Recorder
from labtui.engine.stop import Stop
from labtui.engine.summary import summarize
from labtui.engine.trainer import Intervals, Stopped, Surroundings, Training
from labtui.errors import EnvironmentFault, LabError
from labtui.store.predictions import Predictions, write_predictions
from labtui.store.reader import read_curves
from labtui.store.records import ModelSummary, Outcome, Result
from labtui.text.clean import clean_line

Say = Callable[[str], None]


DECIDES_BITS = ("torch", "device", "threads", "cpu")
"""The facts that decide, beside spec and data, what bits come out."""


class Source(NamedTuple):
    """The images of a run and the number of their classes."""

    images: Images
    classes: int


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended."""

    outcome: Outcome
    reason: str = ""
    exit_code: int = 0
    diverged_step: int | None = None


class Session:
    """An attempt being carried out; what it got to is there whatever stopped it."""

    def __init__(self, attempt: Attempt, pulse: Pulse, stop: Stop, say: Say, intervals: Intervals) -> None:
        self.attempt = attempt
        self.pulse = pulse
        self.stop = stop
        self.say = say
        self.intervals = intervals
        self.training: Training | None = None
        self.recorder: Recorder | None = None
        self.summary: ModelSummary | None = None
        self.facts: dict[str, Any] = {}

    def carry_out(self, source: Callable[[Attempt], Source]) -> Ending:
        """Train the run to its end; never raises for what may go wrong on the way."""
        try:
            self._fit(source)
            return Ending("finished", self.pulse.alarms.get("learning", ""))
        except Stopped as fault:
            return Ending("stopped", "; ".join(filter(None, (self.stop.reason, str(fault)))), self.stop.exit_code)
        except Diverged as fault:
            self.say(f"Diverged: {fault}.")
            return Ending("diverged", str(fault), 1, fault.step)
        except Exception as fault:  # noqa: BLE001 (whatever it is, it is told and recorded)
            return self._failed(fault)
        finally:
            if self.recorder is not None:
                self.recorder.close()

    def _fit(self, source: Callable[[Attempt], Source]) -> None:
        spec, launch = self.attempt.spec_file.spec, self.attempt.launch
        device = open_device(launch.device, launch.threads, spec.training.precision)
        self.facts = facts_of(self.attempt, device)
        if spec.training.precision == "tf32" and device.type != "cuda":
            self.say(f"tf32 is a format of NVIDIA GPUs: {device.type} computes in fp32.")
        with self.pulse.during("loading"):
            images, classes = source(self.attempt)
            division = divide(images, spec, device)
            del images
            steps = -(-len(division.train) // spec.training.batch_size)
            shape = division.train.shape
            learner = Learner(spec, device, shape=shape, classes=classes, steps_per_epoch=steps, say=self.say)
            self.summary = summarize(learner.network, shape)
            checkpoints = Checkpoints(self.attempt.paths, self.attempt.spec_file.run_id)
            around = Surroundings(
                checkpoints=checkpoints,
                pulse=self.pulse,
                stop=self.stop,
                say=self.say,
                intervals=self.intervals,
                made_with={key: self.facts[key] for key in DECIDES_BITS},
            )
            training = Training(spec, division, learner, around, classes=classes)
            self.recorder = self._open_recorder(training, checkpoints)
        self.training = training
        if self.stop.asked:
            raise Stopped
        training.fit(self.recorder)
        assert training.answers is not None
        self._write_down(training.answers, self.recorder)

    def _open_recorder(self, training: Training, checkpoints: Checkpoints) -> Recorder:
        """Go on from the last checkpoint where that is wanted, and from the last point of each curve."""
        kept: list[Any] = []
        if self.attempt.launch.resume:
            step = checkpoints.load(lambda state: kept.__setitem__(slice(None), training.load(state)), self.say)
            if step is None:
                self.say("There is no checkpoint yet: the training starts from the beginning.")
            else:
                self.say(f"Resumed at step {step:,}, epoch {training.epoch}.")
        curves = read_curves(self.attempt.paths.folder)
        last = {tag: curve.last for tag, curve in curves.items() if curve.last is not None}
        return Recorder(self.attempt.paths.folder, self.attempt.files.number, last=last, kept=kept)

    def _write_down(self, answers: Answers, recorder: Recorder) -> None:
        """The predictions and the last points; a disk without room for them fails the run, which can be resumed."""
        predictions = Predictions(answers.labels.numpy(), answers.predicted.numpy(), (-answers.losses).numpy())
        try:
            write_predictions(self.attempt.paths.predictions, predictions)
            recorder.sync()
        except OSError as fault:
            raise unwritten(fault, self.attempt.paths.folder) from fault
        if recorder.points_lost:
            raise EnvironmentFault(
                f"disk full: {recorder.points_lost:,} metric points could not be written.",
                advice="Free some space and resume the run: it goes on from its last checkpoint.",
            )

    def _failed(self, fault: Exception) -> Ending:
        if is_out_of_memory(fault):
            launch, spec = self.attempt.launch, self.attempt.spec_file.spec
            fault = out_of_memory(launch.device, spec.training.batch_size)
        if isinstance(fault, LabError):
            self.say(str(fault))
            return Ending("failed", fault.message, fault.exit_code)
        self.say("".join(traceback.format_exception(fault)))
        return Ending("failed", f"{type(fault).__name__}: {fault} (the traceback is in the log)", 1)

    def result(self, ending: Ending) -> Result:
        """What there is to say at the end."""
        training, recorder, seconds = self.training, self.recorder, self.pulse.clock.seconds
        seen = training.images_seen if training else 0
        return Result(
            attempt=self.attempt.files.number,
            outcome=ending.outcome,
            reason=clean_line(ending.reason),
            diverged_step=ending.diverged_step,
            last=recorder.last_values if recorder else {},
            epochs=training.epoch - 1 if training else 0,
            steps=training.step if training else 0,
            images_seen=seen,
            train_images=training.tally.samples if training else 0,
            test_images=len(training.division.test) if training else 0,
            train_seconds=round(seconds, 3),
            seconds=round(self.pulse.seconds, 3),
            images_per_second=round(seen / seconds, 1) if seconds else 0.0,
            points_lost=recorder.points_lost if recorder else 0,
            model=self.summary,
            facts=self.facts,
        )


def read_source(attempt: Attempt) -> Source:
    """The images that the spec names, from the attempt's data root; EnvironmentFault where they are not right."""
    name, wanted = attempt.spec_file.spec.data.name, attempt.spec_file.data_fingerprint
    info = get(name)
    if wanted is not None and info.fingerprint != wanted:
        raise EnvironmentFault(
            f"The data set {name} is not the one that this run was made for ({info.fingerprint}, not {wanted}).",
            advice="It was made with another version of labtui. Start the experiment as a new run.",
        )
    return Source(load(name, Path(attempt.launch.data_root)), len(info.classes))


def facts_of(attempt: Attempt, device: torch.device) -> dict[str, Any]:
    """What beside the spec decides the numbers, as this process sees it."""
    facts = {
        "labtui": __version__,
        "torch": str(torch.__version__),
        "device": attempt.launch.device,
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "bit_identical": device.type == "cpu",
        "data_fingerprint": attempt.spec_file.data_fingerprint,
    }
    if device.type == "cuda":
        facts |= {"cuda": torch.version.cuda, "gpu": torch.cuda.get_device_name(device)}
    return facts


def unwritten(fault: OSError, folder: Path) -> EnvironmentFault:
    """What a disk that did not take the results means."""
    why = "disk full: the results cannot be written" if is_full(fault) else f"the results cannot be written ({fault})"
    advice = f"Free some space on the disk of {folder} and resume the run: its last checkpoint is good."
    return EnvironmentFault(f"{why}.", advice=advice)

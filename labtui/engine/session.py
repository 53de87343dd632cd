"""One attempt from its files to its result: load, train, evaluate, and describe how it ended."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import torch

from labtui import __version__
from labtui.datasets import OWN_KINDS, get, load, npz
from labtui.datasets.info import Images
from labtui.datasets.own import OwnImages, open_own
from labtui.engine.best import TAGS
from labtui.engine.checkpoint import Checkpoints, is_disk_full
from labtui.engine.data import make_splits
from labtui.engine.device import is_out_of_memory, open_device, out_of_memory
from labtui.engine.evaluate import Evaluation
from labtui.engine.heartbeat import Heartbeat
from labtui.engine.lab_import import call, definition, in_users_words
from labtui.engine.learner import Learner
from labtui.engine.metric_writer import Diverged
from labtui.engine.models import summarize
from labtui.engine.trainer import Intervals, State, Stopped, Trainer, TrainerContext
from labtui.errors import LabError, MachineError
from labtui.spec import Data
from labtui.store.attempt import Ending, EngineAttempt, location
from labtui.store.files import read_json_or_none
from labtui.store.predictions import Predictions, write_predictions
from labtui.store.reader import read_curves
from labtui.store.recorder import Recorder
from labtui.store.records import Launch, ModelSummary, Result
from labtui.store.stop_signal import StopSignal
from labtui.text.clean import clean_line

Say = Callable[[str], None]

BIT_RELEVANT_FACTS = ("torch", "device", "threads", "cpu")
"""The facts that, beside spec and data, decide the exact bits of a result."""


class LoadedData(NamedTuple):
    """The images of a run and the number of their classes."""

    images: Images | OwnImages
    classes: int


class Session:
    """Runs one attempt; its partial results are available whatever ended it."""

    def __init__(
        self, attempt: EngineAttempt, heartbeat: Heartbeat, stop: StopSignal, say: Say, intervals: Intervals
    ) -> None:
        self.attempt = attempt
        self.heartbeat = heartbeat
        self.stop = stop
        self.say = say
        self.intervals = intervals
        self.trainer: Trainer | None = None
        self.recorder: Recorder | None = None
        self.summary: ModelSummary | None = None
        self.facts: dict[str, Any] = {}

    def run(self, load_data: Callable[[EngineAttempt], LoadedData]) -> Ending:
        """Train the run to its end. Does not raise: whatever goes wrong is in the returned `Ending`."""
        try:
            self._train(load_data)
            return Ending("finished", self.heartbeat.warnings.get("learning", ""))
        except Stopped as error:
            return Ending("stopped", "; ".join(filter(None, (self.stop.reason, str(error)))), self.stop.exit_code)
        except Diverged as error:
            self.say(f"Diverged: {error}.")
            return Ending("diverged", str(error), 1, error.step)
        except Exception as error:  # noqa: BLE001 (every error is logged and recorded in the result)
            return self._failed(error)
        finally:
            if self.recorder is not None:
                self.recorder.close()

    def _train(self, load_data: Callable[[EngineAttempt], LoadedData]) -> None:
        spec, launch = self.attempt.spec_file.spec, self.attempt.launch
        device = open_device(launch.device, launch.threads, spec.training.precision)
        self.facts = environment_facts(self.attempt, device)
        if spec.training.precision == "tf32" and device.type != "cuda":
            self.say(f"tf32 needs an NVIDIA GPU: {device.type} computes in fp32 instead.")
        with self.heartbeat.in_phase("loading"):
            images, classes = load_data(self.attempt)
            self.facts["classes"] = classes
            splits = make_splits(images, spec, device, say=self.say, folder=catalog_folder(launch))
            del images
            steps = -(-len(splits.train) // spec.training.batch_size)
            shape = splits.train.shape
            learner = Learner(
                spec,
                device,
                shape=shape,
                classes=classes,
                steps_per_epoch=steps,
                say=self.say,
                folder=catalog_folder(launch),
            )
            self.summary = summarize(learner.network, shape)
            checkpoints = Checkpoints(self.attempt.paths, self.attempt.spec_file.run_id)
            context = TrainerContext(
                checkpoints=checkpoints,
                heartbeat=self.heartbeat,
                stop=self.stop,
                say=self.say,
                intervals=self.intervals,
                made_with={key: self.facts[key] for key in BIT_RELEVANT_FACTS},
                keep_best=_best_tag(self.attempt),
            )
            trainer = Trainer(spec, splits, learner, context, classes=classes)
            self.recorder = self._open_recorder(trainer, checkpoints)
        self.trainer = trainer
        if self.stop.requested:
            raise Stopped
        test = trainer.fit(self.recorder)
        if trainer.selection is not None:
            self.facts |= {"tested_epoch": trainer.selection.epoch, "chosen_by": trainer.selection.spec.metric}
        self._note_best(trainer)
        self._write_results(test, self.recorder)

    def _note_best(self, trainer: Trainer) -> None:
        """Say where the checkpoint of the best epoch is."""
        best = trainer.best
        if best is not None and best.epoch and self.attempt.paths.best_checkpoint.exists():
            self.facts |= {"best_epoch": best.epoch, "best_by": best.tag, "best_value": best.value}
            self.say(f"The checkpoint of {best.text} is in {self.attempt.paths.best_checkpoint.name}.")

    def _open_recorder(self, trainer: Trainer, checkpoints: Checkpoints) -> Recorder:
        """Load the last checkpoint if the attempt resumes, and continue every curve after its last point."""
        pending: list[Any] = []
        continues, step = self.attempt.spec_file.continues, None
        if self.attempt.launch.resume:
            step = checkpoints.load(lambda state: pending.__setitem__(slice(None), trainer.load(state)), self.say)
            if step is not None:
                self.say(f"Resumed at step {step:,}, epoch {trainer.epoch}.")
            elif not continues:
                self.say("There is no checkpoint yet: training starts from the beginning.")
        if continues and step is None:
            step = checkpoints.load_start(continues, lambda state: _continue_from(state, trainer))
            self.say(f"Continues {continues} from its checkpoint at step {step:,}, in epoch {trainer.epoch}.")
        curves = read_curves(self.attempt.paths.folder)
        last = {tag: curve.last for tag, curve in curves.items() if curve.last is not None}
        return Recorder(self.attempt.paths.folder, self.attempt.files.number, last=last, pending=pending)

    def _write_results(self, test: Evaluation, recorder: Recorder) -> None:
        """Write the predictions and the last points; on a full disk the run fails and can be resumed."""
        predictions = Predictions(test.labels.numpy(), test.predicted.numpy(), (-test.losses).numpy())
        try:
            write_predictions(self.attempt.paths.predictions, predictions)
            recorder.sync()
        except OSError as error:
            raise results_not_written(error, self.attempt.paths.folder) from error
        if recorder.points_lost:
            raise MachineError(
                f"disk full: {recorder.points_lost:,} metric points could not be written.",
                advice="Free some space and resume the run: it continues from its last checkpoint.",
            )

    def _failed(self, error: Exception) -> Ending:
        if is_out_of_memory(error):
            launch, spec = self.attempt.launch, self.attempt.spec_file.spec
            error = out_of_memory(launch.device, spec.training.batch_size)
        error = in_users_words(error, catalog_folder(self.attempt.launch))
        if isinstance(error, LabError):
            self.say(str(error))
            return Ending("failed", error.message, error.exit_code)
        self.say("".join(traceback.format_exception(error)))
        return Ending("failed", f"{type(error).__name__}: {error} (the traceback is in the log)", 1)

    def result(self, ending: Ending) -> Result:
        """The content of result.json."""
        trainer, recorder, seconds = self.trainer, self.recorder, self.heartbeat.train_clock.seconds
        images_seen = trainer.images_seen if trainer else 0
        return Result(
            attempt=self.attempt.files.number,
            outcome=ending.outcome,
            reason=clean_line(ending.reason),
            diverged_step=ending.diverged_step,
            last=recorder.last_values if recorder else {},
            epochs=trainer.epoch - 1 if trainer else 0,
            steps=trainer.step if trainer else 0,
            images_seen=images_seen,
            train_images=trainer.totals.samples if trainer else 0,
            test_images=len(trainer.splits.test) if trainer else 0,
            train_seconds=round(seconds, 3),
            seconds=round(self.heartbeat.seconds, 3),
            images_per_second=round(images_seen / seconds, 1) if seconds else 0.0,
            points_lost=recorder.points_lost if recorder else 0,
            model=self.summary,
            facts=self.facts,
        )


def _continue_from(state: State, trainer: Trainer) -> None:
    """Load the final state of another run: its points and its best epoch are its own."""
    trainer.load({key: value for key, value in state.items() if key != "best"})


def _best_tag(attempt: EngineAttempt) -> str:
    """The tag by which the best epoch's checkpoint is kept; empty if none is, or if the tag is not one of ours."""
    tag = attempt.spec_file.keep_best
    return tag if tag in TAGS and attempt.spec_file.spec.protocol == "standard" else ""


def load_data(attempt: EngineAttempt) -> LoadedData:
    """The images that the spec names, from the attempt's data root. Raises MachineError if they are not the right
    ones.
    """
    name, expected = attempt.spec_file.spec.data.name, attempt.spec_file.data_fingerprint
    if name in OWN_KINDS:
        own, info = open_own(attempt.spec_file.spec.data, catalog_folder(attempt.launch))
        return LoadedData(own, len(info.classes))
    if attempt.spec_file.spec.data.source is not None:
        return load_lab_data(attempt.spec_file.spec.data, catalog_folder(attempt.launch))
    info = get(name)
    if expected is not None and info.fingerprint != expected:
        raise MachineError(
            f"The data set {name} is not the one that this run was created for ({info.fingerprint}, not {expected}).",
            advice="The run was created by another version of labtui. Start the experiment as a new run.",
        )
    return LoadedData(load(name, Path(attempt.launch.data_root)), len(info.classes))


def load_lab_data(data: Data, folder: Path) -> LoadedData:
    """The images that a class or function of `lab/datasets.py` gives.

    Raises MachineError if they are not images with labels, and LabCodeError for an error in the code.
    """
    assert data.source is not None
    function = definition(folder, "datasets", data.name, data.source)
    made = call(folder, function, data.arguments, {"folder": folder})
    where = f"lab/datasets.py: {data.name}"
    arrays = _named_arrays(made, where)
    train, train_labels, test, test_labels = npz.checked(where, arrays)
    if train.shape[1:] != test.shape[1:]:
        raise MachineError(f"{where}: training images of {train.shape[1:]}, test images of {test.shape[1:]}.")
    classes = int(max(train_labels.max(), test_labels.max())) + 1
    return LoadedData(OwnImages(train, train_labels, test, test_labels), classes)


def _named_arrays(made: Any, where: str) -> list[Any]:
    """The four arrays of a tuple, a dict or an object with these names."""
    if isinstance(made, tuple) and len(made) == len(npz.ARRAYS):
        found = list(made)
    elif isinstance(made, dict):
        found = [made.get(name) for name in npz.ARRAYS]
    else:
        found = [getattr(made, name, None) for name in npz.ARRAYS]
    arrays = [numpy.asarray(one) if one is not None else None for one in found]
    if any(one is None for one in arrays):
        raise MachineError(f"{where} does not give {', '.join(npz.ARRAYS)}: return these four arrays.")
    return arrays


def catalog_folder(launch: Launch) -> Path:
    """The folder of the catalog, where a user's own files are."""
    return Path(launch.catalog_folder or Path.cwd())


def environment_facts(attempt: EngineAttempt, device: torch.device) -> dict[str, Any]:
    """What influences the numbers beside the spec: versions, device, threads, data."""
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
    if _has_diverged_before(attempt):
        facts["diverged_before"] = True
    return facts


def _has_diverged_before(attempt: EngineAttempt) -> bool:
    """Whether an earlier attempt diverged: this one's result replaces its record, but comparisons must count it."""
    before = read_json_or_none(attempt.paths.result, Result) if attempt.files.number > 1 else None
    return before is not None and (before.outcome == "diverged" or bool(before.facts.get("diverged_before")))


def results_not_written(error: OSError, folder: Path) -> MachineError:
    """The error for a disk that did not accept the results."""
    what = f"the results cannot be written ({error})"
    if is_disk_full(error):
        what = "disk full: the results cannot be written"
    advice = f"Free some space on the disk of {location(folder)} and resume the run: its last checkpoint is intact."
    return MachineError(f"{what}.", advice=advice)

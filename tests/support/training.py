"""A stage for engine tests: tiny learnable images, attempts made by hand, and carrying them out in this process."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from labtui.datasets.info import Images
from labtui.datasets.own import OwnImages
from labtui.engine.heartbeat import Heartbeat
from labtui.engine.session import LoadedData, Session
from labtui.engine.trainer import Intervals
from labtui.spec import Augment, ColorJitter, HorizontalFlip, Rotation, RunSpec, Training
from labtui.store.attempt import EngineAttempt, open_attempt
from labtui.store.files import write_json
from labtui.store.paths import RunPaths
from labtui.store.records import Result, SpecFile
from labtui.store.stop_signal import StopSignal
from tests.support.samples import make_launch, make_spec

CLASSES = 10
SIDE = 24
"""The smallest images that the report's network takes."""

AUGMENT = Augment(
    transforms=(
        HorizontalFlip(),
        Rotation(degrees=10),
        ColorJitter(brightness=0.3, contrast=0.2, saturation=0.2, hue=0.1),
    ),
    test=True,
)


def tiny_images(train: int = 300, test: int = 90, side: int = SIDE) -> Images:
    """Noise around a shade of its own for every class: a few steps of training show."""
    generator = np.random.default_rng(0)
    shades = generator.integers(40, 216, (CLASSES, 3, 1, 1))

    def draw(count: int) -> tuple[Any, Any]:
        labels = generator.integers(0, CLASSES, count)
        noise = generator.integers(-40, 40, (count, 3, side, side))
        return (shades[labels] + noise).astype(np.uint8), labels.astype(np.int64)

    train_images, train_labels = draw(train)
    test_images, test_labels = draw(test)
    return Images(train=train_images, train_labels=train_labels, test=test_images, test_labels=test_labels)


def tiny_spec(*, epochs: int = 2, batch_size: int = 32, **changes: Any) -> RunSpec:
    """A run of 10 steps per epoch over `tiny_images`, with a minibatch point every fourth."""
    training = Training(epochs=epochs, batch_size=batch_size, log_every=4)
    return make_spec(**({"training": training} | changes))


def make_attempt(
    folder: Path, spec: RunSpec, *, resume: bool = False, run_id: str = "Cifar/Dropout/s0"
) -> EngineAttempt:
    """The next attempt at a run, whose folder is made with the first one."""
    paths = RunPaths(folder)
    folder.mkdir(exist_ok=True, parents=True)
    if not paths.spec.exists():
        write_json(paths.spec, SpecFile(run_id=run_id, created=0.0, labtui="0", spec=spec))
    number = max([0, *paths.attempt_numbers()]) + 1
    files = paths.attempt(number)
    files.folder.mkdir(parents=True)
    launch = make_launch(attempt=number, resume=resume, threads=1)
    write_json(files.launch, msgspec.structs.replace(launch, parent=None))
    return open_attempt(folder)


def run_attempt(
    attempt: EngineAttempt,
    images: Images | OwnImages,
    *,
    classes: int = CLASSES,
    stop: StopSignal | None = None,
    log: list[str] | None = None,
    intervals: Intervals | None = None,
) -> Result:
    """Run an attempt in this process, and write its result."""
    stop = stop or StopSignal(attempt.files.stop_request)
    say = (log if log is not None else []).append
    with Heartbeat(attempt.paths.beat, attempt.files.number, stop) as heartbeat:
        session = Session(attempt, heartbeat, stop, say, intervals or Intervals())
        ending = session.run(lambda _: LoadedData(images, classes))
        result = session.result(ending)
    write_json(attempt.paths.result, result)
    return result


def state_hash(checkpoint: Path) -> str:
    """One hash over all that training changed: weights, optimizer, generators, losses; not over times."""
    content = torch.load(checkpoint, weights_only=True)
    digest = hashlib.sha256(str(content["step"]).encode())
    about_time = {"seconds", "train_seconds", "kept_points"}
    _digest(digest, {key: value for key, value in content["state"].items() if key not in about_time})
    return digest.hexdigest()


def _digest(digest: Any, value: Any) -> None:
    if isinstance(value, torch.Tensor):
        digest.update(value.contiguous().numpy().tobytes())
    elif isinstance(value, Mapping):
        for key in sorted(value):
            digest.update(key.encode())
            _digest(digest, value[key])
    elif isinstance(value, (list, tuple)):
        for item in value:
            _digest(digest, item)
    else:
        digest.update(repr(value).encode())


def points_of(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Every point that tensorboard's own reader finds, repeated steps included."""
    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    reader.Reload()
    return {tag: [(event.step, event.value) for event in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}


def twice(points: dict[str, list[tuple[int, float]]]) -> dict[str, list[int]]:
    """The steps that a tag has more than once."""
    counts = {tag: Counter(step for step, _ in values) for tag, values in points.items()}
    repeated = {tag: [step for step, count in steps.items() if count > 1] for tag, steps in counts.items()}
    return {tag: steps for tag, steps in repeated.items() if steps}

"""Run folders to read: many finished runs, and curves with many points, written as the engine writes them."""

import atexit
import math
import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from bench.inputs import make_spec, run_names
from labtui.store import tags
from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.files import write_json
from labtui.store.records import Launch, Result
from labtui.store.run import Run
from labtui.store.store import Store

TAGS = (
    tags.TRAIN_LOSS, tags.TRAIN_ACCURACY, tags.LEARNING_RATE, tags.VAL_LOSS, tags.VAL_ACCURACY, tags.MINIBATCH_LOSS,
)  # fmt: skip
BEGAN = 1.7e9
"""Wall time of the first point."""

EVENTS = "events.out.tfevents.1700000000.bench.1.0"


def scratch_folder() -> Path:
    """A new empty folder, which is removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="labtui-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def event_file(steps: int) -> bytes:
    """The content of an event file with this many steps of each tag."""
    points = (
        scalar_event(BEGAN + step / 10, step, tag, math.exp(-step / steps) + index)
        for step in range(1, steps + 1)
        for index, tag in enumerate(TAGS)
    )
    return b"".join((version_event(BEGAN), *points))


def write_curves(folder: Path, steps: int) -> int:
    """Write an event file with this many steps of each tag. Returns the number of points."""
    (folder / EVENTS).write_bytes(event_file(steps))
    return steps * len(TAGS)


def append_points(folder: Path, first_step: int, points: int) -> None:
    """Append points to such a file, in turn for each tag."""
    with (folder / EVENTS).open("ab") as stream:
        stream.writelines(
            scalar_event(2e9, first_step + index // len(TAGS), TAGS[index % len(TAGS)], 1.0) for index in range(points)
        )


def make_runs(root: Path, count: int, steps: int = 0) -> list[Run]:
    """Create finished runs of the catalog's experiments in turn, each with curves of this many steps."""
    store = Store(root)
    names = run_names()
    specs = [make_spec(name) for name in names]
    content = event_file(steps)
    runs = []
    for number in range(count):
        spec = msgspec.structs.replace(specs[number % len(specs)], seed=number // len(specs))
        run = store.create(spec, planned_steps=max(steps, 1))
        attempt = run.paths.attempt(1)
        attempt.folder.mkdir(parents=True)
        launch = Launch(attempt=1, host="bench", boot_id="", started=time.time(), device="cpu", threads=1, data_root="")
        write_json(attempt.launch, launch, durable=False)
        (run.folder / EVENTS).write_bytes(content)
        write_json(run.paths.result, Result(attempt=1, outcome="finished", epochs=10, steps=steps), durable=False)
        runs.append(run)
    return runs

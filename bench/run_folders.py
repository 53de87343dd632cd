"""Runs on disk to look at: many finished ones, and curves of many points, written as the engine writes them."""

import math
import time
from pathlib import Path

import msgspec

from bench.recipes import every_name, recipe
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
"""A wall time for the first point."""

EVENTS = "events.out.tfevents.1700000000.bench.1.0"


def curves(steps: int) -> bytes:
    """The content of an event file with so many steps of each tag, each of its own values."""
    points = (
        scalar_event(BEGAN + step / 10, step, tag, math.exp(-step / steps) + place)
        for step in range(1, steps + 1)
        for place, tag in enumerate(TAGS)
    )
    return b"".join((version_event(BEGAN), *points))


def write_curves(folder: Path, steps: int) -> int:
    """An event file with so many steps of each tag; its number of points."""
    (folder / EVENTS).write_bytes(curves(steps))
    return steps * len(TAGS)


def append_points(folder: Path, first_step: int, points: int) -> None:
    """More points at the end of such a file, spread over the tags."""
    with (folder / EVENTS).open("ab") as stream:
        stream.writelines(
            scalar_event(2e9, first_step + place // len(TAGS), TAGS[place % len(TAGS)], 1.0) for place in range(points)
        )


def make_runs(root: Path, count: int, steps: int = 0) -> list[Run]:
    """So many finished runs of the catalog's experiments in turn, with curves of so many steps."""
    store = Store(root)
    names = every_name()
    specs = [recipe(name) for name in names]
    content = curves(steps)
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

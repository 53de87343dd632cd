"""Runs that train nothing and write like an engine: the console's work, with nobody else's load."""

import math
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from bench.recipes import every_name, recipe
from bench.run_folders import EVENTS
from labtui.store import tags
from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.files import write_json
from labtui.store.lock import hold
from labtui.store.process import boot_id, host, process_id
from labtui.store.records import Beat, Launch
from labtui.store.store import Store

STEPS = 10_000
BATCH_STEPS = 17
"""Optimizer steps between two points of a run: about what the report's network does in a quarter of a second."""

STREAMED = (tags.TRAIN_LOSS, tags.TRAIN_ACCURACY, tags.LEARNING_RATE)


class LiveRun:
    """A run whose parent and engine this process plays."""

    def __init__(self, store: Store, name: str, seed: int) -> None:
        spec = msgspec.structs.replace(recipe(name), seed=seed)
        self.run = store.create(spec, planned_steps=STEPS)
        self.epochs = spec.training.epochs
        self.step = self.point = 0
        self._lock = hold(self.run.paths.lock)
        me, attempt = process_id(os.getpid()), self.run.paths.attempt(1)
        attempt.folder.mkdir(parents=True)
        launch = Launch(
            attempt=1, parent=me, engine=me, host=host(), boot_id=boot_id(), started=time.time(), device="cpu",
            threads=1, data_root="",
        )  # fmt: skip
        write_json(attempt.launch, launch, durable=False)
        self._events = self.run.folder / EVENTS
        self._events.write_bytes(version_event(time.time()))
        self.advance()
        self.beat()

    def advance(self) -> None:
        """A point of each of the engine's own three curves."""
        self.step = min(STEPS, self.step + BATCH_STEPS)
        now, value = time.time(), math.exp(-self.step / STEPS)
        with self._events.open("ab") as stream:
            stream.writelines(scalar_event(now, self.step, tag, value) for tag in STREAMED)

    def mark(self, loss: float) -> None:
        """A minibatch point with this loss."""
        self.point += 1
        with self._events.open("ab") as stream:
            stream.write(scalar_event(time.time(), self.point, tags.MINIBATCH_LOSS, loss))

    def beat(self) -> None:
        """The sign of life."""
        beat = Beat(
            attempt=1, counter=self.step, phase="training", step=self.step, total_steps=STEPS,
            epoch=self.step * self.epochs // STEPS + 1, epochs=self.epochs, images_per_second=9_000.0,
            eta=float(STEPS - self.step),
        )  # fmt: skip
        write_json(self.run.paths.beat, beat, durable=False)

    def end(self) -> None:
        """Let go of the lock."""
        self._lock.close()


class LiveRuns:
    """So many runs that stream points at some rate, by a thread, within a `with` block.

    With `points`, they write minibatch points too, every third time.
    """

    def __init__(self, root: Path, count: int, *, rate: float = 4.0, points: bool = True) -> None:
        store, names = Store(root), every_name()
        self.runs = [LiveRun(store, names[place % len(names)], 100 + place // len(names)) for place in range(count)]
        self._pause = 1 / rate
        self._points = points
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._stream, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        for run in self.runs:
            run.end()

    def _stream(self) -> None:
        looks = 0
        while not self._over.wait(self._pause):
            looks += 1
            for run in self.runs:
                run.advance()
                if self._points and looks % 3 == 0:
                    run.mark(math.exp(-run.step / STEPS))
                if looks % round(1 / self._pause) == 0:
                    run.beat()

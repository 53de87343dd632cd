"""Runs that write like an engine but do not train: work for the console, without other load."""

import math
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from bench.inputs import make_spec, run_names
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
    """A run for which this process is both supervisor and engine."""

    def __init__(self, store: Store, name: str, seed: int) -> None:
        spec = msgspec.structs.replace(make_spec(name), seed=seed)
        self.run = store.create(spec, planned_steps=STEPS)
        self.epochs = spec.training.epochs
        self.step = self.point = 0
        self._lock = hold(self.run.paths.lock)
        this_process, attempt = process_id(os.getpid()), self.run.paths.attempt(1)
        attempt.folder.mkdir(parents=True)
        launch = Launch(
            attempt=1, parent=this_process, engine=this_process, host=host(), boot_id=boot_id(), started=time.time(),
            device="cpu", threads=1, data_root="",
        )  # fmt: skip
        write_json(attempt.launch, launch, durable=False)
        self._events = self.run.folder / EVENTS
        self._events.write_bytes(version_event(time.time()))
        self.advance()
        self.write_beat()

    def advance(self) -> None:
        """Append a point to each of the three curves that every run has."""
        self.step = min(STEPS, self.step + BATCH_STEPS)
        now, value = time.time(), math.exp(-self.step / STEPS)
        with self._events.open("ab") as stream:
            stream.writelines(scalar_event(now, self.step, tag, value) for tag in STREAMED)

    def append_minibatch_point(self, loss: float) -> None:
        """Append a minibatch point with this loss."""
        self.point += 1
        with self._events.open("ab") as stream:
            stream.write(scalar_event(time.time(), self.point, tags.MINIBATCH_LOSS, loss))

    def write_beat(self) -> None:
        """Write the heartbeat."""
        beat = Beat(
            attempt=1, counter=self.step, phase="training", step=self.step, total_steps=STEPS,
            epoch=self.step * self.epochs // STEPS + 1, epochs=self.epochs, images_per_second=9_000.0,
            eta=float(STEPS - self.step),
        )  # fmt: skip
        write_json(self.run.paths.beat, beat, durable=False)

    def close(self) -> None:
        """Release the lock."""
        self._lock.close()


class LiveRuns:
    """Runs to which a thread appends points, `rate` times per second, within a `with` block.

    With `points`, every third time a minibatch point is appended too.
    """

    def __init__(self, root: Path, count: int, *, rate: float = 4.0, points: bool = True) -> None:
        store, names = Store(root), run_names()
        self.runs = [LiveRun(store, names[index % len(names)], 100 + index // len(names)) for index in range(count)]
        self._pause = 1 / rate
        self._points = points
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._stream, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        for run in self.runs:
            run.close()

    def _stream(self) -> None:
        rounds = 0
        while not self._over.wait(self._pause):
            rounds += 1
            for run in self.runs:
                run.advance()
                if self._points and rounds % 3 == 0:
                    run.append_minibatch_point(math.exp(-run.step / STEPS))
                if rounds % round(1 / self._pause) == 0:
                    run.write_beat()

"""An engine that trains nothing and writes a believable record, through the same functions as the real one.

Used by tests, and by hand to look at the console: `python -m tests.support.console.stub_engine RUNS [--live 4]` fills
a runs folder with finished runs of the catalog and streams some live ones until it is interrupted.
"""

import argparse
import math
import os
import random
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from labtui.catalog import Catalog, load
from labtui.spec import RunSpec
from labtui.store import tags
from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.files import write_json
from labtui.store.lock import HeldLock, hold
from labtui.store.process import boot_id, host, process_id
from labtui.store.records import Beat, Exit, LastValue, Launch, ModelSummary, Result
from labtui.store.run import Run
from labtui.store.store import Store
from tests.support.processes import ROOT

# Where each run of the report ends: test accuracy in percent, mean cross-entropy in training, speed of learning.
ENDS = {
    "Network": (55.9, 1.09, 3.0),
    "Augmentation": (65.93, 0.79, 3.5),
    "Normalization": (66.24, 0.63, 2.6),
    "Norm_Aug": (69.32, 0.62, 2.8),
    "Dropout": (61.04, 0.99, 3.4),
    "L1": (35.28, 10.1, 2.0),
    "L2": (47.67, 1.55, 2.4),
    "Adam 0.01": (10.0, 2.307, 1.0),
    "Adam 0.001": (64.26, 0.80, 2.6),
    "Adam 0.0001": (45.41, 1.55, 6.0),
    "SGD 0.01": (24.13, 2.05, 9.0),
    "SGD 0.001": (10.0, 2.298, 9.0),
    "SGD 0.0001": (10.02, 2.302, 9.0),
}


@dataclass
class StubRun:
    """One run, advanced by hand."""

    run: Run
    steps_per_epoch: int = 391
    started: float = field(default_factory=time.time)
    device: str = "cpu"
    step: int = 0
    rate: float = 9_100.0
    lock: HeldLock | None = None
    last: dict[str, LastValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.run.spec is not None
        self.spec: RunSpec = self.run.spec
        self.random = random.Random(f"{self.spec.title}{self.spec.seed}")
        self.end, self.loss_end, self.pace = ENDS.get(self.spec.title, (50.0, 1.2, 3.0))
        self.end += self.random.gauss(0, 0.4) if self.end > 11 else 0
        self.clock = self.started
        self.paths = self.run.paths
        self.attempt = self.paths.attempt(1)

    @property
    def total(self) -> int:
        return self.steps_per_epoch * self.spec.training.epochs

    def begin(self, *, alive: bool = True, phase: str = "training") -> "StubRun":
        """Claim the attempt; with `alive`, this process plays parent and engine and holds the lock."""
        self.attempt.folder.mkdir(parents=True)
        me = process_id(os.getpid()) if alive else None
        if alive:
            self.lock = hold(self.paths.lock)
        launch = Launch(
            attempt=1,
            parent=me,
            engine=me,
            host=host(),
            boot_id=boot_id(),
            folder_inode=self.paths.folder.stat().st_ino,
            started=self.started,
            device=self.device,
            device_name="stub",
            threads=1,
            data_root="data",
            argv=("labtui", "run", self.spec.name),
            versions={"labtui": "0.1.0", "torch": "2.10.0"},
            commit="3be11d0",
        )
        write_json(self.attempt.launch, launch, durable=False)
        self.events = self.paths.folder / f"events.out.tfevents.{int(self.started)}.stub.1.0"
        self.events.write_bytes(version_event(self.started))
        self.say(f"{self.spec.display_title} seed {self.spec.seed} on {self.device}, {self.total} steps")
        self.beat(phase)
        return self

    def advance(self, steps: int, *, nan_from: int | None = None) -> "StubRun":
        """Train so many steps, with the points that the report's protocol writes."""
        records = []
        for _ in range(min(steps, self.total - self.step)):
            self.step += 1
            self.clock += self.spec.training.batch_size / self.rate
            batch = (self.step - 1) % self.steps_per_epoch + 1
            if batch % self.spec.training.log_every == 0:
                records += self._minibatch(nan_from)
            if batch == self.steps_per_epoch:
                records += self._epoch(nan_from)
        with self.events.open("ab") as stream:
            stream.write(b"".join(records))
        self.beat()
        return self

    def finish(self, outcome: str = "finished", reason: str = "", *, diverged_step: int | None = None) -> Run:
        """Write the result, as the engine's last act, and the parent's exit."""
        if outcome == "finished":
            final = [(tags.TEST_LOSS, self._loss(10) + 0.1), (tags.TEST_ACCURACY, self.end)]
            self._write([self._point(tag, self.spec.training.epochs, value) for tag, value in final])
            self.say(f"test/accuracy {self.end:.2f}  test/loss {self._loss(10) + 0.1:.4f}")
        result = Result(
            attempt=1,
            outcome=outcome,
            reason=reason,
            diverged_step=diverged_step,
            last=self.last,
            epochs=self.step // self.steps_per_epoch,
            steps=self.step,
            images_seen=self.step * self.spec.training.batch_size,
            train_images=self.steps_per_epoch * self.spec.training.batch_size,
            test_images=10_000,
            train_seconds=self.clock - self.started,
            seconds=self.clock - self.started + 8,
            images_per_second=self.rate,
            model=ModelSummary(parameters=199_860, flops_per_image=6_300_000),
        )
        write_json(self.paths.result, result, durable=False)
        self.end_process(code=0 if outcome in ("finished", "stopped") else 1)
        return self.run

    def end_process(self, *, code: int | None = 0, signal: int | None = None) -> None:
        """The engine ends; the parent writes how and lets go of the lock."""
        write_json(self.attempt.exit, Exit(code=code, signal=signal, ended=self.clock), durable=False)
        self.release()

    def release(self) -> None:
        if self.lock is not None:
            self.lock.close()
            self.lock = None

    def beat(self, phase: str = "training", warning: str = "") -> None:
        beat = Beat(
            attempt=1,
            counter=self.step + 1,
            phase=phase,
            step=self.step,
            total_steps=self.total,
            epoch=min(self.spec.training.epochs, self.step // self.steps_per_epoch + 1),
            epochs=self.spec.training.epochs,
            images_per_second=self.rate,
            eta=(self.total - self.step) * self.spec.training.batch_size / self.rate,
            warning=warning,
        )
        write_json(self.paths.beat, beat, durable=False)

    def say(self, text: str) -> None:
        with self.attempt.log.open("a") as stream:
            stream.write(f"{time.strftime('%H:%M:%S', time.localtime(self.clock))}  {text}\n")

    def _loss(self, epoch: float) -> float:
        start = 2.303 if self.loss_end < 3 else 1_570.0
        fall = 1.0 if self.loss_end < 3 else 0.1
        return self.loss_end + (start - self.loss_end) * math.exp(-epoch / self.pace / fall)

    def _accuracy(self, epoch: float) -> float:
        return 10 + (self.end - 10) * (1 - math.exp(-epoch / self.pace * 1.3)) / (1 - math.exp(-13 / self.pace))

    def _minibatch(self, nan_from: int | None) -> list[bytes]:
        epoch = self.step / self.steps_per_epoch
        loss = self._loss(epoch) * (1 + self.random.gauss(0, 0.05))
        if nan_from is not None and self.step >= nan_from:
            loss = math.nan
        accuracy = min(100.0, max(0.0, self._accuracy(epoch) + 3 + self.random.gauss(0, 3.5)))
        rounds, batch = divmod(self.step - 1, self.steps_per_epoch)
        per_epoch = self.steps_per_epoch // self.spec.training.log_every
        point = rounds * per_epoch + (batch + 1) // self.spec.training.log_every
        self.say(
            f"epoch {rounds + 1}  step {self.step}  loss {loss:.4f}  accuracy {accuracy:.2f}  {self.rate:.0f} images/s"
        )
        return [
            self._point(tags.MINIBATCH_LOSS, point, loss),
            self._point(tags.MINIBATCH_ACCURACY, point, accuracy),
        ]

    def _epoch(self, nan_from: int | None) -> list[bytes]:
        epoch = self.step // self.steps_per_epoch
        loss = math.nan if nan_from is not None and self.step >= nan_from else self._loss(epoch)
        accuracy = self._accuracy(epoch) + self.random.gauss(0, 0.5)
        images = self.steps_per_epoch * self.spec.training.batch_size
        self.say(f"epoch {epoch} done: test accuracy {accuracy:.2f}")
        return [
            self._point(tags.REPORT_TRAIN_LOSS, epoch, math.sqrt(max(0.0, loss) * self.steps_per_epoch / images)),
            self._point(tags.REPORT_TEST_LOSS, epoch, math.sqrt(max(0.0, loss + 0.1) * 157 / 10_000)),
            self._point(tags.REPORT_TRAIN_ACCURACY, epoch, min(100.0, accuracy + 2.4)),
            self._point(tags.REPORT_TEST_ACCURACY, epoch, max(0.0, accuracy)),
        ]

    def _point(self, tag: str, step: int, value: float) -> bytes:
        stored = struct.unpack("<f", struct.pack("<f", value))[0]
        self.last[tag] = LastValue(step=step, value=stored if math.isfinite(stored) else repr(stored))
        return scalar_event(self.clock, step, tag, value)

    def _write(self, records: list[bytes]) -> None:
        with self.events.open("ab") as stream:
            stream.write(b"".join(records))


def catalog_spec(name: str, *, seed: int = 0, catalog: Catalog | None = None, **changes: object) -> RunSpec:
    """The spec of a variant, ready to run; of the repository's catalog where none is given."""
    catalog = catalog or load(ROOT / "experiments.toml", datasets=("cifar10", "digits", "fashion-mnist"))
    (variant,) = catalog.select([name])
    data = msgspec.structs.replace(variant.spec.data, normalize=None)
    return msgspec.structs.replace(variant.spec, data=data, seed=seed, **changes)


def stub(store: Store, name: str, *, seed: int = 0, started: float | None = None, **changes: object) -> StubRun:
    """A new run folder of a variant of the catalog, not begun."""
    spec = catalog_spec(name, seed=seed, **changes)
    steps = 196 if spec.data.train_fraction < 1 else (782 if spec.data.augment else 391)
    run = store.create(spec, planned_steps=steps * spec.training.epochs)
    return StubRun(run, steps_per_epoch=steps, **({} if started is None else {"started": started}))


def finished(store: Store, name: str, *, seed: int = 0, **changes: object) -> Run:
    """A run from its beginning to its end."""
    made = stub(store, name, seed=seed, started=time.time() - 900, **changes).begin(alive=False)
    return made.advance(made.total).finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--live", type=int, default=3, help="runs that stream")
    parser.add_argument("--speed", type=int, default=20, help="steps a second of each")
    parser.add_argument("--head-start", type=int, default=1_200, help="steps that a streaming run has done already")
    arguments = parser.parse_args()
    store = Store(arguments.runs)
    for name in ("network", "normalization", "adam@0.001", "adam@0.01", "adam@0.0001", "l2", "sgd@0.01"):
        finished(store, name)
    for seed in (1, 2):
        finished(store, "network", seed=seed)
        finished(store, "normalization", seed=seed)
    bad = stub(store, "l1", started=time.time() - 400).begin(alive=False).advance(900, nan_from=700)
    bad.finish("diverged", "loss is NaN at step 700", diverged_step=700)
    stub(store, "sgd@0.0001")
    live = [stub(store, name) for name in ("dropout", "norm_aug", "augmentation", "sgd@0.001")[: arguments.live]]
    for index, one in enumerate(live):
        one.started = one.clock = time.time() - 60 * (index + 1)
        one.begin().advance(arguments.head_start // (index + 1))
    while live:
        time.sleep(0.25)
        for one in list(live):
            one.clock = time.time()
            one.advance(max(1, arguments.speed // 4))
            if one.paths.attempt(1).stop_request.exists():
                one.finish("stopped", "stopped by request")
            elif one.step == one.total:
                one.finish()
            if one.lock is None:
                live.remove(one)


if __name__ == "__main__":
    main()

"""How fast event files are read: `python -m bench.reader` (about half a minute).

Our reader against tensorboard's EventAccumulator on the same files, in interleaved rounds, the median of each; then
what a tail costs, and a look at many runs. Absolute figures depend on the machine and its load: read the ratios.
"""

import math
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from labtui.spec import Adam, Cnn, Constant, Data, RunSpec, Training
from labtui.store.events import scalar_event, version_event
from labtui.store.files import write_json
from labtui.store.observer import Observer
from labtui.store.reader import RunReader, read_curves
from labtui.store.records import Launch, Result
from labtui.store.store import Store

TAGS = ("train/loss", "train/accuracy", "lr", "val/loss", "val/accuracy", "Loss on Minibatches")
ROUNDS = 5


def write_run(folder: Path, steps: int) -> int:
    """A run of `steps` steps of each tag; its number of points."""
    with (folder / "events.out.tfevents.1764000000.host.1.0").open("wb") as stream:
        stream.write(version_event(1.7e9))
        for step in range(steps):
            for tag in TAGS:
                stream.write(scalar_event(1.7e9 + step / 10, step, tag, math.exp(-step / steps)))
    return steps * len(TAGS)


def read_ours(folder: Path) -> None:
    """Everything, every checksum verified."""
    read_curves(folder)


def read_theirs(folder: Path) -> None:
    """Everything: without a guide it would sample."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def backlog(steps: int) -> tuple[float, float]:
    """Points a second, ours and theirs."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        points = write_run(folder, steps)
        readers = (read_ours, read_theirs)
        for reader in readers:  # imports and caches
            reader(folder)
        rounds = [[seconds(partial(reader, folder)) for reader in readers] for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    return points / ours, points / theirs


def tail(points: int, runs: int = 1) -> float:
    """Seconds of one poll over `runs` runs of which each has grown by so many points, the median."""
    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place, str(run)) for run in range(runs)]
        for folder in folders:
            folder.mkdir()
            write_run(folder, 100)
        readers = [RunReader(folder) for folder in folders]
        taken = []
        for step in range(100, 120):
            for folder in folders:
                with next(folder.iterdir()).open("ab") as stream:
                    stream.writelines(scalar_event(2e9, step * points + i, TAGS[i % 6], 1.0) for i in range(points))
            taken.append(seconds(lambda: [reader.poll() for reader in readers]))
    return statistics.median(taken)


def look(runs: int) -> tuple[float, float]:
    """Seconds of the first scan of so many finished runs, and of one when nothing changed."""
    spec = RunSpec(
        experiment="bench", title="Bench", group="Bench", seed=0, protocol="report", data=Data(name="digits"),
        model=Cnn(), penalty=None, optimizer=Adam(), scheduler=Constant(), training=Training(),
    )  # fmt: skip
    launch = Launch(attempt=1, host="h", boot_id="b", started=0.0, device="cpu", threads=1, data_root="data")
    with tempfile.TemporaryDirectory() as place:
        for _ in range(runs):
            run = Store(Path(place)).create(spec)
            attempt = run.paths.attempt(1)
            attempt.folder.mkdir(parents=True)
            write_json(attempt.launch, launch, durable=False)
            write_json(run.paths.result, Result(attempt=1, outcome="finished"), durable=False)
        now = [0.0]
        store = Store(Path(place), observer=Observer(lambda: now[0]))
        first = seconds(store.scan)
        now[0] = 60.0
        return first, statistics.median(seconds(store.scan) for _ in range(20))


def main() -> None:
    """Print the table."""
    for steps in (1_000, 10_000):
        ours, theirs = backlog(steps)
        ratio = f"{ours / 1e6:.2f} M/s, EventAccumulator {theirs / 1e6:.3f} M/s: x{ours / theirs:.0f}"
        print(f"{steps * len(TAGS):>7,} points: {ratio}")
    for points in (6, 60, 600):
        print(f"a poll that finds {points:>3} new points: {tail(points) * 1e6:,.0f} us")
    print(f"a poll of 100 runs, 6 new points each: {tail(6, 100) * 1e3:.1f} ms")
    print(f"a poll of 100 runs, nothing new: {tail(0, 100) * 1e3:.1f} ms")
    first, again = look(500)
    print(
        f"a scan of 500 finished runs: {first * 1e3:.0f} ms the first time, {again * 1e3:.1f} ms when nothing changed"
    )


if __name__ == "__main__":
    main()

"""Contenders that read event files and scan runs folders."""

import time

from bench.harness import Round, Sample
from bench.run_folders import TAGS, append_points, make_runs, scratch_folder, write_curves
from bench.timing import time_work
from labtui.store.curve_cache import CurveCache
from labtui.store.event_file import SETTLED_NS
from labtui.store.observer import Observer
from labtui.store.reader import RunReader, read_curves
from labtui.store.store import Store

POLLS = 20
"""Polls, or scans, per round."""


def labtui(steps: int) -> Round:
    """Read every point of a run and verify every checksum; the unit is a point."""
    folder = scratch_folder()
    points = write_curves(folder, steps)
    return lambda: time_work(lambda: read_curves(folder), points)


def labtui_cached(steps: int) -> Round:
    """The same from the cache that an earlier reader wrote, whose checksum is verified."""
    folder = scratch_folder()
    points = write_curves(folder, steps)
    cache = CurveCache(folder / "cache")
    time.sleep(1.1 * SETTLED_NS / 1e9)  # the cache is only used for files that were unchanged for a while before
    read_curves(folder, cache)
    return lambda: time_work(lambda: read_curves(folder, cache), points)


def tensorboard(steps: int) -> Round:
    """The same with tensorboard's EventAccumulator, without sampling."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = scratch_folder()
    points = write_curves(folder, steps)
    return lambda: time_work(lambda: EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload(), points)


def poll(runs: int, points: int) -> Round:
    """Poll runs, each of which has grown by this many points since the last poll; the unit is a poll of all runs."""
    folder = scratch_folder()
    folders = [folder / str(run) for run in range(runs)]
    for folder in folders:
        folder.mkdir()
        write_curves(folder, 100)
    readers = [RunReader(folder) for folder in folders]
    step = 101

    def poll_all() -> Sample:
        nonlocal step
        for folder in folders:
            append_points(folder, step, points)
        step += points // len(TAGS) + 1
        return time_work(lambda: [reader.poll() for reader in readers], 1)

    def measure() -> Sample:
        return Sample(POLLS, sum(poll_all().seconds for _ in range(POLLS)))

    poll_all()
    return measure


def scan(runs: int, *, again: bool) -> Round:
    """Scan a folder of finished runs: with a new store each time, or, with `again`, with one that knows them."""
    root = scratch_folder()
    make_runs(root, runs)
    now = [0.0]
    known = Store(root, observer=Observer(lambda: now[0]))
    known.scan()
    now[0] = 60.0  # long enough for the folders' time stamps to be trusted
    known.scan()

    def measure() -> Sample:
        if not again:
            return time_work(lambda: Store(root).scan(), 1)
        return time_work(lambda: [known.scan() for _ in range(POLLS)], POLLS)

    return measure

"""Contenders that read event files and look at runs folders."""

import time

from bench.clock import clocked
from bench.harness import Round, Sample
from bench.run_folders import TAGS, append_points, make_runs, write_curves
from bench.scratch import scratch
from labtui.store.curve_cache import CurveCache
from labtui.store.event_file import SETTLED_NS
from labtui.store.observer import Observer
from labtui.store.reader import RunReader, read_curves
from labtui.store.store import Store

POLLS = 20
"""Polls, or scans, of one round."""


def ours(steps: int) -> Round:
    """Every point of a run, every checksum verified; the unit is a point."""
    place = scratch()
    points = write_curves(place, steps)
    return lambda: clocked(lambda: read_curves(place), points)


def again(steps: int) -> Round:
    """The same by somebody who comes later: out of the cache, whose checksum is verified."""
    place = scratch()
    points = write_curves(place, steps)
    cache = CurveCache(place / "cache")
    time.sleep(1.1 * SETTLED_NS / 1e9)  # as for a later reader: the file was unchanged for a while before it was cached
    read_curves(place, cache)
    return lambda: clocked(lambda: read_curves(place, cache), points)


def theirs(steps: int) -> Round:
    """The same by tensorboard's EventAccumulator, without sampling."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    place = scratch()
    points = write_curves(place, steps)
    return lambda: clocked(lambda: EventAccumulator(str(place), size_guidance={"scalars": 0}).Reload(), points)


def poll(runs: int, points: int) -> Round:
    """Polls of so many runs, each of which has grown by so many points since the last; the unit is a poll of all."""
    place = scratch()
    folders = [place / str(run) for run in range(runs)]
    for folder in folders:
        folder.mkdir()
        write_curves(folder, 100)
    readers = [RunReader(folder) for folder in folders]
    step = 101

    def look() -> Sample:
        nonlocal step
        for folder in folders:
            append_points(folder, step, points)
        step += points // len(TAGS) + 1
        return clocked(lambda: [reader.poll() for reader in readers], 1)

    def play() -> Sample:
        some = [look() for _ in range(POLLS)]
        return Sample(POLLS, sum(one.seconds for one in some))

    look()
    return play


def scan(runs: int, *, again: bool) -> Round:
    """Scans of a folder of finished runs: by a new store each, or `again` by one that has seen them unchanged."""
    root = scratch()
    make_runs(root, runs)
    now = [0.0]
    known = Store(root, observer=Observer(lambda: now[0]))
    known.scan()
    now[0] = 60.0  # long enough for the folders' time stamps to be believed
    known.scan()

    def play() -> Sample:
        if not again:
            return clocked(lambda: Store(root).scan(), 1)
        return clocked(lambda: [known.scan() for _ in range(POLLS)], POLLS)

    return play

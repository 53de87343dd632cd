"""Contenders that train one epoch per round: the report's loop, and labtui's engine with a run folder."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bench.contenders.report_loop import ReportRun
from bench.harness import Round, Sample
from bench.inputs import load_images, make_spec
from bench.run_folders import scratch_folder
from bench.timing import time_device_work
from labtui.datasets.info import Images
from labtui.spec import RunSpec


def report(experiment: str, changes: Sequence[str], data: str | None, threads: int, device: str, workers: int) -> Round:
    """The report's loop as written; `workers` is the number of processes of its DataLoader."""
    torch.set_num_threads(threads)
    run = ReportRun(make_spec(experiment, changes), load_images(data), device, workers)
    return lambda: time_device_work(run.train_epoch, device)


def labtui(experiment: str, changes: Sequence[str], data: str | None, threads: int, device: str) -> Round:
    """labtui's engine: a whole attempt in a run folder, including recording.

    The time is train_seconds of result.json, which excludes evaluating and saving, as the report's figure excludes its
    test loop. The test set is cut to one batch, since only training is measured here.
    """
    spec = make_spec(experiment, [*changes, "training.epochs=1"])
    images = _with_few_tests(load_images(data))
    counter = itertools.count(1)
    root = scratch_folder()

    def measure() -> Sample:
        folder = root / str(next(counter))
        result = run_in_process(folder, spec, images, threads=threads, device=device)
        return Sample(result.images_seen, result.train_seconds)

    return measure


def _with_few_tests(images: Images) -> Images:
    return Images(
        train=images.train,
        train_labels=images.train_labels,
        test=images.test[:64],
        test_labels=images.test_labels[:64],
    )


def run_in_process(folder: Path, spec: RunSpec, images: Images, *, threads: int, device: str) -> Any:
    """Train a run in this process, and return its result. Raises RuntimeError if it does not finish."""
    from labtui.engine.heartbeat import Heartbeat
    from labtui.engine.session import LoadedData, Session
    from labtui.engine.trainer import Intervals
    from labtui.store.attempt import EngineAttempt
    from labtui.store.paths import RunPaths
    from labtui.store.records import Launch, SpecFile
    from labtui.store.stop_signal import StopSignal

    paths = RunPaths(folder)
    files = paths.attempt(1)
    files.folder.mkdir(parents=True)
    device_name = "cuda:0" if device == "cuda" else device
    launch = Launch(
        attempt=1, host="bench", boot_id="", started=0.0, device=device_name, threads=threads, data_root=str(folder)
    )
    attempt = EngineAttempt(paths, files, SpecFile(run_id=folder.name, created=0.0, labtui="", spec=spec), launch)
    stop = StopSignal()
    log: list[str] = []
    with Heartbeat(paths.beat, 1, stop) as heartbeat:
        session = Session(attempt, heartbeat, stop, log.append, Intervals())
        ending = session.run(lambda _: LoadedData(images, 10))
    if ending.outcome != "finished":
        raise RuntimeError("\n".join(log) or ending.reason)
    return session.result(ending)

"""Contenders that train: each function makes a round of one epoch, in the process that calls it."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bench.clock import timed
from bench.harness import Round, Sample
from bench.images import images
from bench.recipes import recipe
from bench.report_loop import ReportRun
from bench.scratch import scratch
from labtui.datasets.info import Images
from labtui.spec import RunSpec


def report(experiment: str, changes: Sequence[str], data: str | None, threads: int, device: str, workers: int) -> Round:
    """The report's loop as written; with `workers`, its DataLoader has that many processes."""
    torch.set_num_threads(threads)
    run = ReportRun(recipe(experiment, changes), images(data), device, workers)
    return lambda: timed(run.train_epoch, device)


def labtui(experiment: str, changes: Sequence[str], data: str | None, threads: int, device: str) -> Round:
    """labtui's engine: a whole attempt in a run folder, recording and all, timed by its own clock of training.

    That clock (result.json's train_seconds) stands still while the run evaluates and saves, as the report's figure
    leaves its test loop out; the test set is cut to a batch, since only training is measured here.
    """
    spec = recipe(experiment, [*changes, "training.epochs=1"])
    few = _with_few_tests(images(data))
    counter = itertools.count(1)
    place = scratch()

    def play() -> Sample:
        folder = place / str(next(counter))
        result = carry_out(folder, spec, few, threads=threads, device=device)
        return Sample(result.images_seen, result.train_seconds)

    return play


def _with_few_tests(all_images: Images) -> Images:
    return Images(
        train=all_images.train,
        train_labels=all_images.train_labels,
        test=all_images.test[:64],
        test_labels=all_images.test_labels[:64],
    )


def carry_out(folder: Path, spec: RunSpec, of: Images, *, threads: int, device: str) -> Any:
    """A run from its folder to its result, in this process. Raises RuntimeError where it does not finish."""
    from labtui.engine.attempt import Attempt
    from labtui.engine.heartbeat import Heartbeat
    from labtui.engine.session import LoadedData, Session
    from labtui.engine.stop import StopSignal
    from labtui.engine.trainer import Intervals
    from labtui.store.paths import RunPaths
    from labtui.store.records import Launch, SpecFile

    paths = RunPaths(folder)
    files = paths.attempt(1)
    files.folder.mkdir(parents=True)
    named = "cuda:0" if device == "cuda" else device
    launch = Launch(
        attempt=1, host="bench", boot_id="", started=0.0, device=named, threads=threads, data_root=str(folder)
    )
    attempt = Attempt(paths, files, SpecFile(run_id=folder.name, created=0.0, labtui="", spec=spec), launch)
    stop = StopSignal()
    said: list[str] = []
    with Heartbeat(paths.beat, 1, stop) as heartbeat:
        session = Session(attempt, heartbeat, stop, said.append, Intervals())
        ending = session.run(lambda _: LoadedData(of, 10))
    if ending.outcome != "finished":
        raise RuntimeError("\n".join(said) or ending.reason)
    return session.result(ending)

"""Contenders that train all 13 runs of the report in one process: for an epoch, or whole on a small data set."""

from pathlib import Path

import torch

from bench.clock import timed
from bench.harness import Round, Sample
from bench.images import images
from bench.recipes import every_name, info, recipe
from bench.report_loop import ReportRun
from labtui.datasets import load
from labtui.datasets.info import Images
from labtui.engine.data import divide
from labtui.engine.device import open_device
from labtui.engine.evaluate import BATCH, Examiner
from labtui.engine.learner import Learner
from labtui.engine.rng import shuffled
from labtui.spec import RunSpec


def report(changes: list[str], data: str | None, threads: int, device: str) -> Round:
    """The report's loops, as written: of each run one epoch of training and the test after it; no preparations."""
    torch.set_num_threads(threads)
    of = images(data)

    def epoch(name: str) -> float:
        run = ReportRun(recipe(name, changes), of, device)

        def both() -> float:
            run.train_epoch()
            run.test_epoch()
            return 1

        return timed(both, device).seconds

    return lambda: Sample(1, sum(map(epoch, every_name())))


def compute(dataset: str, threads: int) -> Round:
    """The pure compute of the 13 runs on a small data set: every step and every test, and nothing else."""
    open_device("cpu", threads, "fp32")
    of = load(dataset, Path())  # an embedded one lies in no folder
    specs = [recipe(name, dataset=dataset) for name in every_name()]

    def all_runs() -> float:
        for spec in specs:
            train(spec, of, len(info(dataset).classes))
        return 1

    return lambda: timed(all_runs)


def train(spec: RunSpec, of: Images, classes: int) -> None:
    """One run with no folder: its steps, the test after each epoch, the last test."""
    cpu = torch.device("cpu")
    division = divide(of, spec, cpu)
    size = spec.training.batch_size
    steps = -(-len(division.train) // size)
    learner = Learner(spec, cpu, shape=division.train.shape, classes=classes, steps_per_epoch=steps)
    examiner = Examiner(learner.network, learner.prepare, learner.precision, lambda _: None)
    for epoch in range(spec.training.epochs):
        order = shuffled(len(division.train), spec.seed, "order", epoch)
        for images_, labels in division.train.draw(spec.seed, "augment", epoch).batches(order, size):
            learner.learn(images_, labels, epoch)
        watched = division.watched
        examiner.ask(watched.draw(spec.seed, "test augment", epoch), torch.arange(len(watched)), BATCH["cpu"])
    examiner.ask(division.test.draw(spec.seed, "test augment", 0), torch.arange(len(division.test)), BATCH["cpu"])

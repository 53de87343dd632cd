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
from labtui.engine.data import make_splits
from labtui.engine.device import open_device
from labtui.engine.evaluate import EVAL_BATCH_SIZE, Evaluator
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
    splits = make_splits(of, spec, cpu)
    size = spec.training.batch_size
    steps = -(-len(splits.train) // size)
    learner = Learner(spec, cpu, shape=splits.train.shape, classes=classes, steps_per_epoch=steps)
    evaluator = Evaluator(learner.network, learner.transform, learner.precision, lambda _: None)
    for epoch in range(spec.training.epochs):
        order = shuffled(len(splits.train), spec.seed, "order", epoch)
        for images_, labels in splits.train.for_epoch(spec.seed, "augment", epoch).batches(order, size):
            learner.train_step(images_, labels, epoch)
        watched = splits.validation
        evaluator.evaluate(
            watched.for_epoch(spec.seed, "test augment", epoch), torch.arange(len(watched)), EVAL_BATCH_SIZE["cpu"]
        )
    evaluator.evaluate(
        splits.test.for_epoch(spec.seed, "test augment", 0), torch.arange(len(splits.test)), EVAL_BATCH_SIZE["cpu"]
    )

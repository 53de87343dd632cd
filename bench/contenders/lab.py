"""Contenders that train all 13 runs of the report in one process: one epoch, or completely on a small data set."""

from pathlib import Path

import torch

from bench.contenders.report_loop import ReportRun
from bench.harness import Round, Sample
from bench.inputs import dataset_info, load_images, make_spec, run_names
from bench.timing import time_device_work
from labtui.datasets import load
from labtui.datasets.info import Images
from labtui.engine.data import make_splits
from labtui.engine.device import open_device
from labtui.engine.evaluate import EVAL_BATCH_SIZE, Evaluator
from labtui.engine.learner import Learner
from labtui.engine.rng import shuffled
from labtui.spec import RunSpec


def report(changes: list[str], data: str | None, threads: int, device: str) -> Round:
    """The report's loops as written: one epoch of training and the test after it per run, without the preparation."""
    torch.set_num_threads(threads)
    images = load_images(data)

    def epoch_seconds(name: str) -> float:
        run = ReportRun(make_spec(name, changes), images, device)

        def train_and_test() -> float:
            run.train_epoch()
            run.test_epoch()
            return 1

        return time_device_work(train_and_test, device).seconds

    return lambda: Sample(1, sum(map(epoch_seconds, run_names())))


def compute(dataset: str, threads: int) -> Round:
    """Only the computation of the 13 runs on a small data set: every training step and every evaluation."""
    open_device("cpu", threads, "fp32")
    images = load(dataset, Path())  # an embedded data set needs no folder
    specs = [make_spec(name, dataset=dataset) for name in run_names()]

    def all_runs() -> float:
        for spec in specs:
            train(spec, images, len(dataset_info(dataset).classes))
        return 1

    return lambda: time_device_work(all_runs)


def train(spec: RunSpec, images: Images, classes: int) -> None:
    """Train one run without a folder: its steps, the evaluation after each epoch, the final test."""
    cpu = torch.device("cpu")
    splits = make_splits(images, spec, cpu)
    batch_size = spec.training.batch_size
    steps = -(-len(splits.train) // batch_size)
    learner = Learner(spec, cpu, shape=splits.train.shape, classes=classes, steps_per_epoch=steps)
    evaluator = Evaluator(learner.network, learner.transform, learner.precision, lambda _: None)
    for epoch in range(spec.training.epochs):
        order = shuffled(len(splits.train), spec.seed, "order", epoch)
        for batch, labels in splits.train.for_epoch(spec.seed, "augment", epoch).batches(order, batch_size):
            learner.train_step(batch, labels, epoch)
        validation = splits.validation
        evaluator.evaluate(
            validation.for_epoch(spec.seed, "test augment", epoch),
            torch.arange(len(validation)),
            EVAL_BATCH_SIZE["cpu"],
        )
    evaluator.evaluate(
        splits.test.for_epoch(spec.seed, "test augment", 0), torch.arange(len(splits.test)), EVAL_BATCH_SIZE["cpu"]
    )

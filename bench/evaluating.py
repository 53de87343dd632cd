"""Contenders that test a network on the 10,000 test images."""

import torch

from bench.clock import timed
from bench.harness import Round
from bench.images import images
from bench.recipes import recipe
from bench.report_loop import ReportRun
from labtui.datasets.info import Images
from labtui.engine.data import make_splits
from labtui.engine.device import open_device
from labtui.engine.evaluate import EVAL_BATCH_SIZE, Evaluator, report_loss
from labtui.engine.learner import Learner
from labtui.engine.rng import shuffled


def report(data: str | None, threads: int, device: str, count: int, workers: int) -> Round:
    """The report's test loop: batches of 64 through a DataLoader, a loss and a count read per batch."""
    torch.set_num_threads(threads)
    run = ReportRun(recipe("network"), _fewer(images(data), count), device, workers)
    return lambda: timed(run.test_epoch, device)


def labtui(data: str | None, threads: int, device: str, count: int, precision: str) -> Round:
    """labtui's test after an epoch: the report's losses too, from per-image losses in shuffled groups of 64."""
    open_device(device, threads, "fp32")
    spec = recipe("network", [f"training.precision={precision}"])
    place = torch.device(device)
    splits = make_splits(_fewer(images(data), count), spec, place)
    learner = Learner(spec, place, shape=splits.train.shape, classes=10, steps_per_epoch=1)
    evaluator = Evaluator(learner.network, learner.transform, learner.precision, lambda _: None)

    def test() -> float:
        order = shuffled(len(splits.validation), 0, "test order", 1)
        answers = evaluator.evaluate(splits.validation.for_epoch(0, "test augment", 1), order, EVAL_BATCH_SIZE[device])
        report_loss(answers.losses, spec.training.test_batch_size)
        return len(answers.labels)

    return lambda: timed(test, device)


def forward(threads: int, device: str, count: int, precision: str) -> Round:
    """The network alone on one batch that is there already."""
    open_device(device, threads, "fp32")
    spec = recipe("network", [f"training.precision={precision}"])
    learner = Learner(spec, torch.device(device), shape=(3, 32, 32), classes=10, steps_per_epoch=1)
    batch = torch.rand(EVAL_BATCH_SIZE[device], 3, 32, 32, device=device).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def test() -> float:
        times = max(1, count // len(batch))
        for _ in range(times):
            with learner.precision():
                learner.network(batch)
        return times * len(batch)

    return lambda: timed(test, device)


def _fewer(of: Images, count: int) -> Images:
    return Images(
        train=of.train[:64], train_labels=of.train_labels[:64], test=of.test[:count], test_labels=of.test_labels[:count]
    )

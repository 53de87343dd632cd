"""Contenders that evaluate a network on the 10,000 test images."""

import torch

from bench.contenders.report_loop import ReportRun
from bench.harness import Round
from bench.inputs import load_images, make_spec
from bench.timing import time_device_work
from labtui.datasets.info import Images
from labtui.engine.data import make_splits
from labtui.engine.device import open_device
from labtui.engine.evaluate import EVAL_BATCH_SIZE, Evaluator, report_loss
from labtui.engine.learner import Learner
from labtui.engine.rng import shuffled


def report(data: str | None, threads: int, device: str, count: int, workers: int) -> Round:
    """The report's test loop: batches of 64 from a DataLoader, with loss and count read per batch."""
    torch.set_num_threads(threads)
    run = ReportRun(make_spec("network"), _first_images(load_images(data), count), device, workers)
    return lambda: time_device_work(run.test_epoch, device)


def labtui(data: str | None, threads: int, device: str, count: int, precision: str) -> Round:
    """labtui's evaluation after an epoch, including the report's loss of shuffled batches of 64."""
    open_device(device, threads, "fp32")
    spec = make_spec("network", [f"training.precision={precision}"])
    target = torch.device(device)
    splits = make_splits(_first_images(load_images(data), count), spec, target)
    learner = Learner(spec, target, shape=splits.train.shape, classes=10, steps_per_epoch=1)
    evaluator = Evaluator(learner.network, learner.transform, learner.precision, lambda _: None)

    def evaluate() -> float:
        order = shuffled(len(splits.validation), 0, "test order", 1)
        evaluation = evaluator.evaluate(
            splits.validation.for_epoch(0, "test augment", 1), order, EVAL_BATCH_SIZE[device]
        )
        report_loss(evaluation.losses, spec.training.test_batch_size)
        return len(evaluation.labels)

    return lambda: time_device_work(evaluate, device)


def forward(threads: int, device: str, count: int, precision: str) -> Round:
    """The forward pass alone, on one batch that is already on the device."""
    open_device(device, threads, "fp32")
    spec = make_spec("network", [f"training.precision={precision}"])
    learner = Learner(spec, torch.device(device), shape=(3, 32, 32), classes=10, steps_per_epoch=1)
    batch = torch.rand(EVAL_BATCH_SIZE[device], 3, 32, 32, device=device).contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run_forward() -> float:
        times = max(1, count // len(batch))
        for _ in range(times):
            with learner.precision():
                learner.network(batch)
        return times * len(batch)

    return lambda: time_device_work(run_forward, device)


def _first_images(images: Images, count: int) -> Images:
    return Images(
        train=images.train[:64],
        train_labels=images.train_labels[:64],
        test=images.test[:count],
        test_labels=images.test_labels[:count],
    )

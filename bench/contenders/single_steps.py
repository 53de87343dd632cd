"""A training step alone on a batch that is already on the device, the upper bound of every loop; and the peak rate."""

from collections.abc import Callable
from contextlib import nullcontext

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)

from bench.contenders.report_loop import ReportNetwork
from bench.harness import Round, Sample
from bench.timing import time_device_work
from labtui.engine.device import open_device
from labtui.engine.models import ConvNet

BATCH = 128
STEPS = 100
"""Steps per round."""

PEAK_SIZE, PEAK_REPEATS = 2_048, 8
"""The side of a square matrix product that is large enough to reach the peak, and its repetitions per round."""


def as_reported(threads: int, device: str, steps: int = STEPS) -> Round:
    """The report's network and optimizer, with PyTorch's defaults."""
    torch.set_num_threads(threads)
    network = ReportNetwork().to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    images, labels = _batch(device)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return _round(step, steps, device)


def as_in_labtui(threads: int, device: str, precision: str, steps: int = STEPS) -> Round:
    """labtui's network: pooling before ReLU, channels last, fused optimizer; `precision` is fp32 or bf16."""
    open_device(device, threads, "fp32")
    network = ConvNet((3, 32, 32), 10, (0.0, 0.0)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    images, labels = _batch(device)
    images = images.contiguous(memory_format=torch.channels_last)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device, dtype=torch.bfloat16) if precision == "bf16" else nullcontext():
            logits = network(images)
        F.cross_entropy(logits.float(), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return _round(step, steps, device)


def peak(threads: int, device: str, precision: str) -> Round:
    """Floating-point operations per second of a large matrix product; the unit is one operation."""
    torch.set_num_threads(threads)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(PEAK_SIZE, PEAK_SIZE, device=device, dtype=dtype) for _ in range(2))
    out = torch.empty_like(left)

    def multiply() -> float:
        for _ in range(PEAK_REPEATS):
            torch.mm(left, right, out=out)
        return 2.0 * PEAK_SIZE**3 * PEAK_REPEATS

    return lambda: time_device_work(multiply, device)


def _batch(device: str) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(BATCH, 3, 32, 32, generator=generator)
    labels = torch.randint(10, (BATCH,), generator=generator)
    return images.to(device), labels.to(device)


def _round(step: Callable[[], None], steps: int, device: str) -> Round:
    def work() -> float:
        for _ in range(steps):
            step()
        return steps * BATCH

    def measure() -> Sample:
        return time_device_work(work, device)

    return measure

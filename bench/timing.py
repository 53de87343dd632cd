"""Measures the work of a contender in its own process."""

import time
from collections.abc import Callable

from bench.harness import Sample


def time_work(work: Callable[[], object], units: float) -> Sample:
    """The given units of work, and the seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return Sample(units, time.perf_counter() - began)


def time_device_work(work: Callable[[], float], device: str = "cpu") -> Sample:
    """The units that `work` returns, and the seconds until the device has done them."""
    _synchronize(device)
    began = time.perf_counter()
    units = work()
    _synchronize(device)
    return Sample(units, time.perf_counter() - began)


def _synchronize(device: str) -> None:
    if device == "cuda":
        import torch  # deferred: contenders that read files do not need it

        torch.cuda.synchronize()

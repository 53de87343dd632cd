"""Timing of a contender's work, in its own process."""

import time
from collections.abc import Callable

from bench.harness import Sample


def clocked(work: Callable[[], object], units: float) -> Sample:
    """So many units of work over the seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return Sample(units, time.perf_counter() - began)


def timed(work: Callable[[], float], device: str = "cpu") -> Sample:
    """The units that `work` says it did, over the seconds until the device has done them."""
    _settle(device)
    began = time.perf_counter()
    units = work()
    _settle(device)
    return Sample(units, time.perf_counter() - began)


def _settle(device: str) -> None:
    if device == "cuda":
        import torch  # here: who reads files does not need it

        torch.cuda.synchronize()

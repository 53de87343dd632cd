"""A contender that trains and measures its own recording: the share of the training time spent on logging or saving."""

import itertools
import time
from collections.abc import Callable
from typing import Any

from bench.contenders.engine_run import run_in_process
from bench.harness import Round, Sample
from bench.inputs import load_images, make_spec
from bench.run_folders import scratch_folder
from labtui.engine.checkpoint import Checkpoints
from labtui.engine.metric_writer import MetricWriter

PARTS: dict[str, tuple[type, tuple[str, ...]]] = {
    "logging": (MetricWriter, ("write_points", "write_last_step", "write_report_epoch")),
    "checkpoints": (Checkpoints, ("save",)),
}
"""What is measured: a class of the engine, and its methods that write."""


class MethodTimer:
    """Replaces methods of a class in this process, and adds up the seconds spent in them."""

    def __init__(self, kind: type, names: tuple[str, ...]) -> None:
        self.seconds = 0.0
        self.calls = 0
        for name in names:
            setattr(kind, name, self._wrap(getattr(kind, name)))

    def _wrap(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - began
                self.calls += 1

        return timed


def share(part: str, data: str | None, threads: int, fraction: float, epochs: int) -> Round:
    """The percentage of the training time that a part takes; a round is one run.

    The unit is a hundredth of the training time, so the time per unit is the percentage. Both exclude evaluation.
    """
    timer = MethodTimer(*PARTS[part])
    spec = make_spec("adam@0.001", [f"data.train_fraction={fraction}", f"training.epochs={epochs}"])
    images = load_images(data)
    counter = itertools.count(1)
    root = scratch_folder()

    def measure() -> Sample:
        timer.seconds = 0.0
        result = run_in_process(root / str(next(counter)), spec, images, threads=threads, device="cpu")
        return Sample(units=result.train_seconds / 100, seconds=timer.seconds)

    return measure

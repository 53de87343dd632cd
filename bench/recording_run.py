"""A contender that trains and clocks its own recording: the part of the training time within logging, or saving."""

import itertools
import time
from collections.abc import Callable
from typing import Any

from bench.harness import Round, Sample
from bench.images import images
from bench.loops import carry_out
from bench.recipes import recipe
from bench.scratch import scratch
from labtui.engine.checkpoint import Checkpoints
from labtui.engine.metric_writer import MetricWriter

PARTS: dict[str, tuple[type, tuple[str, ...]]] = {
    "logging": (MetricWriter, ("write_points", "write_last_step", "write_report_epoch")),
    "checkpoints": (Checkpoints, ("save",)),
}
"""What is clocked: a class of the engine and those of its methods that write."""


class Clocked:
    """Adds up the seconds within the methods of a class, which it replaces in this process."""

    def __init__(self, kind: type, names: tuple[str, ...]) -> None:
        self.seconds = 0.0
        self.calls = 0
        for name in names:
            setattr(kind, name, self._wrapped(getattr(kind, name)))

    def _wrapped(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def clocked(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - began
                self.calls += 1

        return clocked


def share(part: str, data: str | None, threads: int, fraction: float, epochs: int) -> Round:
    """The percentage of the training time that a part takes; a round is one run, its unit 100 / seconds of training.

    The time of a sample is then the percentage. Evaluations are in neither.
    """
    clocked = Clocked(*PARTS[part])
    spec = recipe("adam@0.001", [f"data.train_fraction={fraction}", f"training.epochs={epochs}"])
    of = images(data)
    counter = itertools.count(1)
    place = scratch()

    def play() -> Sample:
        clocked.seconds = 0.0
        result = carry_out(place / str(next(counter)), spec, of, threads=threads, device="cpu")
        return Sample(units=result.train_seconds / 100, seconds=clocked.seconds)

    return play

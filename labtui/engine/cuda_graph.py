"""A training step recorded once and replayed, so that a GPU gets one launch a step instead of about forty.

The recording follows PyTorch's rules for CUDA graphs: inputs, results and the learning rate lie at fixed places, the
first steps run as they are on a stream of their own, and random numbers advance as without it. Without a GPU at hand,
what surrounds the recording is tested on a CPU, by a recorder that just runs the step again; speed is unmeasured.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

WARM_UP = 3
"""Steps before the recording, in which libraries choose their algorithms and optimizers make their buffers."""

Step = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(images, labels, learning rate) to (loss, right answers), all on the device."""


class Device(Protocol):
    """What a recording needs of a device."""

    def aside(self, step: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Run a step outside of the main stream, as warm-up wants it."""
        ...

    def record(self, step: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Callable[[], None], tuple[Tensor, Tensor]]:
        """Record a step without running it: what replays it, and where its results will lie."""
        ...


class Cuda:
    """CUDA graphs."""

    def aside(self, step: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Run a step on a side stream."""
        main, side = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch has no type here
        side.wait_stream(main)
        with torch.cuda.stream(side):
            results = step()
        main.wait_stream(side)
        return results

    def record(self, step: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Callable[[], None], tuple[Tensor, Tensor]]:
        """Record a step as a CUDA graph."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = step()
        return graph.replay, results


class Replayed:
    """A step for batches of one size, from the fourth on by replay; other batches run as they are."""

    def __init__(self, step: Step, batch_size: int, device: Device, say: Callable[[str], None]) -> None:
        """Where the recording fails, `say` is told once and every step runs as it is."""
        self._step = step
        self._batch_size = batch_size
        self._device = device
        self._say = say
        self._warm_up = WARM_UP
        self._images: Tensor
        self._labels: Tensor
        self._rate: Tensor
        self._results: tuple[Tensor, Tensor]
        self._replay: Callable[[], None] | None = None
        self._failed = False

    def __call__(self, images: Tensor, labels: Tensor, rate: Tensor) -> tuple[Tensor, Tensor]:
        """Train on one batch."""
        if self._failed or len(labels) != self._batch_size:
            return self._step(images, labels, rate)
        if self._warm_up:
            self._warm_up -= 1
            return self._device.aside(lambda: self._step(images, labels, rate))
        if self._replay is None and not self._record(images, labels, rate):
            return self._step(images, labels, rate)
        assert self._replay is not None
        self._images.copy_(images)
        self._labels.copy_(labels)
        self._rate.copy_(rate)
        self._replay()
        loss, correct = self._results
        return loss.clone(), correct.clone()

    def _record(self, images: Tensor, labels: Tensor, rate: Tensor) -> bool:
        self._images, self._labels, self._rate = images.clone(), labels.clone(), rate.clone()
        try:
            self._replay, self._results = self._device.record(
                lambda: self._step(self._images, self._labels, self._rate)
            )
        except RuntimeError as fault:
            self._failed = True
            self._say(f"The step cannot be recorded as a CUDA graph and runs as it is: {fault}")
        return not self._failed

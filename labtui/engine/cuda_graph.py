"""A training step captured once as a CUDA graph and replayed: one launch per step instead of about forty.

The capture follows PyTorch's rules for CUDA graphs: inputs, results and the learning rate stay at fixed addresses, the
first steps run uncaptured on a side stream, and random numbers advance as without a graph. Without a GPU, everything
around the capture is tested on a CPU with a device that simply runs the step again.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

WARM_UP_STEPS = 3
"""Steps before the capture, in which libraries choose their algorithms and optimizers allocate their buffers."""

Step = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(images, labels, learning rate) to (loss, correct predictions), all on the device."""


class GraphDevice(Protocol):
    """What a capture needs from a device."""

    def warm_up(self, step: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Run a step outside of the main stream, as the warm-up requires."""
        ...

    def capture(self, step: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Callable[[], None], tuple[Tensor, Tensor]]:
        """Capture a step without running it. Returns a function that replays it, and where its results will be."""
        ...


class CudaGraphDevice:
    """CUDA graphs."""

    def warm_up(self, step: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """Run a step on a side stream."""
        main, side = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch has no type here
        side.wait_stream(main)
        with torch.cuda.stream(side):
            results = step()
        main.wait_stream(side)
        return results

    def capture(self, step: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Callable[[], None], tuple[Tensor, Tensor]]:
        """Capture a step as a CUDA graph."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            results = step()
        return graph.replay, results


class GraphedStep:
    """A step that is replayed from the fourth call on; batches of another size run uncaptured."""

    def __init__(self, step: Step, batch_size: int, device: GraphDevice, say: Callable[[str], None]) -> None:
        """If the capture fails, `say` is called once and every step runs uncaptured."""
        self._step = step
        self._batch_size = batch_size
        self._device = device
        self._say = say
        self._warm_up_steps_left = WARM_UP_STEPS
        self._images: Tensor
        self._labels: Tensor
        self._learning_rate: Tensor
        self._results: tuple[Tensor, Tensor]
        self._replay: Callable[[], None] | None = None
        self._failed = False

    def __call__(self, images: Tensor, labels: Tensor, learning_rate: Tensor) -> tuple[Tensor, Tensor]:
        """Train on one batch."""
        if self._failed or len(labels) != self._batch_size:
            return self._step(images, labels, learning_rate)
        if self._warm_up_steps_left:
            self._warm_up_steps_left -= 1
            return self._device.warm_up(lambda: self._step(images, labels, learning_rate))
        if self._replay is None and not self._capture(images, labels, learning_rate):
            return self._step(images, labels, learning_rate)
        assert self._replay is not None
        self._images.copy_(images)
        self._labels.copy_(labels)
        self._learning_rate.copy_(learning_rate)
        self._replay()
        loss, correct = self._results
        return loss.clone(), correct.clone()

    def _capture(self, images: Tensor, labels: Tensor, learning_rate: Tensor) -> bool:
        self._images, self._labels = images.clone(), labels.clone()
        self._learning_rate = learning_rate.clone()
        try:
            self._replay, self._results = self._device.capture(
                lambda: self._step(self._images, self._labels, self._learning_rate)
            )
        except RuntimeError as error:
            self._failed = True
            self._say(f"The training step cannot be captured as a CUDA graph and runs without one: {error}")
        return not self._failed

"""Images that stay where they are and are read batch by batch, by the workers of torch's DataLoader."""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from labtui.datasets.own import Pixels
from labtui.errors import LabError

MOST_WORKERS = 8
"""Processes that read and decode images, at most; one per CPU thread of the run."""


@dataclass(frozen=True, eq=False, slots=True)
class StreamedPixels:
    """A part of a data set's images: those with these numbers, in this order."""

    source: Pixels
    numbers: Tensor
    """int64, on the CPU."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, h, w, channels)."""
        _, channels, height, width = self.source.shape
        return len(self.numbers), height, width, channels

    def __getitem__(self, numbers: Tensor | slice) -> "StreamedPixels":
        """The images with these numbers."""
        index = numbers if isinstance(numbers, slice) else numbers.cpu()
        return StreamedPixels(self.source, self.numbers[index])

    def chunks(self, rows: Sequence[Tensor]) -> Iterator[Tensor]:
        """The images of each list of rows, on the CPU: uint8, (k, h, w, channels)."""
        workers = min(MOST_WORKERS, torch.get_num_threads(), len(rows))
        loader = DataLoader(
            _Chunks(self.source, [self.numbers[chunk] for chunk in rows]),
            batch_size=None,
            num_workers=workers if workers > 1 else 0,
            worker_init_fn=_leave_signals_to_the_engine,
            generator=torch.Generator(),  # else it would draw from the generator that dropout uses
        )
        for images in loader:
            if isinstance(images, LabError):
                raise images
            yield images


class _Chunks(Dataset["Tensor | LabError"]):
    def __init__(self, source: Pixels, numbers: Sequence[Tensor]) -> None:
        self.source = source
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Tensor | LabError:
        try:
            images = self.source.read(self.numbers[index].numpy())
        except LabError as error:
            return error  # raised there, it would come back as the text of a traceback
        return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 2, 3, 1)))


def _leave_signals_to_the_engine(_: int) -> None:
    """A stop reaches the whole process group; the engine finishes its step, for which it needs its workers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)

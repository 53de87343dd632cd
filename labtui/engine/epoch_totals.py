"""The losses and right answers of one epoch, step by step, read from the device as seldom as possible."""

import torch
from torch import Tensor

from labtui.engine.evaluate import percent, report_loss_of_batches


class Tally:
    """What an epoch has given so far. The scalars of the last steps wait on the device until they are read."""

    def __init__(self, samples: int, batch_size: int) -> None:
        """`samples` of an epoch, in batches of `batch_size`; the last one may be smaller."""
        self.samples = samples
        self.batch_size = batch_size
        self.losses: list[float] = []
        self.correct: list[int] = []
        self._waiting: list[tuple[Tensor, Tensor]] = []

    @property
    def done(self) -> int:
        """Steps of the epoch that are done, read or not."""
        return len(self.losses) + len(self._waiting)

    def add(self, loss: Tensor, correct: Tensor) -> None:
        """One step, without reading it."""
        self._waiting.append((loss, correct))

    def read(self) -> range:
        """Bring what waits to the host; which steps, from 0, these were."""
        known = len(self.losses)
        if self._waiting:
            self.losses += torch.stack([loss for loss, _ in self._waiting]).tolist()
            self.correct += torch.stack([correct for _, correct in self._waiting]).tolist()
            self._waiting.clear()
        return range(known, len(self.losses))

    def restore(self, losses: Tensor, correct: Tensor) -> None:
        """Take up a saved epoch. Raises ValueError where this epoch cannot have had so many steps."""
        if not len(losses) == len(correct) <= -(-self.samples // self.batch_size):
            raise ValueError(f"it has {len(losses)} steps in one epoch, which this run does not have")
        self.losses, self.correct = losses.tolist(), correct.tolist()

    def batch_accuracy(self, step: int) -> float:
        """Of one step that was read, in percent."""
        return percent(self.correct[step], min(self.batch_size, self.samples - step * self.batch_size))

    @property
    def accuracy(self) -> float:
        """Of the whole epoch, counted before each update, in percent."""
        return percent(sum(self.correct), self.samples)

    @property
    def report_loss(self) -> float:
        """The report's Train Loss."""
        return report_loss_of_batches(torch.tensor(self.losses), self.samples)

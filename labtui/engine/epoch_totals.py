"""The losses and correct predictions of one epoch, step by step, read from the device as rarely as possible."""

import torch
from torch import Tensor

from labtui.engine.evaluate import percent, report_loss_of_batches


class EpochTotals:
    """What an epoch has produced so far. The scalars of the latest steps stay on the device until `read`."""

    def __init__(self, samples: int, batch_size: int) -> None:
        """`samples` is the number per epoch, read in batches of `batch_size`; the last batch may be smaller."""
        self.samples = samples
        self.batch_size = batch_size
        self.losses: list[float] = []
        self.correct: list[int] = []
        self._unread: list[tuple[Tensor, Tensor]] = []

    @property
    def steps_done(self) -> int:
        """Steps of the epoch that are done, read or not."""
        return len(self.losses) + len(self._unread)

    def add(self, loss: Tensor, correct: Tensor) -> None:
        """Add one step without reading it from the device."""
        self._unread.append((loss, correct))

    def read(self) -> range:
        """Copy all unread steps to the host. Returns their indices in the epoch, from 0."""
        known = len(self.losses)
        if self._unread:
            self.losses += torch.stack([loss for loss, _ in self._unread]).tolist()
            self.correct += torch.stack([correct for _, correct in self._unread]).tolist()
            self._unread.clear()
        return range(known, len(self.losses))

    def restore(self, losses: Tensor, correct: Tensor) -> None:
        """Continue a saved epoch. Raises ValueError if this epoch cannot have that many steps."""
        if not len(losses) == len(correct) <= -(-self.samples // self.batch_size):
            raise ValueError(f"it has {len(losses)} steps in one epoch, which this run does not have")
        self.losses, self.correct = losses.tolist(), correct.tolist()

    def batch_accuracy(self, step: int) -> float:
        """Accuracy of one step that was read, in percent; `step` counts from 0 in the epoch."""
        return percent(self.correct[step], min(self.batch_size, self.samples - step * self.batch_size))

    @property
    def accuracy(self) -> float:
        """Accuracy over the whole epoch, counted before each update, in percent."""
        return percent(sum(self.correct), self.samples)

    @property
    def report_loss(self) -> float:
        """The report's Train Loss."""
        return report_loss_of_batches(torch.tensor(self.losses), self.samples)

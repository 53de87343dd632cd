"""What a network says about a set of images: in large batches, whatever batches its losses are then averaged over."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from labtui.engine.data import Reading

BATCH = {"cpu": 512, "cuda": 4096, "mps": 2048}
"""Images of one batch, where only speed decides: on a CPU, what the caches hold."""


@dataclass(frozen=True, eq=False, slots=True)
class Answers:
    """Per image, in the order asked: on the CPU."""

    labels: Tensor
    """int64."""
    predicted: Tensor
    """int64."""
    losses: Tensor
    """float32: cross-entropy, which is minus the log-probability of the true class."""

    @property
    def accuracy(self) -> float:
        """Percent."""
        return percent(int((self.predicted == self.labels).sum()), len(self.labels))

    @property
    def mean_loss(self) -> float:
        """Mean cross-entropy of an image."""
        return float(self.losses.double().mean())


@dataclass(frozen=True, eq=False, slots=True)
class Examiner:
    """Asks a network about images, in the mode (train or eval) that it is in."""

    network: nn.Module
    prepare: Callable[[Tensor], Tensor]
    """Bytes to what the network reads."""
    precision: Callable[[], AbstractContextManager[object]]
    moved: Callable[[int], None]
    """Called after each batch with its number of images: a sign of life."""

    @torch.inference_mode()
    def ask(self, reading: Reading, order: Tensor, batch_size: int) -> Answers:
        """The network's answers for samples, in the order given (int64 numbers on the CPU)."""
        labels, predicted, losses = [], [], []
        for images, truth in reading.batches(order, batch_size):
            with self.precision():
                logits = self.network(self.prepare(images))
            logits = logits.float()
            labels.append(truth)
            predicted.append(logits.argmax(dim=1))
            losses.append(F.cross_entropy(logits, truth, reduction="none"))
            self.moved(len(truth))
        return Answers(torch.cat(labels).cpu(), torch.cat(predicted).cpu(), torch.cat(losses).cpu())


def report_loss(losses: Tensor, batch_size: int) -> float:
    """The report's loss of a set whose batches are these per-image losses in turn (its Test Loss).

    sqrt(sum over batches of the batch-mean loss / number of samples): the last, smaller batch weighs as much as a full
    one, and the value depends on the batch size.
    """
    whole = len(losses) // batch_size * batch_size
    means = losses[:whole].view(-1, batch_size).mean(dim=1)
    if whole < len(losses):
        means = torch.cat((means, losses[whole:].mean().view(1)))
    return report_loss_of_batches(means, len(losses))


def report_loss_of_batches(means: Tensor, samples: int) -> float:
    """The same from the batches' mean losses (its Train Loss)."""
    return math.sqrt(float(means.double().sum()) / samples)


def percent(part: int, whole: int) -> float:
    """Percent; 0 of nothing."""
    return 100.0 * part / whole if whole else 0.0

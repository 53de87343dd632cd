"""Evaluates a network on a set of images, in batches that are larger than those that losses are averaged over."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor, nn

from labtui.engine.data import EpochSamples

EVAL_BATCH_SIZE = {"cpu": 512, "cuda": 4096, "mps": 2048}
"""Batch size by kind of device, chosen for speed alone: on a CPU, what fits into the caches."""


@dataclass(frozen=True, eq=False, slots=True)
class Evaluation:
    """Per-image results, on the CPU, in the order of evaluation."""

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
        """Mean cross-entropy per image."""
        return float(self.losses.double().mean())


@dataclass(frozen=True, eq=False, slots=True)
class Evaluator:
    """Runs a network on images, in whichever mode (train or eval) it is in."""

    network: nn.Module
    transform: Callable[[Tensor], Tensor]
    """From bytes to what the network reads."""
    precision: Callable[[], AbstractContextManager[object]]
    on_batch: Callable[[int], None]
    """Called after each batch with its number of images."""

    @torch.inference_mode()
    def evaluate(self, samples: EpochSamples, order: Tensor, batch_size: int) -> Evaluation:
        """Evaluate the samples with these indices, in the given order (int64, on the CPU)."""
        all_labels, predicted, losses = [], [], []
        for images, labels in samples.batches(order, batch_size):
            with self.precision():
                logits = self.network(self.transform(images))
            logits = logits.float()
            all_labels.append(labels)
            predicted.append(logits.argmax(dim=1))
            losses.append(F.cross_entropy(logits, labels, reduction="none"))
            self.on_batch(len(labels))
        return Evaluation(torch.cat(all_labels).cpu(), torch.cat(predicted).cpu(), torch.cat(losses).cpu())


def report_loss(losses: Tensor, batch_size: int) -> float:
    """The report's Test Loss, from per-image losses in the order of its batches.

    It is sqrt(sum over batches of the batch-mean loss / number of samples): the last, smaller batch weighs as much as a
    full one, and the value depends on the batch size.
    """
    whole = len(losses) // batch_size * batch_size
    means = losses[:whole].view(-1, batch_size).mean(dim=1)
    if whole < len(losses):
        means = torch.cat((means, losses[whole:].mean().view(1)))
    return report_loss_of_batches(means, len(losses))


def report_loss_of_batches(means: Tensor, samples: int) -> float:
    """The same from the batches' mean losses (the report's Train Loss)."""
    return math.sqrt(float(means.double().sum()) / samples)


def percent(part: int, whole: int) -> float:
    """Percent; 0 if `whole` is 0."""
    return 100.0 * part / whole if whole else 0.0

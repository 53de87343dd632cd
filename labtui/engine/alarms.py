"""What a person should look at in a run under way, as clauses that begin with what it is. Pure.

*Not learning* has two faces. A run that has *not started* is at chance while its loss still falls: more epochs or a
larger rate may do. A *dead* one is at chance while its loss stands still: nothing will come of it.
"""

import math
from collections.abc import Iterable, Sequence

EPOCHS_AT_CHANCE = 3
"""So many epochs at chance in a row are no bad luck."""

LOW_DISK = 1 << 30
"""Bytes free on a disk below which it is low: a few checkpoints of a mid-sized network."""

_FALLING = -3.0
"""A slope this many standard errors below zero is a fall."""

_FEWEST = 4


class Vigil:
    """Watches whether a run learns, epoch by epoch of one attempt."""

    def __init__(self, classes: int, images: int) -> None:
        """`classes` of the data set; accuracies are those of `images` images."""
        self._classes, self._images = classes, images
        self._accuracies: list[float] = []
        self._losses: list[float] = []

    def look(self, accuracy: float, loss: float) -> str:
        """After an epoch: what is wrong, empty where nothing is. Accuracy in percent."""
        self._accuracies.append(accuracy)
        self._losses.append(loss)
        return not_learning(self._accuracies, self._losses, self._classes, self._images)


def not_learning(accuracies: Sequence[float], losses: Sequence[float], classes: int, images: int) -> str:
    """What is wrong with a run that has had these accuracies, in percent, and losses; empty where it learns."""
    latest = accuracies[-EPOCHS_AT_CHANCE:]
    if classes < 2 or len(latest) < EPOCHS_AT_CHANCE:
        return ""
    if not all(at_chance(percent, classes, images) for percent in latest):
        return ""
    where = f"{latest[-1]:.2f}% with {classes} classes, at chance for {EPOCHS_AT_CHANCE} epochs"
    falling = is_falling(losses)
    if falling is None:
        return f"not learning: {where}"
    return f"not started: {where}, but the loss still falls" if falling else f"dead: {where}, and the loss stands still"


def disk_low(free: int) -> str:
    """What to say where so many bytes are free on the disk of the run; empty where that is enough."""
    if free >= LOW_DISK:
        return ""
    return f"disk low: {free / (1 << 20):,.0f} MiB are free; checkpoints may not fit"


def at_chance(percent: float, classes: int, images: int) -> bool:
    """Whether an accuracy is that of guessing, within three standard errors of a set of so many images."""
    share = 1 / classes
    return abs(percent - 100 * share) <= 300 * math.sqrt(share * (1 - share) / max(images, 1))


def is_falling(losses: Iterable[float]) -> bool | None:
    """Whether the second half of a curve still falls, by its least-squares slope; None where too few points tell.

    Of fewer than eight points all count. NaN and infinities are passed over; the rest
    are float32 numbers, whose squares a float holds.
    """
    numbers = [loss for loss in losses if math.isfinite(loss)]
    half = numbers[len(numbers) // 2 :] if len(numbers) >= 2 * _FEWEST else numbers
    if len(half) < _FEWEST:
        return None
    middle, mean = (len(half) - 1) / 2, math.fsum(half) / len(half)
    spread = math.fsum((place - middle) ** 2 for place in range(len(half)))
    slope = math.fsum((place - middle) * (loss - mean) for place, loss in enumerate(half)) / spread
    rest = math.fsum((loss - mean - slope * (place - middle)) ** 2 for place, loss in enumerate(half))
    error = math.sqrt(rest / (len(half) - 2) / spread)
    return slope < 0 and (error == 0 or slope / error < _FALLING)

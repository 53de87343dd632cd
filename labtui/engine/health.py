"""What a person should look at in a run under way, as clauses that begin with what it is. Pure.

*Not learning* has two faces. A run that has *not started* is at chance while its loss still falls: more epochs or a
larger rate may do. A *dead* one is at chance while its loss stands still: nothing will come of it.
"""

from collections.abc import Sequence

from labtui.learning import at_chance, is_falling
from labtui.text.sizes import size

EPOCHS_AT_CHANCE = 3
"""So many epochs at chance in a row are no bad luck."""

LOW_DISK = 1 << 30
"""Bytes free on a disk below which it is low: a few checkpoints of a mid-sized network."""


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
    return f"disk low: {size(free)} are free; checkpoints may not fit"

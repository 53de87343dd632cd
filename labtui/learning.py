"""Whether the numbers of a run show that it learns. Pure, and without numpy: the engine asks after every epoch."""

import math
from collections.abc import Iterable

_FALLING = -3.0
"""A slope this many standard errors below zero is a fall."""

_FEWEST = 4
"""Points below which a slope says nothing."""


def at_chance(percent: float, classes: int, images: int) -> bool:
    """Whether an accuracy in percent is that of guessing, within three standard errors of a test set of this size."""
    share = 1 / classes
    return abs(percent - 100 * share) <= 300 * math.sqrt(share * (1 - share) / max(images, 1))


def is_falling(losses: Iterable[float]) -> bool | None:
    """Whether the second half of a loss curve still falls, by its least-squares slope; None with too few points.

    Below eight points all of them count. NaN and infinities are ignored; the other values are float32 numbers, whose
    squares fit a float.
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

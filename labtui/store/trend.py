"""Whether a curve still goes down."""

import math
from collections.abc import Iterable

_FALLING = -3.0
"""A slope this many standard errors below zero is a fall."""

_FEWEST = 4


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

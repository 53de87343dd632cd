"""Whether the numbers of a run show that it learns. Pure, and without numpy: the engine asks after every epoch."""

import math
from collections.abc import Iterable
from itertools import pairwise

_FALLING = -3.0
"""A slope this many standard errors below zero is a fall."""

_FEWEST = 4
"""Points below which a slope says nothing."""

_BLOCKS = 8
"""A longer half of a curve is averaged in so many blocks before its steps are looked at."""

_STEP_BOUNDS = (4.303, 3.182, 2.776, 2.571, 2.447)
"""Student's t at 97.5% for 3 to 7 steps between the blocks."""


def at_chance(percent: float, classes: int, images: int) -> bool:
    """Whether an accuracy in percent is that of guessing, within three standard errors of a test set of this size."""
    share = 1 / classes
    return abs(percent - 100 * share) <= 300 * math.sqrt(share * (1 - share) / max(images, 1))


def is_falling(losses: Iterable[float]) -> bool | None:
    """Whether the second half of a loss curve still falls; None with too few points, and where it is not known.

    It does not if its least-squares slope is not clearly below zero. A curve that wanders has such a slope by chance,
    since its points are not independent: it falls only if its steps, too, are below zero by a t test (a random walk
    passes both in at most 6 of 100 cases). Below eight points all of them count, below sixteen all steps do. NaN and
    infinities are ignored; the other values are float32 numbers, whose squares fit a float.
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
    if not (slope < 0 and (error == 0 or slope / error < _FALLING)):
        return False
    return True if _steps_fall(half if len(half) >= _BLOCKS else numbers) else None


def _steps_fall(numbers: list[float]) -> bool:
    """Whether the steps between the points, or between means of blocks of them, have a mean below zero."""
    count = min(len(numbers), _BLOCKS)
    edges = [place * len(numbers) // count for place in range(count + 1)]
    means = [math.fsum(numbers[start:end]) / (end - start) for start, end in pairwise(edges)]
    steps = [after - before for before, after in pairwise(means)]
    mean = math.fsum(steps) / len(steps)
    error = math.sqrt(math.fsum((step - mean) ** 2 for step in steps) / (len(steps) - 1) / len(steps))
    return mean < 0 and (error == 0 or mean / error < -_STEP_BOUNDS[len(steps) - 3])

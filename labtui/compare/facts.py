"""What a cell's runs recorded about themselves, as one value per cell."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from labtui.compare.cells import Cell
from labtui.compare.rows import Budget, SeedValue

if TYPE_CHECKING:
    from labtui.store.records import Result


def values(cell: Cell, tag: str) -> tuple[SeedValue, ...]:
    """The last value of a tag per seed; runs without a finite one are left out."""
    found = []
    for run in cell.runs:
        last = run.result.last.get(tag) if run.result else None
        if run.spec and last is not None and abs(last.number) < float("inf"):
            found.append(SeedValue(seed=run.spec.seed, run=run.id, value=last.number))
    return tuple(found)


def mean(numbers: Iterable[float]) -> float | None:
    """The mean; None of nothing."""
    collected = list(numbers)
    return sum(collected) / len(collected) if collected else None


def mean_and_sd(numbers: Sequence[float]) -> tuple[float | None, float | None]:
    """Mean and standard deviation (n - 1), as far as there are enough numbers."""
    middle = mean(numbers)
    if middle is None or len(numbers) < 2:
        return middle, None
    return middle, math.sqrt(sum((number - middle) ** 2 for number in numbers) / (len(numbers) - 1))


def mean_of(cell: Cell, tag: str) -> float | None:
    """The mean over seeds of the last value of a tag."""
    return mean(one.value for one in values(cell, tag))


def budget(cell: Cell) -> Budget:
    """What the cell's runs cost."""
    models = [run.result.model for run in cell.runs if run.result and run.result.model]
    return Budget(
        epochs=_mean(cell, lambda result: result.epochs),
        steps=_mean(cell, lambda result: result.steps),
        images_seen=_mean(cell, lambda result: result.images_seen),
        train_images=_mean(cell, lambda result: result.train_images),
        test_images=plain_test_images(cell),
        seconds=_mean(cell, lambda result: result.train_seconds or result.seconds),
        images_per_second=_mean(cell, lambda result: result.images_per_second),
        parameters=models[-1].parameters if models else None,
        flops_per_image=models[-1].flops_per_image if models else None,
    )


def plain_train_images(cell: Cell) -> int | None:
    """Training images before any augmented ones are appended."""
    images = train_samples(cell)
    augment = cell.spec.data.augment
    return images // 2 if images and augment and augment.mode == "append" else images


def train_samples(cell: Cell) -> int | None:
    """Samples of one epoch, appended ones counted in."""
    return _latest(cell, lambda result: result.train_images)


def report_test_images(cell: Cell) -> int | None:
    """Images of the report's test set, appended ones counted in."""
    images, augment = plain_test_images(cell), cell.spec.data.augment
    appends = cell.spec.protocol == "report" and augment is not None and augment.test and augment.mode == "append"
    return 2 * images if images and appends else images


def plain_test_images(cell: Cell) -> int | None:
    """Images of the plain test set."""
    return _latest(cell, lambda result: result.test_images)


def _mean(cell: Cell, fact: Callable[["Result"], float]) -> float | None:
    return mean(fact(run.result) for run in cell.runs if run.result and fact(run.result))


def _latest(cell: Cell, fact: Callable[["Result"], int]) -> int | None:
    return next((fact(run.result) for run in reversed(cell.runs) if run.result and fact(run.result)), None)

"""Two trained networks on the same test images, and accuracy per class."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from labtui.compare.model import ImageTest
from labtui.compare.statistics import mcnemar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.compare.cells import Cell
    from labtui.compare.run_data import RunData
    from labtui.store.predictions import Predictions


def image_test(here: "Predictions", there: "Predictions", seed: int) -> ImageTest | None:
    """Images that only one of two networks classifies correctly; None if the images are not the same."""
    if not np.array_equal(here.labels, there.labels):
        return None
    right, before = here.predicted == here.labels, there.predicted == there.labels
    fixes, breaks = int(np.sum(right & ~before)), int(np.sum(~right & before))
    return ImageTest(seed=seed, images=len(here.labels), fixes=fixes, breaks=breaks, p=mcnemar(fixes, breaks))


def class_accuracy(predictions: "Predictions", classes: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Percent of each class's images that are classified correctly; NaN for a class without images."""
    labels = np.clip(predictions.labels, 0, classes)
    of_class = np.bincount(labels, minlength=classes + 1)[:classes]
    right = np.bincount(labels[predictions.predicted == predictions.labels], minlength=classes + 1)[:classes]
    with np.errstate(invalid="ignore", divide="ignore"):
        return 100 * right / of_class


def compare_images(here: "Cell", there: "Cell", run_data: "RunData") -> ImageTest | None:
    """The image test of the first seed for which both cells have predictions; None without such a seed."""
    for seed, ours, theirs in _pairs(here, there, run_data):
        if test := image_test(ours, theirs, seed):
            return test
    return None


class PerClass(NamedTuple):
    """One value per class, over seeds."""

    mean: tuple[float, ...] = ()
    """Empty without predictions."""
    error: tuple[float, ...] = ()
    """Standard error over seeds; empty below two seeds."""
    seeds: int = 0


def class_deltas(here: "Cell", there: "Cell", classes: int, run_data: "RunData") -> PerClass:
    """Difference of the accuracy per class in points, over the seeds for which both cells have predictions."""
    deltas = [
        class_accuracy(ours, classes) - class_accuracy(theirs, classes)
        for _, ours, theirs in _pairs(here, there, run_data)
        if np.array_equal(ours.labels, theirs.labels)
    ]
    return _over_seeds(deltas)


def class_accuracies(cell: "Cell", classes: int, run_data: "RunData") -> PerClass:
    """Accuracy per class in percent, over the cell's runs that have predictions."""
    return _over_seeds(
        [class_accuracy(predictions, classes) for run in cell.runs if (predictions := run_data.predictions(run))]
    )


def _over_seeds(values: "Sequence[np.ndarray[tuple[int], np.dtype[np.float64]]]") -> PerClass:
    if not values:
        return PerClass()
    mean = tuple(map(float, np.mean(values, axis=0)))
    if len(values) < 2:
        return PerClass(mean, seeds=1)
    error = np.std(values, axis=0, ddof=1) / len(values) ** 0.5
    return PerClass(mean, tuple(map(float, error)), len(values))


def _pairs(here: "Cell", there: "Cell", run_data: "RunData") -> "list[tuple[int, Predictions, Predictions]]":
    theirs = {run.spec.seed: run for run in there.runs if run.spec}
    pairs = []
    for run in here.runs:
        if run.spec and run.spec.seed in theirs:
            here_predictions = run_data.predictions(run)
            there_predictions = run_data.predictions(theirs[run.spec.seed])
            if here_predictions and there_predictions:
                pairs.append((run.spec.seed, here_predictions, there_predictions))
    return pairs

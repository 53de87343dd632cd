"""Two trained networks on the same test images, and accuracy class by class."""

from typing import TYPE_CHECKING

import numpy as np

from labtui.compare.model import ImageTest
from labtui.compare.statistics import mcnemar

if TYPE_CHECKING:
    from labtui.compare.cells import Cell
    from labtui.compare.run_data import Evidence
    from labtui.store.predictions import Predictions


def image_test(here: "Predictions", there: "Predictions", seed: int) -> ImageTest | None:
    """How many images one network gets right and the other wrong; None where they were not shown the same images."""
    if not np.array_equal(here.labels, there.labels):
        return None
    right, before = here.predicted == here.labels, there.predicted == there.labels
    fixes, breaks = int(np.sum(right & ~before)), int(np.sum(~right & before))
    return ImageTest(seed=seed, images=len(here.labels), fixes=fixes, breaks=breaks, p=mcnemar(fixes, breaks))


def class_accuracy(predictions: "Predictions", classes: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Percent right of each class's images; NaN for a class without images."""
    labels = np.clip(predictions.labels, 0, classes)
    of_class = np.bincount(labels, minlength=classes + 1)[:classes]
    right = np.bincount(labels[predictions.predicted == predictions.labels], minlength=classes + 1)[:classes]
    with np.errstate(invalid="ignore", divide="ignore"):
        return 100 * right / of_class


def compare_images(here: "Cell", there: "Cell", evidence: "Evidence") -> ImageTest | None:
    """The image test of the first seed that both cells have predictions of."""
    for seed, ours, theirs in _pairs(here, there, evidence):
        if found := image_test(ours, theirs, seed):
            return found
    return None


def class_deltas(here: "Cell", there: "Cell", classes: int, evidence: "Evidence") -> tuple[float, ...]:
    """Difference of the accuracy per class in points, mean over the seeds that both cells have predictions of."""
    deltas = [
        class_accuracy(ours, classes) - class_accuracy(theirs, classes)
        for _, ours, theirs in _pairs(here, there, evidence)
        if np.array_equal(ours.labels, theirs.labels)
    ]
    return tuple(map(float, np.mean(deltas, axis=0))) if deltas else ()


def mean_class_accuracy(cell: "Cell", classes: int, evidence: "Evidence") -> tuple[float, ...]:
    """Accuracy per class in percent, mean over the cell's runs that have predictions."""
    found = [evidence.predictions(run) for run in cell.runs]
    shares = [class_accuracy(predictions, classes) for predictions in found if predictions]
    return tuple(map(float, np.mean(shares, axis=0))) if shares else ()


def _pairs(here: "Cell", there: "Cell", evidence: "Evidence") -> "list[tuple[int, Predictions, Predictions]]":
    theirs = {run.spec.seed: run for run in there.runs if run.spec}
    found = []
    for run in here.runs:
        if run.spec and run.spec.seed in theirs:
            one, other = evidence.predictions(run), evidence.predictions(theirs[run.spec.seed])
            if one and other:
                found.append((run.spec.seed, one, other))
    return found

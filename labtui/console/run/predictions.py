"""The predictions of a run for the test images, counted by class. No Textual here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.errors import LabError
from labtui.store.files import DamagedFile
from labtui.store.predictions import Predictions, read_predictions
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.clean import clean_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_CLASSES = 200
"""A confusion matrix of more classes cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class RunPredictions:
    """The predictions of one run; without `matrix`, `note` says why there are none."""

    run_id: str
    note: str = ""
    classes: tuple[str, ...] = ()
    matrix: "NDArray[np.int64] | None" = None
    """Images per (true class, predicted class)."""
    cross_entropy: float = float("nan")
    """Mean over the images, in nats."""

    @property
    def images(self) -> int:
        """Number of test images."""
        return 0 if self.matrix is None else int(self.matrix.sum())

    @property
    def accuracy(self) -> float:
        """Percent."""
        return 0.0 if self.matrix is None else 100.0 * float(self.matrix.trace()) / max(1, self.images)

    @property
    def per_class(self) -> tuple[float, ...]:
        """Percent of each true class; NaN where it has no images."""
        if self.matrix is None:
            return ()
        return tuple(
            100.0 * int(self.matrix[at, at]) / int(row.sum()) if row.sum() else float("nan")
            for at, row in enumerate(self.matrix)
        )

    def mistakes(self, count: int) -> list[tuple[str, str, int]]:
        """The most frequent mistakes: (true class, predicted class, images)."""
        if self.matrix is None:
            return []
        wrong = self.matrix.copy()
        for at in range(len(wrong)):
            wrong[at, at] = 0
        order = wrong.ravel().argsort(kind="stable")[::-1][:count]
        places = [divmod(int(index), len(wrong)) for index in order]
        return [(self.classes[a], self.classes[b], int(wrong[a, b])) for a, b in places if wrong[a, b]]


def read_test_predictions(run: Run) -> RunPredictions:
    """Read a run's predictions; a missing or damaged file gives a note."""
    if not run.has_own_tags:
        whose = "a run of another tool" if run.foreign else "a program of yours"
        return RunPredictions(run.id, f"{whose}: it has no predictions of single images")
    try:
        predictions = read_predictions(run.paths.predictions)
    except FileNotFoundError:
        return RunPredictions(run.id, _absent(run))
    except (OSError, DamagedFile) as error:
        return RunPredictions(run.id, f"the predictions cannot be read: {clean_line(str(error))}")
    return count(run.id, predictions, _class_names(run))


def count(run_id: str, predictions: Predictions, names: Sequence[str]) -> RunPredictions:
    """Count labels against predictions; classes without a name get a number."""
    import numpy as np  # deferred: only the calling thread needs it

    labels, predicted = predictions.labels, predictions.predicted
    if not labels.size:
        return RunPredictions(run_id, "the predictions file has no images")
    classes = max(len(names), int(labels.max()) + 1, int(predicted.max()) + 1)
    if min(int(labels.min()), int(predicted.min())) < 0 or classes > MOST_CLASSES:
        return RunPredictions(run_id, f"the predictions have classes outside 0 to {MOST_CLASSES - 1}")
    matrix = np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    entropy = -float(predictions.log_probability.astype(np.float64).mean())
    named = (*names, *(f"class {index}" for index in range(len(names), classes)))
    return RunPredictions(run_id, "", tuple(clean_line(name, 20) for name in named), matrix, entropy)


def _absent(run: Run) -> str:
    if run.state.is_active or run.state is State.QUEUED:
        return "the test images are evaluated once, at the end"
    return f"{run.state}: the test images were not evaluated"


def _class_names(run: Run) -> tuple[str, ...]:
    from labtui import datasets

    if run.spec is None:
        return ()
    try:
        return datasets.get(run.spec.dataset).classes
    except LabError:  # a data set that this version does not know
        return ()

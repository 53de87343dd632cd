"""What a trained network said about the test images: its confusions, class by class. Knows no screen."""

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
"""More than these are no confusion matrix that anybody reads."""


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """The test images of one run; without `matrix`, `note` says why there are none."""

    run_id: str
    note: str = ""
    classes: tuple[str, ...] = ()
    matrix: "NDArray[np.int64] | None" = None
    """Images per (true class, predicted class)."""
    cross_entropy: float = float("nan")
    """Mean over the images, in nats."""

    @property
    def images(self) -> int:
        """How many."""
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

    def confusions(self, count: int) -> list[tuple[str, str, int]]:
        """The most frequent mistakes: (true class, predicted class, images)."""
        if self.matrix is None:
            return []
        wrong = self.matrix.copy()
        for at in range(len(wrong)):
            wrong[at, at] = 0
        order = wrong.ravel().argsort(kind="stable")[::-1][:count]
        places = [divmod(int(index), len(wrong)) for index in order]
        return [(self.classes[a], self.classes[b], int(wrong[a, b])) for a, b in places if wrong[a, b]]


def read_predicted(run: Run) -> Predicted:
    """Read a run's predictions; a file that is absent or damaged is a note, not a fault."""
    if run.foreign:
        return Predicted(run.id, "another tool's run: it says nothing about single images")
    try:
        found = read_predictions(run.paths.predictions)
    except FileNotFoundError:
        return Predicted(run.id, _absent(run))
    except (OSError, DamagedFile) as fault:
        return Predicted(run.id, f"the predictions cannot be read: {clean_line(str(fault))}")
    return count(run.id, found, _class_names(run))


def count(run_id: str, found: Predictions, names: Sequence[str]) -> Predicted:
    """Count labels against predictions; classes without a name get a number."""
    import numpy as np  # deferred: the caller is a worker, the screen has no need of it

    labels, predicted = found.labels, found.predicted
    if not labels.size:
        return Predicted(run_id, "the predictions are of no image at all")
    classes = max(len(names), int(labels.max()) + 1, int(predicted.max()) + 1)
    if min(int(labels.min()), int(predicted.min())) < 0 or classes > MOST_CLASSES:
        return Predicted(run_id, f"the predictions name classes beyond 0 to {MOST_CLASSES - 1}")
    matrix = np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)
    entropy = -float(found.log_probability.astype(np.float64).mean())
    named = (*names, *(f"class {index}" for index in range(len(names), classes)))
    return Predicted(run_id, "", tuple(clean_line(name, 20) for name in named), matrix, entropy)


def _absent(run: Run) -> str:
    if run.state.is_active or run.state is State.QUEUED:
        return "the plain test images are read once, at the end"
    return f"{run.state}: the test images were not read"


def _class_names(run: Run) -> tuple[str, ...]:
    from labtui import datasets

    if run.spec is None:
        return ()
    try:
        return datasets.get(run.spec.data.name).classes
    except LabError:  # a data set that this labtui does not know
        return ()

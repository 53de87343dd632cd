"""Where compare reads files: the curves and predictions of runs, each when it is first asked for."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from labtui.store.files import DamagedFile
from labtui.store.paths import RunPaths
from labtui.store.predictions import Predictions, read_predictions

if TYPE_CHECKING:
    from labtui.compare.cells import Cell
    from labtui.store.curve import Curve
    from labtui.store.run import Run


def _curves(folder: Path) -> Mapping[str, "Curve"]:
    from labtui.store.curve_cache import CurveCache  # deferred: numpy, and most tables need no curve
    from labtui.store.reader import read_curves

    return read_curves(folder, CurveCache.of_user(os.environ))


def _predictions(folder: Path) -> Predictions:
    return read_predictions(RunPaths(folder).predictions)


class RunData:
    """Curves and predictions of runs. Each file is read once, and again after its run has changed.

    Keep one instance for several tables.
    """

    def __init__(
        self,
        curves: Callable[[Path], Mapping[str, "Curve"]] = _curves,
        predictions: Callable[[Path], Predictions] = _predictions,
    ) -> None:
        self._read_curves = curves
        self._read_predictions = predictions
        self._curves: dict[tuple[Path, float], Mapping[str, Curve]] = {}
        self._predictions: dict[tuple[Path, float], Predictions | None] = {}

    def curves(self, run: "Run") -> Mapping[str, "Curve"]:
        """All curves of a run by tag; empty if its event files cannot be read."""
        key = (run.folder, run.modified)
        if key not in self._curves:
            try:
                self._curves[key] = self._read_curves(run.folder)
            except (OSError, DamagedFile):
                self._curves[key] = {}
        return self._curves[key]

    def predictions(self, run: "Run") -> Predictions | None:
        """The run's predictions; None if it has none or they cannot be read."""
        key = (run.folder, run.modified)
        if key not in self._predictions:
            try:
                self._predictions[key] = self._read_predictions(run.folder)
            except (OSError, DamagedFile):
                self._predictions[key] = None
        return self._predictions[key]

    def without_predictions(self) -> "RunData":
        """The same curves, as if no run had predictions."""

        def unreadable(folder: Path) -> Predictions:
            raise FileNotFoundError(folder)

        other = RunData(self._read_curves, unreadable)
        other._curves = self._curves
        return other

    def class_count(self, cell: "Cell") -> int:
        """Number of classes in the predictions of a cell's runs; 0 without predictions."""
        for run in cell.runs:
            if predictions := self.predictions(run):
                return int(predictions.labels.max(initial=-1)) + 1
        return 0

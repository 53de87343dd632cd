"""Runs that did not learn: dead, or not started yet."""

from typing import TYPE_CHECKING

import numpy as np

from labtui.compare.model import Finding, Grade
from labtui.learning import at_chance, is_falling
from labtui.store import tags
from labtui.text import numbers

if TYPE_CHECKING:
    from labtui.compare.cells import Cell
    from labtui.compare.run_data import Evidence
    from labtui.store.curve import Curve
    from labtui.store.run import Run

CLASSES = 10
"""Of every data set that is registered."""

_ACCURACIES = (tags.TEST_ACCURACY, tags.REPORT_TEST_ACCURACY, tags.VAL_ACCURACY)
_TRAIN_ACCURACIES = (tags.REPORT_TRAIN_ACCURACY, tags.TRAIN_ACCURACY)
_LOSSES = (tags.REPORT_TRAIN_LOSS, tags.VAL_LOSS, tags.REPORT_TEST_LOSS, tags.TRAIN_LOSS)


def never_learned(run: "Run", classes: int = CLASSES) -> bool:
    """Whether a finished run ended at chance, on test images and, where known, on training images."""
    if run.result is None:
        return False
    images = run.result.test_images or 10_000
    tests = [run.result.last[tag].number for tag in _ACCURACIES if tag in run.result.last][:1]
    trains = [run.result.last[tag].number for tag in _TRAIN_ACCURACIES if tag in run.result.last][:1]
    return bool(tests) and all(at_chance(percent, classes, images) for percent in (*tests, *trains))


def learning_findings(cell: "Cell", evidence: "Evidence", classes: int = CLASSES) -> tuple[Finding, ...]:
    """A line where runs of a cell ended at chance: dead if their loss stands still, not started if it still falls."""
    lost = [run for run in cell.runs if never_learned(run, classes)]
    if not lost:
        return ()
    who = "" if len(lost) == len(cell.runs) else f"{len(lost)} of {len(cell.runs)} seeds "
    run = lost[0]
    shown = next(run.result.last[tag].number for tag in _ACCURACIES if run.result and tag in run.result.last)
    chance = f"{who}at chance ({numbers.decimal(shown)}% with {classes} classes)"
    curve = next(
        (one for tag in _LOSSES if (one := evidence.curves(run).get(tag)) is not None and len(one.values)), None
    )
    falling = None if curve is None else is_falling(curve.values.tolist())
    answer = _one_answer(run, evidence)
    if falling:
        course = f"but its loss still falls ({_course(curve)}): more epochs or a larger rate"
        text, code = f"not started: {chance}, {course}{answer}", "not-started"
    elif falling is False:
        text, code = f"dead run: {chance}, and its loss stands still ({_course(curve)}){answer}", "dead-run"
    else:
        text, code = f"did not learn: {chance}{answer}", "at-chance"
    return (Finding(grade=Grade.WARNING, code=code, text=text),)


def _course(curve: "Curve | None") -> str:
    if curve is None:
        return ""
    values = curve.values.tolist()
    middle, end = values[len(values) // 2], values[-1]
    digits = next((count for count in range(4, 8) if f"{middle:.{count}f}" != f"{end:.{count}f}"), 5)
    return f"{curve.tag} {numbers.decimal(middle, digits)} at half time, {numbers.decimal(end, digits)} at the end"


def _one_answer(run: "Run", evidence: "Evidence") -> str:
    predictions = evidence.predictions(run)
    if predictions is None or not len(predictions.predicted):
        return ""
    return "; it gives every image the same class" if np.all(predictions.predicted == predictions.predicted[0]) else ""

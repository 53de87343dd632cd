"""Runs that did not learn, or not yet."""

from typing import TYPE_CHECKING

import numpy as np

from labtui.compare.model import Finding, Severity
from labtui.compare.outcomes import never_learned, shown_accuracy
from labtui.learning import is_falling
from labtui.store import tags
from labtui.text import numbers

if TYPE_CHECKING:
    from labtui.compare.cells import Cell
    from labtui.compare.run_data import RunData
    from labtui.store.curve import Curve
    from labtui.store.run import Run

_LOSSES = (tags.REPORT_TRAIN_LOSS, tags.VAL_LOSS, tags.REPORT_TEST_LOSS, tags.TRAIN_LOSS)


def learning_findings(cell: "Cell", run_data: "RunData") -> tuple[Finding, ...]:
    """A warning if runs of a cell ended at chance; it says whether their loss is flat or still falling."""
    at_chance_runs = [run for run in cell.runs if never_learned(run, cell.classes)]
    if not at_chance_runs:
        return ()
    share = "" if len(at_chance_runs) == len(cell.runs) else f"{len(at_chance_runs)} of {len(cell.runs)} seeds "
    run = at_chance_runs[0]
    chance = f"{share}at chance ({numbers.decimal(shown_accuracy(run))}% with {cell.classes} classes)"
    curves = run_data.curves(run)
    curve = next((curves[tag] for tag in _LOSSES if tag in curves and len(curves[tag].values)), None)
    falling = None if curve is None else is_falling(curve.values.tolist())
    same_class = _same_class(run, run_data)
    if falling:
        course = f"but its loss is still falling ({_course(curve)}): more epochs or a larger learning rate may help"
        text, code = f"not learning yet: {chance}, {course}{same_class}", "not-started"
    elif falling is False:
        text, code = f"not learning: {chance}, and its loss is flat ({_course(curve)}){same_class}", "dead-run"
    else:
        text, code = f"did not learn: {chance}{same_class}", "at-chance"
    return (Finding(severity=Severity.WARNING, code=code, text=text),)


def _course(curve: "Curve | None") -> str:
    if curve is None:
        return ""
    values = curve.values.tolist()
    middle, end = values[len(values) // 2], values[-1]
    digits = next((count for count in range(4, 8) if f"{middle:.{count}f}" != f"{end:.{count}f}"), 5)
    return f"{curve.tag} {numbers.decimal(middle, digits)} half way, {numbers.decimal(end, digits)} at the end"


def _same_class(run: "Run", run_data: "RunData") -> str:
    predictions = run_data.predictions(run)
    if predictions is None or not len(predictions.predicted):
        return ""
    return "; it gives every image the same class" if np.all(predictions.predicted == predictions.predicted[0]) else ""

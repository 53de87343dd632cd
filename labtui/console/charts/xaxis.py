"""How the steps of a curve become the x of a chart.

Curves count in three units (store/tags.py); they are laid over each other only after conversion to one axis. Where a
run does not tell how its units relate (a foreign one), the conversion is refused rather than guessed.
"""

import numpy as np
from numpy.typing import NDArray

from labtui.console.charts.axes import StepScale, XAxis
from labtui.store.tags import StepUnit

Floats = NDArray[np.float64]


def convert(
    steps: NDArray[np.int64], wall_times: Floats, unit: StepUnit, axis: XAxis, scale: StepScale
) -> Floats | None:
    """The x values (n,) of a curve's points, or None where the run does not tell them."""
    if axis is XAxis.WALL:
        return wall_times
    if axis is XAxis.RELATIVE:
        start = scale.first_event if scale.first_event is not None else (wall_times[0] if wall_times.size else 0.0)
        return wall_times - start
    if axis is XAxis.EPOCH:
        return _epochs(steps, unit, scale)
    if axis is XAxis.STEP:
        return _optimizer_steps(steps, unit, scale)
    epochs = _epochs(steps, unit, scale)
    return None if epochs is None or scale.images_per_epoch is None else epochs * scale.images_per_epoch


def _optimizer_steps(steps: NDArray[np.int64], unit: StepUnit, scale: StepScale) -> Floats | None:
    if unit is StepUnit.STEP:
        return steps.astype(np.float64)
    if scale.steps_per_epoch is None:
        return None
    if unit is StepUnit.EPOCH:
        return steps.astype(np.float64) * scale.steps_per_epoch
    if scale.log_every is None:
        return None
    a_round = max(1, int(scale.steps_per_epoch // scale.log_every))
    epoch, point = np.divmod(steps.astype(np.float64) - 1.0, a_round)
    return epoch * scale.steps_per_epoch + (point + 1.0) * scale.log_every


def _epochs(steps: NDArray[np.int64], unit: StepUnit, scale: StepScale) -> Floats | None:
    if unit is StepUnit.EPOCH:
        return steps.astype(np.float64)
    if scale.steps_per_epoch is None:
        return None
    done = _optimizer_steps(steps, unit, scale)
    return None if done is None else done / scale.steps_per_epoch

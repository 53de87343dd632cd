"""The x axes of charts, and the conversion of a curve's steps to x.

Curves count in three units (store/tags.py); they are drawn over each other only after conversion to one axis. Where a
run's files do not say how its units relate (a foreign run), there is no conversion and no guess. numpy is not imported:
the first frame needs XAxis.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from labtui.console.charts.ticks import Scale
from labtui.store.tags import StepUnit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class XAxis(StrEnum):
    """What x counts, in the order in which a key cycles through them."""

    EPOCH = "epoch"
    STEP = "step"
    SAMPLES = "samples"
    RELATIVE = "relative"
    WALL = "wall"

    @property
    def scale(self) -> Scale:
        """Which numbers are round on this axis."""
        return _SCALES[self]

    def next(self, axes: "Sequence[XAxis]" = ()) -> "XAxis":
        """The axis after this one among these, or among all; after the last one, the first."""
        order = list(axes) or list(XAxis)
        return order[(order.index(self) + 1) % len(order)] if self in order else order[0]


_SCALES = {
    XAxis.EPOCH: Scale.WHOLE,
    XAxis.STEP: Scale.WHOLE,
    XAxis.SAMPLES: Scale.WHOLE,
    XAxis.RELATIVE: Scale.SECONDS,
    XAxis.WALL: Scale.CLOCK,
}


@dataclass(frozen=True, slots=True)
class StepScale:
    """How the step units of one run relate; None if not known."""

    steps_per_epoch: float | None = None
    """Optimizer steps."""
    images_per_epoch: float | None = None
    """Training samples."""
    log_every: int | None = None
    """Batches between two minibatch points, counted from 0 in each epoch."""
    epochs: int | None = None
    """Planned."""
    first_event: float | None = None
    """Seconds since the epoch: where relative time begins."""


def planned_end(axis: XAxis, scale: StepScale) -> float | None:
    """Where the run will end on this axis; None if not known, and on axes of time."""
    if scale.epochs is None:
        return None
    per_epoch = {XAxis.EPOCH: 1.0, XAxis.STEP: scale.steps_per_epoch, XAxis.SAMPLES: scale.images_per_epoch}.get(axis)
    return None if per_epoch is None else scale.epochs * per_epoch


def convert(
    steps: "NDArray[np.int64]", wall_times: "Floats", unit: StepUnit, axis: XAxis, scale: StepScale
) -> "Floats | None":
    """The x values (n,) of a curve's points; None if the run's files do not say."""
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


def _optimizer_steps(steps: "NDArray[np.int64]", unit: StepUnit, scale: StepScale) -> "Floats | None":
    if unit in (StepUnit.STEP, StepUnit.LOGGED):
        return steps.astype(float)
    if scale.steps_per_epoch is None:
        return None
    if unit is StepUnit.EPOCH:
        return steps.astype(float) * scale.steps_per_epoch
    if scale.log_every is None:
        return None
    points_per_epoch = max(1, int(scale.steps_per_epoch // scale.log_every))
    epoch, point = divmod(steps.astype(float) - 1.0, points_per_epoch)
    return epoch * scale.steps_per_epoch + (point + 1.0) * scale.log_every


def _epochs(steps: "NDArray[np.int64]", unit: StepUnit, scale: StepScale) -> "Floats | None":
    if unit is StepUnit.EPOCH:
        return steps.astype(float)
    if scale.steps_per_epoch is None or unit is StepUnit.LOGGED:
        return None
    optimizer_steps = _optimizer_steps(steps, unit, scale)
    return None if optimizer_steps is None else optimizer_steps / scale.steps_per_epoch

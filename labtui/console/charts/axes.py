"""What the x axis of a chart can count, and what must be known of a run for that; numpy-free for the first frame."""

from dataclasses import dataclass
from enum import StrEnum

from labtui.console.charts.ticks import Scale


class XAxis(StrEnum):
    """What x counts, in the order of the key that goes through them."""

    EPOCH = "epoch"
    STEP = "step"
    SAMPLES = "samples"
    RELATIVE = "relative"
    WALL = "wall"

    @property
    def scale(self) -> Scale:
        """Where the round numbers of this axis lie."""
        return _SCALES[self]

    def next(self) -> "XAxis":
        """The axis after this one, round and round."""
        order = list(XAxis)
        return order[(order.index(self) + 1) % len(order)]


_SCALES = {
    XAxis.EPOCH: Scale.WHOLE,
    XAxis.STEP: Scale.WHOLE,
    XAxis.SAMPLES: Scale.WHOLE,
    XAxis.RELATIVE: Scale.SECONDS,
    XAxis.WALL: Scale.CLOCK,
}


@dataclass(frozen=True, slots=True)
class StepScale:
    """How the step units of one run relate; None where it is not known."""

    steps_per_epoch: float | None = None
    """Optimizer steps."""
    images_per_epoch: float | None = None
    """Training samples."""
    log_every: int | None = None
    """Batches between two minibatch points; they are counted anew in each epoch."""
    epochs: int | None = None
    """Planned."""
    first_event: float | None = None
    """Seconds since the epoch: where relative time begins."""


def planned_end(axis: XAxis, scale: StepScale) -> float | None:
    """Where the run will end on this axis, if that is known; never for the axes of time."""
    if scale.epochs is None:
        return None
    per_epoch = {XAxis.EPOCH: 1.0, XAxis.STEP: scale.steps_per_epoch, XAxis.SAMPLES: scale.images_per_epoch}.get(axis)
    return None if per_epoch is None else scale.epochs * per_epoch

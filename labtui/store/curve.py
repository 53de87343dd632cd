"""One metric over its steps: frozen curves for readers, and the growing arrays behind them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from labtui.spec import Better
from labtui.store.tags import StepUnit

if TYPE_CHECKING:  # numpy is imported where points are made; `labtui ls` makes none
    import numpy as np
    from numpy.typing import NDArray

_FIRST_CAPACITY = 64
"""Points that fit at first; doubled whenever they do not."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The points of a metric so far. The arrays are read-only views and never change."""

    tag: str
    """Cleaned."""
    unit: StepUnit
    steps: "NDArray[np.int64]"
    """int64[n], strictly ascending."""
    values: "NDArray[np.float32]"
    """float32[n], NaN and infinities included."""
    wall_times: "NDArray[np.float64]"
    """float64[n], seconds since the epoch by the writer's clock."""

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def is_foreign(self) -> bool:
        """Whether another tool wrote it: then its tag means nothing of ours."""
        return self.unit is StepUnit.LOGGED

    @property
    def last(self) -> tuple[int, float] | None:
        """Step and value of the last point."""
        return self._at(len(self.steps) - 1) if len(self.steps) else None

    def best(self, better: Better | None) -> tuple[int, float] | None:
        """Step and value of the first best point. NaN is skipped. None where no direction is known."""
        import numpy as np

        if better is None:
            return None
        good = np.flatnonzero(~np.isnan(self.values))
        if not len(good):
            return None
        values = self.values[good]
        return self._at(int(good[values.argmax() if better == "higher" else values.argmin()]))

    def at(self, step: int) -> tuple[int, float] | None:
        """The step and its value; None if there is no point at this step."""
        index = int(self.steps.searchsorted(step))
        return self._at(index) if index < len(self) and self.steps[index] == step else None

    def _at(self, index: int) -> tuple[int, float]:
        return int(self.steps[index]), float(self.values[index])


class Points(NamedTuple):
    """Points of one tag, in ascending order of their steps."""

    steps: "NDArray[np.int64]"
    values: "NDArray[np.float32]"
    wall_times: "NDArray[np.float64]"
    ranks: "NDArray[np.int32]"
    """Which of the run's files, in name order from 0, each point is from."""


class GrowingCurve:
    """The points of one tag. Per step, the latest file's value counts; within a file, the one written last."""

    def __init__(self, points: Points | None = None) -> None:
        """Begin empty, or with points whose arrays are never written to, so they may be read-only."""
        import numpy as np

        if points is None:
            points = Points(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0), np.empty(0, np.int32))
        self._size = len(points.steps)
        self._steps, self._values, self._wall_times, self._ranks = points

    def __len__(self) -> int:
        return self._size

    @property
    def points(self) -> Points:
        """All points, as views; later points are written behind them."""
        here = slice(self._size)
        return Points(self._steps[here], self._values[here], self._wall_times[here], self._ranks[here])

    def add(
        self,
        rank: int,
        steps: "NDArray[np.int64]",
        values: "NDArray[np.float32]",
        wall_times: "NDArray[np.float64]",
    ) -> None:
        """Add points of the `rank`th file, in the order in which they were written. Earlier curves do not change."""
        if not len(steps):
            return
        ascending = bool((steps[1:] > steps[:-1]).all())  # not np.diff, which overflows
        if not ascending or (self._size and steps[0] <= self._steps[self._size - 1]):
            self._merge(rank, steps, values, wall_times)
            return
        self._reserve(self._size + len(steps))
        here = slice(self._size, self._size + len(steps))
        self._steps[here], self._values[here], self._wall_times[here] = steps, values, wall_times
        self._ranks[here] = rank
        self._size += len(steps)

    def discard(self, step: int, rank: int) -> bool:
        """Remove the points from a step on that are of the `rank`th file or of one before it; whether there were any.

        Earlier curves do not change.
        """
        steps, values, wall_times, ranks = self.points
        keep = (steps < step) | (ranks > rank)
        if keep.all():
            return False
        self._steps, self._values, self._wall_times, self._ranks = (
            steps[keep], values[keep], wall_times[keep], ranks[keep]
        )  # fmt: skip
        self._size = len(self._steps)
        return True

    def curve(self, tag: str, unit: StepUnit) -> Curve:
        """The points so far, as views that later points do not change."""
        steps, values, wall_times, _ = self.points
        for view in (steps, values, wall_times):
            view.flags.writeable = False
        return Curve(tag, unit, steps, values, wall_times)

    def _reserve(self, size: int) -> None:
        import numpy as np

        if size <= len(self._steps):
            return
        capacity = max(size, 2 * len(self._steps), _FIRST_CAPACITY)
        for name in ("_steps", "_values", "_wall_times", "_ranks"):
            before = getattr(self, name)
            larger = np.empty(capacity, before.dtype)
            larger[: self._size] = before[: self._size]
            setattr(self, name, larger)

    def _merge(
        self, rank: int, steps: "NDArray[np.int64]", values: "NDArray[np.float32]", wall_times: "NDArray[np.float64]"
    ) -> None:
        import numpy as np

        all_steps = np.concatenate([self._steps[: self._size], steps])
        all_ranks = np.concatenate([self._ranks[: self._size], np.full(len(steps), rank, np.int32)])
        order = np.lexsort((all_ranks, all_steps))  # stable: among equals the one written last comes last
        sorted_steps = all_steps[order]
        order = order[np.append(sorted_steps[1:] != sorted_steps[:-1], True)]
        self._values = np.concatenate([self._values[: self._size], values])[order]
        self._wall_times = np.concatenate([self._wall_times[: self._size], wall_times])[order]
        self._steps, self._ranks = all_steps[order], all_ranks[order]
        self._size = len(order)

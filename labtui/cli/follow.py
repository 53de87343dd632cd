"""Following a run through its folder: what is new since the last look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from labtui.store.curve import Curve
from labtui.store.reader import RunReader
from labtui.store.run import Run
from labtui.store.tags import (
    LIVE_ACCURACY,
    MINIBATCH_LOSS,
    REPORT_TEST_ACCURACY,
    REPORT_TEST_LOSS,
    REPORT_TRAIN_ACCURACY,
    REPORT_TRAIN_LOSS,
    TRAIN_LOSS,
    VAL_ACCURACY,
    VAL_LOSS,
)

EPOCH_TAGS = {
    "report": (REPORT_TRAIN_LOSS, REPORT_TEST_LOSS, REPORT_TRAIN_ACCURACY, REPORT_TEST_ACCURACY),
    "standard": (VAL_LOSS, VAL_ACCURACY),
}
"""Per protocol, the figures that every epoch ends with."""

LIVE_LOSS = (TRAIN_LOSS, MINIBATCH_LOSS)
"""What a live line shows as loss: the first of these that a run has."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch that is complete, with the figures that were recorded for it."""

    number: int
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A run as it stood at one look."""

    run: Run
    loss: float | None
    accuracy: float | None
    new_epochs: tuple[Epoch, ...]


@dataclass(slots=True)
class Follower:
    """Reads one run's event files as they grow and hands out every epoch once."""

    run_id: str
    reader: RunReader
    tags: tuple[str, ...]
    _told: int = 0

    @classmethod
    def of(cls, run: Run) -> "Follower":
        """A follower from the run's beginning."""
        protocol = run.spec.protocol if run.spec is not None else "standard"
        return cls(run.id, RunReader(run.folder), EPOCH_TAGS[protocol])

    def look(self, run: Run) -> Sighting:
        """Read what is new. `run` must have been asked for before: what it wrote until its end is then read here."""
        while self.reader.poll():
            pass
        curves = self.reader.curves
        epochs = self._new_epochs(curves, over=run.state.is_over)
        return Sighting(run, _last(curves, LIVE_LOSS), _last(curves, LIVE_ACCURACY), epochs)

    def _new_epochs(self, curves: Mapping[str, Curve], *, over: bool) -> tuple[Epoch, ...]:
        """Epochs of which every figure is there; at the end, those of which any is."""
        values = {
            tag: dict(zip(c.steps.tolist(), c.values.tolist(), strict=True))
            for tag, c in curves.items()
            if tag in self.tags
        }
        known = sorted({step for steps in values.values() for step in steps if step > self._told})
        epochs = []
        for number in known:
            figures = {tag: values[tag][number] for tag in self.tags if number in values.get(tag, {})}
            if len(figures) < len(self.tags) and not over:
                break
            epochs.append(Epoch(number, figures))
            self._told = number
        return tuple(epochs)


def _points(curve: Curve) -> dict[int, float]:
    return dict(zip(curve.steps.tolist(), curve.values.tolist(), strict=True))


def _last(curves: Mapping[str, Curve], tags: Sequence[str]) -> float | None:
    """The last value of the first of these tags that has one."""
    for tag in tags:
        last = curves[tag].last if tag in curves else None
        if last is not None:
            return last[1]
    return None

"""Following a run through its folder: what is new since the last poll."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labtui.spec import ProgramSpec, RunSpec
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
    better_by_name,
)

EPOCH_TAGS = {
    "report": (REPORT_TRAIN_LOSS, REPORT_TEST_LOSS, REPORT_TRAIN_ACCURACY, REPORT_TEST_ACCURACY),
    "standard": (VAL_LOSS, VAL_ACCURACY),
}
"""Per protocol, the figures that are recorded for every epoch."""

LIVE_LOSS = (TRAIN_LOSS, MINIBATCH_LOSS)
"""What a live line shows as loss: the first of these that a run has."""


MOST_FIGURES = 3
"""Values of a program that a line shows."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """A complete epoch, with the figures that were recorded for it by tag."""

    number: int
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """A run at one poll, with the epochs that were not in an update before."""

    run: Run
    loss: float | None
    accuracy: float | None
    new_epochs: tuple[Epoch, ...]
    figures: Mapping[str, float] = field(default_factory=dict)
    """Of a program: its last values by tag, the metric that it is judged by first."""


@dataclass(slots=True)
class Follower:
    """Reads one run's event files as they grow and hands out every epoch once."""

    run_id: str
    reader: RunReader
    tags: tuple[str, ...]
    _last_epoch: int = 0

    @classmethod
    def of(cls, run: Run) -> "Follower":
        """A follower that starts at the run's beginning."""
        own = EPOCH_TAGS[run.spec.protocol] if isinstance(run.spec, RunSpec) else ()
        return cls(run.id, RunReader(run.folder, foreign=not run.has_own_tags, below=run.below), own)

    def update(self, run: Run) -> RunUpdate:
        """Read what is new. `run` must have been read before: all that it wrote until its end is then included."""
        while self.reader.poll():
            pass
        curves = self.reader.curves
        if isinstance(run.spec, ProgramSpec):
            return RunUpdate(run, None, None, (), program_figures(run.spec, curves))
        epochs = self._new_epochs(curves, over=run.state.is_over)
        return RunUpdate(run, _last(curves, LIVE_LOSS), _last(curves, LIVE_ACCURACY), epochs)

    def _new_epochs(self, curves: Mapping[str, Curve], *, over: bool) -> tuple[Epoch, ...]:
        """Epochs of which every figure is there; at the end of the run, those of which any is."""
        values = {
            tag: dict(zip(curve.steps.tolist(), curve.values.tolist(), strict=True))
            for tag, curve in curves.items()
            if tag in self.tags
        }
        numbers = sorted({step for steps in values.values() for step in steps if step > self._last_epoch})
        epochs = []
        for number in numbers:
            figures = {tag: values[tag][number] for tag in self.tags if number in values.get(tag, {})}
            if len(figures) < len(self.tags) and not over:
                break
            epochs.append(Epoch(number, figures))
            self._last_epoch = number
        return tuple(epochs)


def program_figures(spec: ProgramSpec, curves: Mapping[str, Curve]) -> dict[str, float]:
    """The last values of a program's metric and of a few other tags, losses and accuracies first."""
    metric = [spec.metric.tag] if spec.metric else []
    others = sorted(curves, key=lambda tag: (better_by_name(tag) is None, tag))
    tags = list(dict.fromkeys((*metric, *others)))[:MOST_FIGURES]
    return {tag: last[1] for tag in tags if tag in curves and (last := curves[tag].last) is not None}


def _last(curves: Mapping[str, Curve], tags: Sequence[str]) -> float | None:
    """The last value of the first of these tags that has one."""
    for tag in tags:
        last = curves[tag].last if tag in curves else None
        if last is not None:
            return last[1]
    return None

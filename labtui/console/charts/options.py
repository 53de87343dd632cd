"""What charts show and how they are looked at, as frozen values without numpy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from labtui.console.charts.ticks import Range
from labtui.console.charts.xaxis import XAxis
from labtui.store.run import Run
from labtui.store.state import State

SMOOTHING_WEIGHTS = (0.6, 0.9, 0.99)
"""What the smoothing key goes through before "off"; 0.6 is TensorBoard's default."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is shown as one line: a run, or several seeds of one thing."""

    name: str
    letter: str
    runs: tuple[Run, ...]
    ink: int = 0
    dash: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """How all charts of a screen are looked at."""

    axis: XAxis = XAxis.EPOCH
    smoothing: float = 0.0
    log_y: bool = False
    clip_outliers: bool = True
    x: Range | None = None
    y: Range | None = None
    cursor: float | None = None

    def changed(self, option: str) -> "tuple[Look, str]":
        """With the next value of one option (`smoothing`, `log_y`, `axis` or `clip_outliers`), and the message."""
        if option == "smoothing":
            weight = next((weight for weight in SMOOTHING_WEIGHTS if weight > self.smoothing), 0.0)
            return replace(self, smoothing=weight), f"smoothing {weight or 'off'}"
        if option == "log_y":
            return replace(self, log_y=not self.log_y, y=None), "linear y" if self.log_y else "log y"
        if option == "axis":
            axis = self.axis.next()
            return replace(self, axis=axis, x=None, cursor=None), f"x: {axis}"
        clip = not self.clip_outliers
        return replace(self, clip_outliers=clip), "outliers clipped" if clip else "outliers shown"


def shown_runs(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Which runs of an entry stand for it: the newest active or finished one of each seed, else the newest of all."""
    newest: dict[int | None, Run] = {}
    for run in runs:
        if run.state.is_active or run.state in (State.FINISHED, State.LIVE, State.QUIET):
            newest.setdefault(run.seed, run)
    return tuple(newest.values()) or tuple(runs[:1])


def fitting(look: Look, subjects: Iterable[Subject]) -> Look:
    """The look, counted in steps where it counts epochs and only other tools' runs are shown: they tell none."""
    runs = [run for subject in subjects for run in subject.runs]
    untold = bool(runs) and all(run.spec is None for run in runs)
    return replace(look, axis=XAxis.STEP) if untold and look.axis is XAxis.EPOCH else look


def apart(subjects: Iterable[Subject]) -> tuple[Subject, ...]:
    """Every run by itself: the seeds of one thing share its colour and letter and differ by their dashes."""
    return tuple(
        subject
        if len(subject.runs) < 2
        else Subject(f"{subject.name} seed {run.seed}", subject.letter, (run,), subject.ink, index % 4)
        for subject in subjects
        for index, run in enumerate(subject.runs)
    )

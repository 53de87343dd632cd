"""What charts show and how, as frozen values without numpy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from labtui.console.charts.ticks import Range
from labtui.console.charts.xaxis import XAxis
from labtui.store.run import Run
from labtui.store.state import State

SMOOTHING_WEIGHTS = (0.6, 0.9, 0.99)
"""The smoothing key goes through these and off; 0.6 is TensorBoard's default."""


@dataclass(frozen=True, slots=True)
class ChartedRun:
    """What a chart shows as one line: a run, or the mean of several seeds."""

    name: str
    letter: str
    runs: tuple[Run, ...]
    colour: int = 0
    dash: int = 0


@dataclass(frozen=True, slots=True)
class ChartOptions:
    """How all charts of a screen are drawn. Ranges that are None follow the data."""

    axis: XAxis = XAxis.EPOCH
    smoothing: float = 0.0
    log_y: bool = False
    clip_outliers: bool = True
    x: Range | None = None
    y: Range | None = None
    cursor: float | None = None

    def changed(self, option: str, axes: Sequence[XAxis] = tuple(XAxis)) -> "tuple[ChartOptions, str]":
        """With the next value of one option (`smoothing`, `log_y`, `axis` or `clip_outliers`), and the message.

        `axes` are those that the charted runs can be drawn on.
        """
        if option == "smoothing":
            weight = next((weight for weight in SMOOTHING_WEIGHTS if weight > self.smoothing), 0.0)
            return replace(self, smoothing=weight), f"smoothing {weight or 'off'}"
        if option == "log_y":
            return replace(self, log_y=not self.log_y, y=None), "linear y" if self.log_y else "log y"
        if option == "axis":
            shown = self.axis if self.axis in axes else axes[0]
            axis = shown.next(axes)
            return replace(self, axis=axis, x=None, cursor=None), f"x: {axis}"
        clip = not self.clip_outliers
        return replace(self, clip_outliers=clip), "outliers clipped" if clip else "outliers shown"


def shown_runs(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs of a list entry that charts show: per seed the newest active or finished one, else the newest of all."""
    newest: dict[int | None, Run] = {}
    for run in runs:
        if run.state.is_active or run.state in (State.FINISHED, State.LIVE, State.QUIET):
            newest.setdefault(run.seed, run)
    return tuple(newest.values()) or tuple(runs[:1])


def known_axes(charted_runs: Iterable[ChartedRun]) -> tuple[XAxis, ...]:
    """The x axes on which at least one of the runs can be drawn: of other tools and of programs, epochs and samples are
    not known."""
    runs = [run for charted in charted_runs for run in charted.runs]
    unknown = bool(runs) and not any(run.has_own_tags for run in runs)
    return (XAxis.STEP, XAxis.RELATIVE, XAxis.WALL) if unknown else tuple(XAxis)


def with_known_axis(options: ChartOptions, charted_runs: Iterable[ChartedRun]) -> ChartOptions:
    """The options with an axis of steps in place of one on which none of the runs can be drawn."""
    axes = known_axes(charted_runs)
    return options if options.axis in axes else replace(options, axis=axes[0])


def each_seed(charted_runs: Iterable[ChartedRun]) -> tuple[ChartedRun, ...]:
    """Every run by itself: the seeds of an experiment share its colour and letter and differ by their dashes."""
    return tuple(
        charted
        if len(charted.runs) < 2
        else ChartedRun(f"{charted.name} seed {run.seed}", charted.letter, (run,), charted.colour, index % 4)
        for charted in charted_runs
        for index, run in enumerate(charted.runs)
    )

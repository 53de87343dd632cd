"""Builds the series of a chart from the curves of runs: converts x, smooths, averages over seeds. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labtui.console.charts.options import ChartedRun, ChartOptions
from labtui.console.charts.panels import Panel
from labtui.console.charts.series import Series, View, drawable
from labtui.console.charts.ticks import LARGEST, Range
from labtui.console.charts.xaxis import StepScale, convert, planned_end
from labtui.spec import RunSpec
from labtui.store.curve import Curve
from labtui.store.run import Run

Curves = Mapping[str, Mapping[str, Curve]]
"""Curves by run id and tag."""

CurveOf = Callable[[Mapping[str, Curve]], Curve | None]
"""Chooses one of a run's curves."""


def step_scale(run: Run, curves: Mapping[str, Curve]) -> StepScale:
    """How the step units of a run relate, as far as its files say."""
    times = [time for curve in curves.values() if (time := _first_time(curve)) is not None]
    first = min(times) if times else None
    if not isinstance(run.spec, RunSpec) or run.spec_file is None:
        return StepScale(first_event=first)
    epochs = run.spec.epochs
    total = (run.beat.total_steps if run.beat else 0) or run.spec_file.planned_steps
    per_epoch = total / epochs if total else None
    if per_epoch is None and run.result and run.result.epochs:
        per_epoch = run.result.steps / run.result.epochs
    images = run.result.train_images if run.result and run.result.train_images else None
    if images is None and per_epoch is not None:
        images = round(per_epoch * run.spec.training.batch_size)
    return StepScale(per_epoch, images, run.spec.training.log_every, epochs, first)


def _first_time(curve: Curve) -> float | None:
    """The first wall time that is a number; None if there is none."""
    finite = curve.wall_times[np.abs(curve.wall_times) <= LARGEST]
    return float(finite[0]) if finite.size else None


def build_series(
    panel: Panel, charted_runs: Sequence[ChartedRun], curves: Curves, options: ChartOptions
) -> tuple[Series, ...]:
    """The lines of a chart; a single run is shown with its values on the training set."""
    lines: list[Series] = []
    for charted in charted_runs:
        main = _mean(charted, panel.curve_of, curves, options)
        training = None
        if len(charted_runs) == 1 and panel.training_tags:
            training = _mean(charted, panel.training_curve_of, curves, options)
        if main is not None:
            lines.append(main if training is None else replace(main, label=f"{charted.letter} test".strip()))
        if training is not None:
            lines.append(
                replace(training, label=f"{charted.letter} train".strip(), colour=(charted.colour + 1) % 8, dash=1)
            )
    return tuple(lines)


def build_view(panel: Panel, charted_runs: Iterable[ChartedRun], curves: Curves, options: ChartOptions) -> View:
    """The view of a chart of this panel: percentages lie within 0 and 100, the axis ends where the runs will end."""
    ends = [
        planned_end(options.axis, step_scale(run, curves.get(run.id, {})))
        for charted in charted_runs
        for run in charted.runs
    ]
    known = [end for end in ends if end is not None]
    return View(
        x=options.x,
        y=options.y,
        x_scale=options.axis.scale,
        x_label=str(options.axis),
        planned=max(known) if known and len(known) == len(ends) else None,
        log_y=options.log_y,
        clip_outliers=options.clip_outliers,
        bounds=Range(0.0, 100.0) if panel.number == "accuracy" and not options.log_y else None,
        cursor=options.cursor,
        number=panel.number,
    )


def _mean(charted: ChartedRun, curve_of: CurveOf, curves: Curves, options: ChartOptions) -> Series | None:
    """The line of a run, or the mean over several seeds with a band of one standard deviation."""
    lines = [line for run in charted.runs if (line := _line(charted, run, curve_of, curves, options))]
    if len(lines) < 2:
        return lines[0] if lines else None
    mean = mean_and_band([(line.x, line.y) for line in lines])
    return Series(
        charted.name,
        charted.letter,
        mean.x,
        mean.mean,
        colour=charted.colour,
        dash=charted.dash,
        band=(mean.low, mean.high),
        counts=mean.n,
        unplaced=sum(line.unplaced for line in lines),
    )


def _line(charted: ChartedRun, run: Run, curve_of: CurveOf, curves: Curves, options: ChartOptions) -> Series | None:
    own = curves.get(run.id, {})
    curve = curve_of(own)
    if curve is None or not curve.steps.size:
        return None
    scale = step_scale(run, own)
    wall_times = np.where(np.abs(curve.wall_times) <= LARGEST, curve.wall_times, np.nan)
    x = convert(curve.steps, wall_times, curve.unit, options.axis, scale)
    if x is None:
        return None
    raw = curve.values.astype(np.float64)
    x, raw, steps, times = _ascending(x, raw, curve.steps, wall_times - (scale.first_event or 0.0))
    smoothed = debiased_average(raw, options.smoothing) if options.smoothing else raw
    line = Series(
        charted.name if len(charted.runs) == 1 else f"{charted.name} seed {run.seed}",
        charted.letter,
        x,
        smoothed,
        colour=charted.colour,
        dash=charted.dash,
        raw=raw if options.smoothing and len(charted.runs) == 1 else None,
        steps=steps,
        times=times,
        unit=curve.unit.split()[-1],
    )
    return drawable(line)


def _ascending(
    x: NDArray[np.float64], raw: NDArray[np.float64], steps: NDArray[np.int64], times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """All four in ascending order of x: wall times may descend if a run was resumed on a machine with another clock."""
    if x.size < 2 or bool(np.all(np.diff(x) >= 0)):
        return x, raw, steps, times
    order = np.argsort(x, kind="stable")
    return x[order], raw[order], steps[order], times[order]


def without_axis(
    panel: Panel, charted_runs: Iterable[ChartedRun], curves: Curves, options: ChartOptions
) -> tuple[str, ...]:
    """The names of those that have this curve but cannot be placed on this axis."""
    missing = []
    for charted in charted_runs:
        has = any(panel.curve_of(curves.get(run.id, {})) is not None for run in charted.runs)
        if has and _mean(charted, panel.curve_of, curves, options) is None:
            missing.append(charted.name)
    return tuple(missing)


Floats = NDArray[np.float64]


class Mean(NamedTuple):
    """Each (n,): x, the mean of the curves that have it, the mean -/+ one unbiased standard deviation, their number."""

    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    n: NDArray[np.int64]


def mean_and_band(curves: Sequence[tuple[Floats, Floats]]) -> Mean:
    """The mean at every x of any curve. Curves are interpolated between their points, and do not count beyond these.

    Where a single curve is left, the band has no width.
    """
    x, table = _table(curves)
    finite = np.isfinite(table)
    count = finite.sum(axis=0)
    total = np.where(finite, table, 0.0).sum(axis=0)
    mean = np.divide(total, count, out=np.full(x.size, np.nan), where=count > 0)
    squares = np.where(finite, (table - mean) ** 2, 0.0).sum(axis=0)
    spread = np.sqrt(np.divide(squares, count - 1, out=np.zeros(x.size), where=count > 1))
    return Mean(x, mean, mean - spread, mean + spread, count)


def _table(curves: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Every x (n,), and the values of each curve there (curves, n). Fast for curves with the same x, as seeds have."""
    if not curves:
        return np.empty(0), np.empty((0, 0))
    first = curves[0][0]
    if bool((first[1:] > first[:-1]).all()) and all(np.array_equal(first, other) for other, _ in curves[1:]):
        return first, np.array([y for _, y in curves])
    x = np.unique(np.concatenate([own_x for own_x, _ in curves]))
    return x, np.array([_at(x, *curve) for curve in curves])


def _at(x: Floats, own_x: Floats, own_y: Floats) -> Floats:
    if own_x.size == 0:
        return np.full(x.size, np.nan)
    return np.interp(x, own_x, own_y, left=np.nan, right=np.nan)


_BLOCK = 128


def debiased_average(values: NDArray[np.floating], weight: float) -> NDArray[np.float64]:
    """`values` (n,) smoothed as TensorBoard's scalars page does: float64 (n,).

    The moving average starts at 0 and is divided by 1 - weight^k at the k-th finite value (Adam's bias correction).
    Values that are not finite stay and are left out of the average; a constant series is returned unchanged.
    """
    raw = np.asarray(values, dtype=np.float64)
    if weight <= 0 or raw.size == 0 or bool(np.all(raw == raw[0])):
        return raw
    finite = np.isfinite(raw)
    smoothed = raw.copy()
    numbers = raw[finite]
    if weight >= 1:
        smoothed[finite] = 0.0
        return smoothed
    k = np.arange(1, numbers.size + 1, dtype=np.float64)
    smoothed[finite] = _average(numbers, weight) / (1.0 - np.power(weight, k))
    return smoothed


def _average(values: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """The biased average from 0, block by block: a triangular product inside a block, a carry from block to block.

    A loop over ten thousand points would cost 3 ms a curve; this costs a tenth.
    """
    blocks = -(-values.size // _BLOCK)
    padded = np.zeros(blocks * _BLOCK)
    padded[: values.size] = values
    age = np.arange(_BLOCK)
    powers = np.power(weight, age)
    triangle = np.where(age[:, None] >= age[None, :], powers[np.abs(age[:, None] - age[None, :])], 0.0)
    inside = padded.reshape(blocks, _BLOCK) @ ((1.0 - weight) * triangle).T
    decay = weight * powers
    carry = np.zeros(blocks)
    for block in range(1, blocks):
        carry[block] = inside[block - 1, -1] + decay[-1] * carry[block - 1]
    flat: NDArray[np.float64] = (inside + carry[:, None] * decay[None, :]).reshape(-1)[: values.size]
    return flat

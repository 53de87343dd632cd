"""Builds the series of a chart from runs and their curves: x converted, smoothed, averaged over seeds. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labtui.console.charts.options import Look, Subject
from labtui.console.charts.panels import Slot
from labtui.console.charts.series import Series, View
from labtui.console.charts.ticks import Range
from labtui.console.charts.xaxis import StepScale, convert, planned_end
from labtui.store.curve import Curve
from labtui.store.run import Run

Curves = Mapping[str, Mapping[str, Curve]]


def step_scale(run: Run, curves: Mapping[str, Curve]) -> StepScale:
    """How the step units of a run relate, as far as its files tell."""
    times = [float(curve.wall_times[0]) for curve in curves.values() if curve.wall_times.size]
    first = min(times) if times else None
    if run.spec is None:
        return StepScale(first_event=first)
    epochs = run.spec.training.epochs
    total = (run.beat.total_steps if run.beat else 0) or (run.spec_file.planned_steps if run.spec_file else None)
    per_epoch = total / epochs if total else None
    if per_epoch is None and run.result and run.result.epochs:
        per_epoch = run.result.steps / run.result.epochs
    images = run.result.train_images if run.result and run.result.train_images else None
    if images is None and per_epoch is not None:
        images = round(per_epoch * run.spec.training.batch_size)
    return StepScale(per_epoch, images, run.spec.training.log_every, epochs, first)


def series(slot: Slot, subjects: Sequence[Subject], curves: Curves, look: Look) -> tuple[Series, ...]:
    """The lines of a chart; a single subject is shown with its training side."""
    made: list[Series] = []
    for subject in subjects:
        main = _mean(subject, slot, "main", curves, look)
        beside = _mean(subject, slot, "second", curves, look) if len(subjects) == 1 and slot.beside else None
        if main is not None:
            made.append(main if beside is None else replace(main, label=f"{subject.letter} test".strip()))
        if beside is not None:
            made.append(replace(beside, label=f"{subject.letter} train".strip(), ink=(subject.ink + 1) % 8, dash=1))
    return tuple(made)


def view(slot: Slot, subjects: Iterable[Subject], curves: Curves, look: Look) -> View:
    """How a chart of this slot is looked at: percentages stay within 0 and 100, the axis ends where runs will end."""
    ends = [
        planned_end(look.axis, step_scale(run, curves.get(run.id, {}))) for subject in subjects for run in subject.runs
    ]
    known = [end for end in ends if end is not None]
    return View(
        x=look.x,
        y=look.y,
        x_scale=look.axis.scale,
        x_label=str(look.axis),
        planned=max(known) if known and len(known) == len(ends) else None,
        log_y=look.log_y,
        clip_outliers=look.clip_outliers,
        bounds=Range(0.0, 100.0) if slot.number == "accuracy" and not look.log_y else None,
        cursor=look.cursor,
        number=slot.number,
    )


def _mean(subject: Subject, slot: Slot, side: str, curves: Curves, look: Look) -> Series | None:
    """The subject's line: its run's own, or the mean over its seeds with a band of one standard deviation."""
    lines = [line for run in subject.runs if (line := _line(subject, run, slot, side, curves, look))]
    if len(lines) < 2:
        return lines[0] if lines else None
    mean = mean_and_band([(one.x, one.y) for one in lines])
    return Series(
        subject.name,
        subject.letter,
        mean.x,
        mean.mean,
        ink=subject.ink,
        dash=subject.dash,
        band=(mean.low, mean.high),
        counts=mean.n,
    )


def _line(subject: Subject, run: Run, slot: Slot, side: str, curves: Curves, look: Look) -> Series | None:
    own = curves.get(run.id, {})
    tag = slot.main(own) if side == "main" else slot.second(own)
    if tag is None or not own[tag].steps.size:
        return None
    curve, scale = own[tag], step_scale(run, own)
    x = convert(curve.steps, curve.wall_times, curve.unit, look.axis, scale)
    if x is None:
        return None
    raw = curve.values.astype(np.float64)
    x, raw, steps, times = _ascending(x, raw, curve.steps, curve.wall_times - (scale.first_event or 0.0))
    smoothed = debiased_average(raw, look.smoothing) if look.smoothing else raw
    return Series(
        subject.name if len(subject.runs) == 1 else f"{subject.name} seed {run.seed}",
        subject.letter,
        x,
        smoothed,
        ink=subject.ink,
        dash=subject.dash,
        raw=raw if look.smoothing and len(subject.runs) == 1 else None,
        steps=steps,
        times=times,
        unit=curve.unit.split()[-1],
    )


def _ascending(
    x: NDArray[np.float64], raw: NDArray[np.float64], steps: NDArray[np.int64], times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """In order of x: steps ascend always, wall times need not, since a resumed run may have come from another clock."""
    if x.size < 2 or bool(np.all(np.diff(x) >= 0)):
        return x, raw, steps, times
    order = np.argsort(x, kind="stable")
    return x[order], raw[order], steps[order], times[order]


def unplaced(slot: Slot, subjects: Iterable[Subject], curves: Curves, look: Look) -> tuple[str, ...]:
    """The names of subjects that have this curve and cannot be placed on this axis."""
    missing = []
    for subject in subjects:
        has = any(slot.main(curves.get(run.id, {})) for run in subject.runs)
        if has and _mean(subject, slot, "main", curves, look) is None:
            missing.append(subject.name)
    return tuple(missing)


Floats = NDArray[np.float64]


class Mean(NamedTuple):
    """Each (n,): x, the mean of the curves that reach there, mean -/+ one unbiased standard deviation, how many."""

    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    n: NDArray[np.int64]


def mean_and_band(curves: Sequence[tuple[Floats, Floats]]) -> Mean:
    """Over every x that any curve has; between its points a curve counts with its straight line, beyond its ends not.

    The band closes to the line where a single curve is left.
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
    """Every x (n,), and each curve's values there (curves, n). Seeds mostly have the same x: then they are at hand."""
    if not curves:
        return np.empty(0), np.empty((0, 0))
    first = curves[0][0]
    if bool((first[1:] > first[:-1]).all()) and all(np.array_equal(first, other) for other, _ in curves[1:]):
        return first, np.array([y for _, y in curves])
    x = np.unique(np.concatenate([one for one, _ in curves]))
    return x, np.array([_at(x, *curve) for curve in curves])


def _at(x: Floats, own_x: Floats, own_y: Floats) -> Floats:
    if own_x.size == 0:
        return np.full(x.size, np.nan)
    return np.interp(x, own_x, own_y, left=np.nan, right=np.nan)


_BLOCK = 128


def debiased_average(values: NDArray[np.floating], weight: float) -> NDArray[np.float64]:
    """Smooth `values` (n,) as TensorBoard does: float64 (n,).

    The average starts at 0 and is divided by 1 - weight^k at the k-th finite value (Adam's bias correction). A value
    that is not finite is passed on and leaves the average alone; a constant series is returned as it is.
    """
    raw = np.asarray(values, dtype=np.float64)
    if weight <= 0 or raw.size == 0 or bool(np.all(raw == raw[0])):
        return raw
    finite = np.isfinite(raw)
    smoothed = raw.copy()
    kept = raw[finite]
    if weight >= 1:
        smoothed[finite] = 0.0
        return smoothed
    k = np.arange(1, kept.size + 1, dtype=np.float64)
    smoothed[finite] = _average(kept, weight) / (1.0 - np.power(weight, k))
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

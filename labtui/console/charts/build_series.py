"""From runs and their curves to the series of a chart: x converted, seeds averaged, smoothed, lettered. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labtui.console.charts.aggregate import mean_and_band
from labtui.console.charts.axes import StepScale, planned_end
from labtui.console.charts.options import Look, Subject
from labtui.console.charts.panels import Slot
from labtui.console.charts.series import Series, View
from labtui.console.charts.smoothing import debiased_average
from labtui.console.charts.ticks import Range
from labtui.console.charts.xaxis import convert
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

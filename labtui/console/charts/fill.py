"""Filling a chart with the curves of some subjects, or with the reason why there are none."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labtui.console.charts.chart import Chart, Source
from labtui.console.charts.options import Look, Subject
from labtui.console.charts.panels import Slot
from labtui.console.charts.ticks import Scale
from labtui.console.ui.strips import entitle

if TYPE_CHECKING:
    from labtui.store.curve import Curve


def fill(
    chart: Chart,
    slot: Slot,
    subjects: Sequence[Subject],
    curves: "Mapping[str, Mapping[str, Curve]]",
    look: Look,
    *,
    pending: bool,
    hint: tuple[str, ...] = (),
) -> None:
    """Draw what the subjects have of this slot; `pending` says that their files are still being read, `hint` what to
    do where none of them has run."""
    values = (slot, look, pending, *(_facts(subject) for subject in subjects), *_beginnings(subjects, curves, look))
    source = Source(values, _curves(slot, subjects, curves))
    if chart.shows(source):
        return
    title = f"{slot.title}  {_note(look)}".rstrip()
    if any(curves.get(run.id) for subject in subjects for run in subject.runs):
        _draw(chart, slot, subjects, curves, look)
    else:
        chart.say(*_reason(subjects, hint, pending=pending))
    entitle(chart, title, "; ".join(chart.notes))


def _facts(subject: Subject) -> tuple[object, ...]:
    """What of a subject decides its line beside the curves: a run's beat changes every second, its line does not."""
    runs = tuple((run.id, run.beat.total_steps if run.beat else None, run.result) for run in subject.runs)
    return subject.name, subject.letter, subject.ink, subject.dash, runs


def _curves(slot: Slot, subjects: Sequence[Subject], curves: "Mapping[str, Mapping[str, Curve]]") -> tuple[object, ...]:
    """The curves of this slot: each is a new value when it has a new point, and only then."""
    found: list[object] = []
    for subject in subjects:
        for run in subject.runs:
            own = curves.get(run.id)
            found += (own, None) if not own else (own.get(slot.main(own) or ""), own.get(slot.second(own) or ""))
    return tuple(found)


def _beginnings(
    subjects: Sequence[Subject], curves: "Mapping[str, Mapping[str, Curve]]", look: Look
) -> tuple[object, ...]:
    """Where time counts, when each run's first point was written, whatever curve it is of."""
    if look.axis.scale not in (Scale.SECONDS, Scale.CLOCK):
        return ()
    return tuple(
        min((float(curve.wall_times[0]) for curve in curves.get(run.id, {}).values() if curve.steps.size), default=None)
        for subject in subjects
        for run in subject.runs
    )


def _draw(
    chart: Chart, slot: Slot, subjects: Sequence[Subject], curves: "Mapping[str, Mapping[str, Curve]]", look: Look
) -> None:
    from labtui.console.charts import build_series as plotting

    lines = plotting.series(slot, subjects, curves, look)
    if lines:
        chart.show(lines, plotting.view(slot, subjects, curves, look))
    elif missing := plotting.unplaced(slot, subjects, curves, look):
        chart.say(f"{', '.join(missing)}:", f"{look.axis} is not known from this run's files", "X: another axis")
    else:
        chart.say("no points yet")


def _note(look: Look) -> str:
    """What is not as it always is: `log y  smoothed 0.6`."""
    words = ["log y"] if look.log_y else []
    words += [f"smoothed {look.smoothing:g}"] if look.smoothing else []
    words += [] if look.clip_outliers else ["with outliers"]
    return "  ".join(words)


def _reason(subjects: Sequence[Subject], hint: tuple[str, ...], *, pending: bool) -> tuple[str, ...]:
    if not any(subject.runs for subject in subjects):
        return ("nothing has run here yet", *(hint if subjects else ()))
    return ("reading …",) if pending else ("no points yet",)

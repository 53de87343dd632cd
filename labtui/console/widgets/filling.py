"""Filling a chart with the curves of some subjects, or with the reason why there are none."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labtui.console.look import Look, Subject
from labtui.console.slots import Slot
from labtui.console.widgets.chart import Chart
from labtui.console.widgets.paint import entitle

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
) -> None:
    """Draw what the subjects have of this slot; `pending` says that their files are still being read."""
    title = f"{slot.title}  {_note(look)}".rstrip()
    entitle(chart, title)
    if not any(curves.get(run.id) for subject in subjects for run in subject.runs):
        chart.say(*_reason(subjects, pending=pending))
        return
    from labtui.console import curves as plotting  # deferred: numpy

    lines = plotting.series(slot, subjects, curves, look)
    if lines:
        chart.show(lines, plotting.view(slot, subjects, curves, look))
    elif missing := plotting.unplaced(slot, subjects, curves, look):
        chart.say(f"{', '.join(missing)}:", f"{look.axis} is not known from this run's files", "X: another axis")
    else:
        chart.say("no points yet")
    entitle(chart, title, "; ".join(chart.notes))


def _note(look: Look) -> str:
    """What is not as it always is: `log y  smoothed 0.6`."""
    words = ["log y"] if look.log_y else []
    words += [f"smoothed {look.smoothing:g}"] if look.smoothing else []
    words += [] if look.clip_outliers else ["with outliers"]
    return "  ".join(words)


def _reason(subjects: Sequence[Subject], *, pending: bool) -> tuple[str, ...]:
    if not subjects or not any(subject.runs for subject in subjects):
        return ("nothing has run here yet",)
    return ("reading …",) if pending else ("no points yet",)

"""Which curves share one chart: those that measure the same quantity, whichever protocol wrote them. Pure.

A tag of another tool means nothing of ours, even if it has the name of one of ours: it has a chart of its own with
its own name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labtui.console.charts.options import ChartedRun
from labtui.store import tags

if TYPE_CHECKING:
    from labtui.store.curve import Curve


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart: the tags that it shows, and the format of its values."""

    title: str
    tags: tuple[str, ...]
    """One per run: the first one that the run has."""
    training_tags: tuple[str, ...] = ()
    """Shown as well if the chart shows a single run: its values on the training set."""
    number: str = "loss"
    """How values are formatted: "accuracy" or "loss"."""
    foreign: bool = False
    """Whether it shows curves of other tools instead of ours."""

    def curve_of(self, curves: "Mapping[str, Curve]") -> "Curve | None":
        """The curve that the chart shows of a run with these curves."""
        return self._first(self.tags, curves)

    def training_curve_of(self, curves: "Mapping[str, Curve]") -> "Curve | None":
        """The training curve that the chart shows of a run with these curves."""
        return self._first(self.training_tags, curves)

    def _first(self, wanted: Iterable[str], curves: "Mapping[str, Curve]") -> "Curve | None":
        found = (curves[tag] for tag in wanted if tag in curves)
        return next((curve for curve in found if curve.is_foreign is self.foreign), None)


KNOWN = (
    Panel("minibatch loss", (tags.MINIBATCH_LOSS, tags.TRAIN_LOSS)),
    Panel("minibatch accuracy %", (tags.MINIBATCH_ACCURACY, tags.TRAIN_ACCURACY), number="accuracy"),
    Panel("test loss", (tags.REPORT_TEST_LOSS, tags.VAL_LOSS), (tags.REPORT_TRAIN_LOSS,)),
    Panel(
        "test accuracy %",
        (tags.REPORT_TEST_ACCURACY, tags.VAL_ACCURACY),
        (tags.REPORT_TRAIN_ACCURACY,),
        number="accuracy",
    ),
    Panel("learning rate", (tags.LEARNING_RATE,)),
)
"""Charts of the tags that the engine writes, in the order of the screen."""

UNREAD = Panel("curves", (), foreign=True)
"""In place of the charts of another tool's runs until it is known which there are."""

_SINGLE_POINT = frozenset({tags.TEST_LOSS, tags.TEST_ACCURACY})
"""These have one point, at the end: a number, not a curve."""


def panels_of(charted_runs: Iterable[ChartedRun], curves: "Mapping[str, Mapping[str, Curve]]") -> tuple[Panel, ...]:
    """The charts for these runs, with curves by run id and tag: those of labtui's runs, then those of other tools."""
    runs = [run for charted in charted_runs for run in charted.runs]
    ours: set[str] = set()
    theirs: set[str] = set()
    for run in runs:
        for tag, curve in curves.get(run.id, {}).items():
            (theirs if curve.is_foreign else ours).add(tag)
    if runs and not (ours or theirs) and not any(run.has_own_tags for run in runs):
        return (UNREAD,)
    foreign = tuple(Panel(tag, (tag,), foreign=True) for tag in sorted(theirs))
    return (*panels(ours), *foreign) if ours or not theirs else foreign


def panels(present: Iterable[str]) -> tuple[Panel, ...]:
    """The charts for runs of labtui that together have these tags: the known ones first, then one for every other tag.

    The first four known ones are there before they have points, so that no chart moves when the first points arrive.
    """
    there = sorted(set(present) - _SINGLE_POINT)
    known = [_named(panel, there) for panel in KNOWN if not {*panel.tags, *panel.training_tags}.isdisjoint(there)]
    if known or not there:
        known = [
            *(_named(panel, there) for panel in KNOWN[:4]),
            *(panel for panel in known if panel.tags == KNOWN[4].tags),
        ]
    covered = {tag for panel in KNOWN for tag in (*panel.tags, *panel.training_tags)}
    others = [
        Panel(tag, (tag,), number="accuracy" if tags.is_accuracy(tag) and _is_percent(tag) else "loss")
        for tag in there
        if tag not in covered
    ]
    return (*known, *others)


def _named(panel: Panel, present: Iterable[str]) -> Panel:
    """The panel, titled "validation" if that is what every run has."""
    validation = {tags.VAL_LOSS, tags.VAL_ACCURACY} & set(present)
    test = {tags.REPORT_TEST_LOSS, tags.REPORT_TEST_ACCURACY} & set(present)
    if not validation.intersection(panel.tags) or test:
        return panel
    return replace(panel, title=panel.title.replace("test", "validation"))


def _is_percent(tag: str) -> bool:
    """Only our own tags are known to be percentages; accuracies of other tools are mostly fractions."""
    return tag in tags.STEP_UNITS

"""Which curves share one chart: those that measure the same quantity, whichever protocol wrote them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from labtui.store import tags


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

    def tag_of(self, present: Iterable[str]) -> str | None:
        """The tag that the chart shows of a run with these tags."""
        return _first(self.tags, present)

    def training_tag_of(self, present: Iterable[str]) -> str | None:
        """The training tag that the chart shows of a run with these tags."""
        return _first(self.training_tags, present)


def _first(tags: Iterable[str], present: Iterable[str]) -> str | None:
    there = set(present)
    return next((tag for tag in tags if tag in there), None)


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

_SINGLE_POINT = frozenset({tags.TEST_LOSS, tags.TEST_ACCURACY})
"""These have one point, at the end: a number, not a curve."""


def panels(present: Iterable[str]) -> tuple[Panel, ...]:
    """The charts for runs that together have these tags: the known ones first, then one for every other tag.

    The first four known ones are there before they have points, so that no chart moves when the first points arrive.
    """
    there = sorted(set(present) - _SINGLE_POINT)
    known = [_named(panel, there) for panel in KNOWN if panel.tag_of(there) or panel.training_tag_of(there)]
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
    return Panel(panel.title.replace("test", "validation"), panel.tags, panel.training_tags, panel.number)


def _is_percent(tag: str) -> bool:
    """Only our own tags are known to be percentages; accuracies of other tools are mostly fractions."""
    return tag in tags.STEP_UNITS

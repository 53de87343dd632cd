"""Which curves belong into one chart: those that measure the same thing, whatever protocol wrote them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from labtui.store import tags


@dataclass(frozen=True, slots=True)
class Slot:
    """A chart: the tags that it shows, and how its values are written."""

    title: str
    tags: tuple[str, ...]
    """One per run: the first that a run has."""
    beside: tuple[str, ...] = ()
    """Shown as well where a single run is looked at: its training side."""
    number: str = "loss"

    def main(self, present: Iterable[str]) -> str | None:
        """The tag of this chart that a run with these tags has."""
        there = set(present)
        return next((tag for tag in self.tags if tag in there), None)

    def second(self, present: Iterable[str]) -> str | None:
        """The training side that a run with these tags has."""
        there = set(present)
        return next((tag for tag in self.beside if tag in there), None)


KNOWN = (
    Slot("minibatch loss", (tags.MINIBATCH_LOSS, tags.TRAIN_LOSS)),
    Slot("minibatch accuracy %", (tags.MINIBATCH_ACCURACY, tags.TRAIN_ACCURACY), number="accuracy"),
    Slot("test loss", (tags.REPORT_TEST_LOSS, tags.VAL_LOSS), (tags.REPORT_TRAIN_LOSS,)),
    Slot(
        "test accuracy %",
        (tags.REPORT_TEST_ACCURACY, tags.VAL_ACCURACY),
        (tags.REPORT_TRAIN_ACCURACY,),
        number="accuracy",
    ),
    Slot("learning rate", (tags.LEARNING_RATE,)),
)
"""Charts of the tags that the engine writes, in their order on the screen."""

_ONCE = frozenset({tags.TEST_LOSS, tags.TEST_ACCURACY})
"""One point at the end: a number, no curve."""


def slots(present: Iterable[str]) -> tuple[Slot, ...]:
    """The charts for runs that together have these tags: the known ones first, then every other tag by itself.

    The first four of the known ones are there before their points are, so that no chart moves when points come.
    """
    there = sorted(set(present) - _ONCE)
    known = [_named(slot, there) for slot in KNOWN if slot.main(there) or slot.second(there)]
    if known or not there:
        known = [*(_named(slot, there) for slot in KNOWN[:4]), *(slot for slot in known if slot.tags == KNOWN[4].tags)]
    covered = {tag for slot in KNOWN for tag in (*slot.tags, *slot.beside)}
    others = [
        Slot(tag, (tag,), number="accuracy" if tags.is_accuracy(tag) and _is_percent(tag) else "loss")
        for tag in there
        if tag not in covered
    ]
    return (*known, *others)


def _named(slot: Slot, present: Iterable[str]) -> Slot:
    """ "Validation" where that is what every run has: a figure is called what it is."""
    held = {tags.VAL_LOSS, tags.VAL_ACCURACY} & set(present)
    tested = {tags.REPORT_TEST_LOSS, tags.REPORT_TEST_ACCURACY} & set(present)
    if not held.intersection(slot.tags) or tested:
        return slot
    return Slot(slot.title.replace("test", "validation"), slot.tags, slot.beside, slot.number)


def _is_percent(tag: str) -> bool:
    """Foreign accuracies are fractions more often than percentages: only our own tags are known to be percent."""
    return tag in tags.STEP_UNITS

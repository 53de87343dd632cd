"""What became of each seed of a recipe.

A seed that diverged, ended in NaN or never learned says something about its recipe: without it, "2 of 5 seeds reach
62%" would read as "reaches 62%". Failed seeds therefore stay in n, and a seed whose first try failed has failed, even
if a later try finished: trying again until it works would choose the result. Runs that ended for want of disk, memory
or device, or that were killed, say nothing about the recipe and are no outcomes.

Without numpy: the console's list asks for outcomes too.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from labtui.learning import at_chance
from labtui.store import tags
from labtui.store.run import Run
from labtui.store.state import State

DIVERGED = "diverged"
NAN = "NaN"
NEVER_LEARNED = "never learned"
NO_VALUE = "no value"
CRASHED = "crashed"
STOPPED = "stopped"
"""A person stopped it: how it would have ended is not known, and it may have been stopped for how it looked."""

_ACCURACIES = (tags.TEST_ACCURACY, tags.REPORT_TEST_ACCURACY, tags.VAL_ACCURACY)
_TRAIN_ACCURACIES = (tags.REPORT_TRAIN_ACCURACY, tags.TRAIN_ACCURACY)

_USUAL_IMAGES = 10_000
"""Test images of a run that does not say how many it had."""

_ASKED = ("asked to stop", "received SIGINT", "stopped by ")
"""How the reason of a run begins that a person stopped."""

_SURROUNDINGS = ("out of memory", "disk full")
"""How the reason of a run begins that failed because of the machine."""

_EXEMPT_CODES = (2, 3)
"""Exit codes of an engine that could not run the spec, or lacked data, device, memory, disk or a package."""


class SeedOutcome(NamedTuple):
    """The end of one seed of one cell."""

    seed: int
    value: float | None
    """The metric; None where the seed failed."""
    failure: str = ""
    """`diverged`, `NaN`, `never learned`, `crashed`, `no value`, `stopped`; empty where the seed finished."""
    run: str = ""
    """The id of the run that decides it."""
    reached: float | None = None
    """The metric of a failed seed, where that is a finite number."""


def never_learned(run: Run, classes: int | None) -> bool:
    """Whether a finished run ended at chance, on test images and, if known, on training images.

    False where the number of classes is not known.
    """
    if run.result is None or not classes or classes < 2:
        return False
    images = run.result.test_images or _USUAL_IMAGES
    tests = [run.result.last[tag].number for tag in _ACCURACIES if tag in run.result.last][:1]
    trains = [run.result.last[tag].number for tag in _TRAIN_ACCURACIES if tag in run.result.last][:1]
    return bool(tests) and all(at_chance(percent, classes, images) for percent in (*tests, *trains))


def shown_accuracy(run: Run) -> float | None:
    """The accuracy by which a run counts as at chance; None if it recorded none."""
    last = run.result.last if run.result else {}
    return next((last[tag].number for tag in _ACCURACIES if tag in last), None)


def seed_outcome(seed: int, tries: Sequence[Run], tag: str, classes: int | None) -> SeedOutcome | None:
    """The outcome of one seed from all its runs, newest first; None while it has none."""
    for run in tries:
        if failure := _failure(run, tag, classes):
            return SeedOutcome(seed, None, failure, run.id, last_value(run, tag))
    for run in tries:
        value = last_value(run, tag) if run.state is State.FINISHED else None
        if value is not None:
            return SeedOutcome(seed, value, "", run.id)
    finished = next((run for run in tries if run.state is State.FINISHED), None)
    return SeedOutcome(seed, None, NO_VALUE, finished.id) if finished else None


def open_outcome(seed: int, tries: Sequence[Run]) -> SeedOutcome | None:
    """The outcome, for now, of a seed that has no other: it crashed, or a person stopped it. None for any other seed.

    `tries` are newest first. Once the seed is resumed and finishes, this is forgotten.
    """
    for run in tries:
        if has_crashed(run):
            return SeedOutcome(seed, None, CRASHED, run.id)
    newest = next(iter(tries), None)
    if newest is None or newest.state is not State.STOPPED or not newest.reason.startswith(_ASKED):
        return None
    return SeedOutcome(seed, None, STOPPED, newest.id)


def last_value(run: Run, tag: str) -> float | None:
    """The last value of a tag; None if it was not recorded or is not finite."""
    last = run.result.last.get(tag) if run.result else None
    return last.number if last is not None and math.isfinite(last.number) else None


def has_crashed(run: Run) -> bool:
    """Whether a run failed by an error of its own program, rather than for want of something or by a signal."""
    if run.state is not State.FAILED or not run.attempt or run.reason.startswith(_SURROUNDINGS):
        return False
    return run.exit is None or (run.exit.signal is None and run.exit.code not in _EXEMPT_CODES)


def has_failed(run: Run) -> bool:
    """Whether a run says that its recipe can fail, whatever the metric and the number of classes."""
    return run.state is State.DIVERGED or has_crashed(run)


def worst_value(outcomes: Iterable[SeedOutcome], *, higher_is_better: bool, chance: float | None) -> float | None:
    """What a failed seed counts: `chance` where the metric has such a value, or anything worse that was seen.

    Without either the worst value that any seed ended at; None if there is no value at all.
    """
    ends = [value for one in outcomes for value in (one.value, one.reached) if value is not None]
    values = [*ends, *([chance] if chance is not None else [])]
    return None if not values else min(values) if higher_is_better else max(values)


def failed_seeds(outcomes: Iterable[SeedOutcome]) -> tuple[SeedOutcome, ...]:
    """Those that failed."""
    return tuple(one for one in outcomes if one.value is None)


def _failure(run: Run, tag: str, classes: int | None) -> str:
    if run.state is State.DIVERGED:
        return DIVERGED
    if run.state is not State.FINISHED or run.result is None:
        return ""
    if run.result.facts.get("diverged_before"):
        return DIVERGED
    last = run.result.last.get(tag)
    if last is not None and not math.isfinite(last.number):
        return NAN
    return NEVER_LEARNED if never_learned(run, classes) else ""

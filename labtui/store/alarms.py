"""What a person should look at in a run, with the reason: pure, from the run and its curves.

*Not learning* has two faces. A run that has *not started* is at chance while its loss still falls: more epochs or a
larger rate may do. A *dead* one is at chance while its loss stands still: nothing will come of it.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from labtui.store import tags
from labtui.store.curve import Curve
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.trend import is_falling

Kind = Literal["diverged", "out of memory", "disk full", "points lost", "not started", "dead", "at chance", "disk low"]

EPOCHS_AT_CHANCE = 3
"""So many epochs at chance in a row are no bad luck."""

FEWEST_IMAGES = 5_000
"""Of the sets whose accuracy is looked at, the smallest with which "at chance" is exact; smaller ones scatter more."""

LOW_DISK = 1 << 30
"""Bytes free on a disk below which it is low: a few checkpoints of a mid-sized network."""

_MEMORY = re.compile("out of memory", re.IGNORECASE)
_DISK = re.compile("disk (is |was )?full|no space left", re.IGNORECASE)
_LOSSES = (tags.REPORT_TRAIN_LOSS, tags.VAL_LOSS, tags.REPORT_TEST_LOSS, tags.TRAIN_LOSS)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing to look at; `text` is a clause for people that begins with what it is."""

    kind: Kind
    text: str


def alarms(run: Run, curves: Mapping[str, Curve], classes: int) -> tuple[Alarm, ...]:
    """What should be looked at in a run whose data set has so many classes, the gravest first. Pure."""
    return (*_of_its_end(run), *_of_its_points(run), *_of_its_learning(run, curves, classes))


def disk_low(free: int) -> Alarm | None:
    """An alarm where so many bytes are free on the disk of the runs folder. Pure."""
    if free >= LOW_DISK:
        return None
    return Alarm("disk low", f"disk low: {free / (1 << 20):,.0f} MiB are free; checkpoints may not fit")


def at_chance(percent: float, classes: int, images: int = FEWEST_IMAGES) -> bool:
    """Whether an accuracy is that of guessing, within three standard errors of a set of so many images."""
    share = 1 / classes
    return abs(percent - 100 * share) <= 300 * math.sqrt(share * (1 - share) / max(images, 1))


def _of_its_end(run: Run) -> tuple[Alarm, ...]:
    if run.state is State.DIVERGED:
        return (Alarm("diverged", f"diverged: {run.reason}" if run.reason else "diverged"),)
    if run.state is not State.FAILED:
        return ()
    if _MEMORY.search(run.reason):
        return (Alarm("out of memory", run.reason),)
    if _DISK.search(run.reason):
        return (Alarm("disk full", run.reason),)
    return ()


def _of_its_points(run: Run) -> tuple[Alarm, ...]:
    lost = run.result.points_lost if run.result else run.beat.points_lost if run.beat else 0
    if not lost:
        return ()
    why = f" ({run.beat.warning})" if run.beat and run.beat.warning else ""
    return (Alarm("points lost", f"{lost:,} metric points could not be written{why}"),)


def _of_its_learning(run: Run, curves: Mapping[str, Curve], classes: int) -> tuple[Alarm, ...]:
    if classes < 2 or not (run.state.is_active or run.state in (State.FINISHED, State.STOPPED)):
        return ()
    curve = next((curves[tag] for tag in tags.LIVE_ACCURACY if tag in curves and len(curves[tag])), None)
    if curve is None or len(curve) < EPOCHS_AT_CHANCE:
        return ()
    latest = [float(value) for value in curve.values[-EPOCHS_AT_CHANCE:]]
    if not all(at_chance(percent, classes) for percent in latest):
        return ()
    where = f"{latest[-1]:.2f}% with {classes} classes, at chance for {EPOCHS_AT_CHANCE} epochs"
    return (_not_learning(where, _loss(curves)),)


def _not_learning(where: str, loss: Curve | None) -> Alarm:
    falling = None if loss is None else is_falling(map(float, loss.values))
    if loss is None or falling is None:
        return Alarm("at chance", f"not learning: {where}")
    if falling:
        return Alarm("not started", f"not started: {where}, but {loss.tag} still falls")
    return Alarm("dead", f"dead: {where}, and {loss.tag} stands still")


def _loss(curves: Mapping[str, Curve]) -> Curve | None:
    return next((curves[tag] for tag in _LOSSES if tag in curves and len(curves[tag])), None)

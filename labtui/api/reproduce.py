"""Compares the first epoch of a run with that of a repetition, point by point. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from labtui.spec import RunSpec
from labtui.store.records import Launch
from labtui.store.tags import LEARNING_RATE, StepUnit, is_accuracy

if TYPE_CHECKING:
    from labtui.store.curve import Curve

CLOSE_LOSS = 0.01
"""Relative difference up to which two losses count as close: rounding that grew over an epoch."""

CLOSE_ACCURACY = 1.0
"""The same for accuracies, in percentage points."""


class Reproducibility(StrEnum):
    """How closely a repetition matches the original."""

    EXACT = "bit-exact"
    CLOSE = "close"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a comparison."""

    grade: Reproducibility
    points: int
    """Points of the first epoch that both runs have."""
    unequal: int
    worst: str
    """The point with the largest difference, as text; empty if all are equal."""
    missing: int
    """Points that only one of them has, of tags whose points do not depend on wall-clock time."""


def first_epoch_points(
    curves: Mapping[str, "Curve"], spec: RunSpec, steps_per_epoch: int
) -> dict[str, dict[int, float]]:
    """The points of the first epoch by tag and step, without the learning rate."""
    points_per_epoch = steps_per_epoch // spec.training.log_every
    last = {StepUnit.EPOCH: 1, StepUnit.POINT: points_per_epoch, StepUnit.STEP: steps_per_epoch}
    by_tag: dict[str, dict[int, float]] = {}
    for tag, curve in curves.items():
        pairs = zip(curve.steps.tolist(), curve.values.tolist(), strict=True)
        points = {step: value for step, value in pairs if step <= last[curve.unit]}
        if points and tag != LEARNING_RATE and not tag.startswith("test/"):
            by_tag[tag] = points
    return by_tag


def compare_first_epochs(
    original: Mapping[str, Mapping[int, float]],
    repeated: Mapping[str, Mapping[int, float]],
    units: Mapping[str, StepUnit],
) -> Verification:
    """Compare the points of two first epochs, given by tag and step.

    Points that are spaced by wall-clock time (unit: optimizer step) are at other steps in every run, so only common
    steps count. Of the other tags, a point that only one side has makes the two different.
    """
    distances = {
        (tag, step): _distance(tag, value, repeated[tag][step])
        for tag, points in original.items()
        for step, value in points.items()
        if step in repeated.get(tag, {})
    }
    missing = sum(
        len(original.get(tag, {}).keys() ^ repeated.get(tag, {}).keys())
        for tag in original.keys() | repeated.keys()
        if units[tag] is not StepUnit.STEP
    )
    unequal = [point for point, distance in distances.items() if distance > 0]
    worst = max(unequal, key=lambda point: distances[point], default=None)
    different = missing > 0 or not distances or any(distance > 1 for distance in distances.values())
    exactness = Reproducibility.CLOSE if unequal else Reproducibility.EXACT
    return Verification(
        grade=Reproducibility.DIFFERENT if different else exactness,
        points=len(distances),
        unequal=len(unequal),
        worst="" if worst is None else _point_text(worst, original, repeated, units),
        missing=missing,
    )


def environment_changes(then: Launch | None, now: Launch | None) -> tuple[str, ...]:
    """What has changed since the first launch and can change bits: versions, device, threads, host, commit."""
    if then is None or now is None:
        return ()
    versions = [
        f"{name} {then.versions.get(name, 'not recorded')}, now {now.versions.get(name, 'not recorded')}"
        for name in sorted({*then.versions, *now.versions})
        if then.versions.get(name) != now.versions.get(name)
    ]
    pairs = (
        ("device", then.device_name or then.device, now.device_name or now.device),
        ("threads", str(then.threads), str(now.threads)),
        ("host", then.host, now.host),
        ("commit", then.commit or "none", now.commit or "none"),
    )
    return (*versions, *(f"{what} {before}, now {after}" for what, before, after in pairs if before != after))


def _distance(tag: str, one: float, other: float) -> float:
    """0 for equal values (NaN equals NaN), above 1 for values that are not close."""
    if one == other or (math.isnan(one) and math.isnan(other)):
        return 0.0
    if not math.isfinite(one) or not math.isfinite(other):
        return math.inf
    if is_accuracy(tag):
        return abs(one - other) / CLOSE_ACCURACY
    return abs(one - other) / max(abs(one), abs(other)) / CLOSE_LOSS


def _point_text(
    point: tuple[str, int],
    original: Mapping[str, Mapping[int, float]],
    repeated: Mapping[str, Mapping[int, float]],
    units: Mapping[str, StepUnit],
) -> str:
    tag, step = point
    return f"{tag} at {units[tag]} {step}: {original[tag][step]:.7g}, now {repeated[tag][step]:.7g}"

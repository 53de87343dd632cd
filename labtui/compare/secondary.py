"""Secondary estimates of a judged difference: they are shown beside the verdict and never change it.

Each has the level of the interval that the comparison shows, whatever decided that (one row or several, one look or
many), so that none of them says more than the verdict may. Where that interval is withheld, they are too.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from labtui.compare.borrowed_spread import borrow
from labtui.compare.cells import Cell, final_values
from labtui.compare.differences import Difference
from labtui.compare.image_sampling import other_images
from labtui.compare.metrics import TableMetric
from labtui.compare.model import BorrowedSpread, Comparison, OtherImages, Superiority
from labtui.compare.run_data import RunData
from labtui.compare.statistics import ALPHA, Estimate, bounds
from labtui.compare.superiority import superiority
from labtui.compare.verdicts import PendingComparison
from labtui.text.numbers import seed_list

FEWEST_LENDERS = 2
"""Other rows from which a row borrows."""

_CENTRE = 1e-6
"""How far, relative to its width, the middle of an interval may be from the difference that it is about."""


def with_secondary(
    pending: Sequence[PendingComparison],
    judged: Sequence[Comparison],
    metric: TableMetric,
    run_data: RunData,
    shown: Collection[str],
) -> list[Comparison]:
    """The comparisons with their secondary estimates; `pending` are the same ones before they were judged.

    Only rows whose keys are in `shown` get any; all rows lend spread.
    """
    levels = [shown_level(one, item.difference) for one, item in zip(judged, pending, strict=True)]
    borrowed = _borrowed(pending, judged, levels, metric)
    return [
        msgspec.structs.replace(
            one,
            other_images=_other_images(item, level, metric, run_data),
            borrowed=borrowed.get(index),
            superiority=_superiority(one, item.difference, level, metric),
        )
        if level is not None and item.here.key in shown
        else one
        for index, (one, item, level) in enumerate(zip(judged, pending, levels, strict=True))
    ]


def shown_level(comparison: Comparison, found: Difference) -> float | None:
    """The level at which the usual interval of a difference would be the one that is shown; None where none is."""
    from scipy.special import stdtr  # deferred: 60 ms

    shown, estimate = comparison.shown_interval, found.estimate
    if shown is None or estimate is None or not np.isfinite(shown).all() or not float(estimate.error) > 0:
        return None
    half = (shown[1] - shown[0]) / 2
    if abs((shown[0] + shown[1]) / 2 - float(estimate.delta)) > _CENTRE * max(half, abs(float(estimate.delta))):
        return None  # it is about other seeds: a plan's last look, say
    return 1 - 2 * float(stdtr(estimate.freedom, -half / float(estimate.error)))


# --- Other images -------------------------------------------------------------------------------------------------


def _other_images(
    pending: PendingComparison, level: float, metric: TableMetric, run_data: RunData
) -> OtherImages | None:
    """None for a metric that is not measured image by image in the stored predictions."""
    if not (metric.is_accuracy and metric.is_plain_test and metric.take == "last"):
        return None
    here, there, found = pending.here, pending.there, pending.difference
    sides = [_right(cell, metric.tag, run_data) for cell in (here, there)]
    missing = [
        f"no stored predictions of {cell.title}, {seed_list(seeds)}"
        for cell, (_, _, seeds) in zip((here, there), sides, strict=True)
        if seeds
    ]
    if missing:
        return OtherImages(interval=None, images=0, why="; ".join(missing))
    (ours, labels, _), (theirs, other_labels, _) = sides
    if not _are_same([*labels, *other_labels]):
        return OtherImages(interval=None, images=0, why="their test images are not the same")
    images = len(labels[0])
    if images < 2:
        return OtherImages(interval=None, images=images, why="there are no test images")
    estimate = other_images(np.array(ours), np.array(theirs), pairs=found.method == "paired")
    if not float(estimate.error) > 0:
        return OtherImages(interval=None, images=images, why="all predictions are equally right")
    return OtherImages(interval=_interval(estimate, level), images=images)


def _right(
    cell: Cell, tag: str, run_data: RunData
) -> tuple[list[NDArray[np.bool_]], list[NDArray[np.int64]], list[int]]:
    """Per seed with a value which images its network gets right, and their labels; the seeds without predictions."""
    runs = {run.id: run for run in (*cell.runs, *cell.superseded)}
    right, labels, missing = [], [], []
    for value in final_values(cell, tag):
        predictions = run_data.predictions(runs[value.run]) if value.run in runs else None
        if predictions is None:
            missing.append(value.seed)
            continue
        right.append(predictions.predicted == predictions.labels)
        labels.append(predictions.labels)
    return right, labels, missing


def _are_same(labels: Sequence[NDArray[np.int64]]) -> bool:
    return all(np.array_equal(labels[0], other) for other in labels[1:])


# --- Borrowed spread ----------------------------------------------------------------------------------------------


def _borrowed(
    pending: Sequence[PendingComparison],
    judged: Sequence[Comparison],
    levels: Sequence[float | None],
    metric: TableMetric,
) -> Mapping[int, BorrowedSpread]:
    """By place: rows with the same baseline, compared in the same way, lend each other spread."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, (one, level) in enumerate(zip(judged, levels, strict=True)):
        if level is not None and one.judged and one.method in ("paired", "welch") and _is_complete(one):
            groups[one.against_key, one.method].append(index)
    found: dict[int, BorrowedSpread] = {}
    for places in groups.values():
        if len(places) > FEWEST_LENDERS:
            strict = [borrowed_level(levels[place] or 0.0, len(places)) for place in places]
            found |= _borrowed_in_group(pending, places, strict, metric)
    return found


def borrowed_level(level: float, rows: int) -> float:
    """The level of a borrowed interval among so many: the row's own, but never looser than Bonferroni's.

    Holm loosens the level of a row once others are decided. A row that spreads five times as much as they do, and
    borrows from them, would then be beyond zero in 10 of 100 cases without any effect.
    """
    return max(level, 1 - ALPHA / rows)


def _borrowed_in_group(
    pending: Sequence[PendingComparison], places: Sequence[int], levels: Sequence[float], metric: TableMetric
) -> dict[int, BorrowedSpread]:
    first = pending[places[0]]
    sides = [_values(first.there, metric), *(_values(pending[place].here, metric) for place in places)]
    borrowed = borrow(sides[0], sides[1:], pairs=first.difference.method == "paired")
    if borrowed.is_outlier:
        why = f"the seeds of {first.there.title} spread more than those of its rows: nothing is borrowed"
        return {place: BorrowedSpread(interval=None, rows=0, why=why) for place in places}
    found = {}
    for index, (place, level) in enumerate(zip(places, levels, strict=True)):
        if borrowed.lent[index]:
            one = Estimate(*(numbers[index] for numbers in borrowed.estimate))
            found[place] = BorrowedSpread(interval=_interval(one, level), rows=len(places) - 1)
    return found


def _values(cell: Cell, metric: TableMetric) -> list[float]:
    return [value.value for value in final_values(cell, metric.tag)]


# --- P(A > B) -----------------------------------------------------------------------------------------------------


def _superiority(comparison: Comparison, found: Difference, level: float, metric: TableMetric) -> Superiority | None:
    """None where nothing is judged, where seeds failed, and where some have a partner and others have none."""
    if found.estimate is None or not found.sd or metric.higher_is_better is None:
        return None
    if not comparison.judged or comparison.method not in ("paired", "welch") or not _is_complete(comparison):
        return None
    one = superiority(found.estimate, found.sd, found.n, level)
    probability, low, high = (float(value) for value in one)
    if not metric.higher_is_better:
        probability, low, high = 1 - probability, 1 - high, 1 - low
    return Superiority(probability=probability, interval=(low, high), paired=comparison.method == "paired")


def _is_complete(comparison: Comparison) -> bool:
    """Whether every seed that ended has a value."""
    sides = comparison.row_seeds, comparison.baseline_seeds
    return all(side.learned == side.total for side in sides)


def _interval(estimate: Estimate, level: float) -> tuple[float, float]:
    low, high = bounds(estimate, level)
    return float(low), float(high)

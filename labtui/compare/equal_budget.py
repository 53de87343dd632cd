"""A table at an equal budget: every run is read at the point of its curves where it had cost as much as the others.

The budget is the largest that all finished runs of the table reached, or a given one. Epochs, steps, images and seconds
of a run are taken to pass evenly over its curves. Seeds that failed have failed at every budget.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import msgspec

from labtui.compare.cells import Cell
from labtui.compare.metrics import TableMetric
from labtui.compare.model import BudgetUnit, EqualBudget
from labtui.compare.outcomes import SeedOutcome, last_value
from labtui.compare.run_data import RunData
from labtui.errors import UsageError
from labtui.store.records import LastValue, Result
from labtui.store.tags import StepUnit
from labtui.text.durations import duration
from labtui.text.numbers import count
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.store.curve import Curve
    from labtui.store.run import Run

BUDGET_UNITS: tuple[BudgetUnit, ...] = get_args(BudgetUnit)

LEFT_OUT = (
    "at an equal budget; accuracy by class, other images and the final test loss need the network at its end and are "
    "left out"
)

_ROUNDING = 0.005
"""Relative: budgets that differ by less are equal. Two epochs on half the images may see an image more than one."""


def selection(budget: EqualBudget) -> str:
    """Which point of each run is read, for a caption."""
    if budget.value is None:
        return "at an equal budget, which no run reached"
    whose = "" if budget.given else ", the largest budget that all runs reached"
    return f"at {budget_text(budget.value, budget.unit)}{whose}"


def parse_equal_budget(text: str) -> EqualBudget:
    """Parse `images` or `images=5,000`. Raises UsageError for anything else."""
    unit, has_value, number = text.partition("=")
    if unit not in BUDGET_UNITS:
        raise UsageError(
            f"--equal-budget {text!r} is unknown.", advice=f"Use one of {', '.join(BUDGET_UNITS)}, or images=5000."
        )
    if not has_value:
        return EqualBudget(unit=unit)
    try:
        value = float(number.replace(",", "").replace("_", ""))
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise UsageError(
            f"--equal-budget {text!r}: {number!r} is not a valid number of {unit}.", advice=f"Use {unit}=5000, say."
        )
    return EqualBudget(unit=unit, value=value, given=True)


def budget_text(value: float, unit: BudgetUnit) -> str:
    """An amount in words: `5,000 images`."""
    if unit == "seconds":
        return f"{duration(value)} of training"
    return plural(int(value), unit[:-1]) if value == 1 else f"{count(value)} {unit}"


def at_equal_budget(
    cells: Sequence[Cell], shown: Collection[str], metric: TableMetric, budget: EqualBudget, run_data: RunData
) -> tuple[TableMetric, tuple[Cell, ...], EqualBudget]:
    """The metric, the cells as they were at an equal budget, and that budget.

    `shown` are the keys of the cells whose runs decide what all of them reached. A cell of which a run did not reach a
    given budget has no values, and says why. Raises UsageError for a metric that is not taken from the last point.
    """
    if metric.take != "last":
        raise UsageError(f"--equal-budget and --take {metric.take} both select the point.", advice="Use only one.")
    if budget.value is None:
        reached = [_reached(run.result, budget.unit) for cell in cells if cell.key in shown for run in _ended(cell)]
        budget = msgspec.structs.replace(budget, value=min((amount for amount in reached if amount), default=None))
    metric = msgspec.structs.replace(metric, selection=selection(budget))
    if budget.value is None:
        return metric, tuple(cells), budget
    return metric, tuple(_cell_at(cell, metric, budget, run_data) for cell in cells), budget


def _ended(cell: Cell) -> list["Run"]:
    return [run for run in cell.runs if run.result is not None]


def _reached(result: Result | None, unit: BudgetUnit) -> float:
    if result is None:
        return 0.0
    seconds = result.train_seconds or result.seconds
    amounts = {"epochs": result.epochs, "steps": result.steps, "images": result.images_seen, "seconds": seconds}
    return float(amounts[unit])


def _cell_at(cell: Cell, metric: TableMetric, budget: EqualBudget, run_data: RunData) -> Cell:
    value = budget.value or 0.0
    short = [amount for run in _ended(cell) if (amount := _reached(run.result, budget.unit)) < value * (1 - _ROUNDING)]
    if short:
        return _without_values(cell, metric.tag, f"reached only {budget_text(min(short), budget.unit)}")
    runs = {run.id: _run_at(run, metric, value, budget.unit, run_data) for run in (*cell.runs, *cell.superseded)}
    if any(last_value(runs[run.id], metric.tag) is None for run in _ended(cell) if last_value(run, metric.tag)):
        return _without_values(cell, metric.tag, f"no {metric.tag} up to {budget_text(value, budget.unit)}")
    outcomes = tuple(_outcome_at(one, runs, metric.tag) for one in cell.outcomes(metric.tag))
    return replace(
        cell,
        runs=tuple(runs[run.id] for run in cell.runs),
        superseded=tuple(runs[run.id] for run in cell.superseded),
        known_outcomes={metric.tag: outcomes},
    )


def _without_values(cell: Cell, tag: str, why: str) -> Cell:
    failed = tuple(one for one in cell.outcomes(tag) if one.value is None)
    runs = tuple(
        replace(run, result=msgspec.structs.replace(run.result, last={})) if run.result else run for run in cell.runs
    )
    return replace(cell, runs=runs, known_outcomes={tag: failed}, short_of=why)


def _outcome_at(outcome: SeedOutcome, runs: Mapping[str, "Run"], tag: str) -> SeedOutcome:
    if outcome.value is None or outcome.run not in runs:
        return outcome
    return outcome._replace(value=last_value(runs[outcome.run], tag))


def _run_at(run: "Run", metric: TableMetric, value: float, unit: BudgetUnit, run_data: RunData) -> "Run":
    """The run with the last values up to a budget, and with what it had cost where the metric was read."""
    result = run.result
    if result is None or not _reached(result, unit):
        return run
    share, curves = min(1.0, value / _reached(result, unit)), run_data.curves(run)
    last: dict[str, LastValue] = {}
    read = share
    for tag in result.last:
        curve = curves.get(tag)
        if curve is None or not len(curve):
            continue
        total = _length(curve, result)
        index = int(curve.steps.searchsorted(share * total * (1 + _ROUNDING), side="right")) - 1
        if index < 0:
            continue
        last[tag] = _stored(int(curve.steps[index]), float(curve.values[index]), metric, tag)
        if tag == metric.tag:
            read = min(share, float(curve.steps[index]) / total)
    changed = msgspec.structs.replace(
        result,
        last=last,
        epochs=round(result.epochs * read),
        steps=round(result.steps * read),
        images_seen=round(result.images_seen * read),
        train_seconds=result.train_seconds * read,
        seconds=result.seconds * read,
    )
    return replace(run, result=changed)


def _length(curve: "Curve", result: Result) -> float:
    """The step of a curve at which its run ends."""
    end = float(curve.steps[-1])
    known = {StepUnit.EPOCH: result.epochs, StepUnit.STEP: result.steps}.get(curve.unit, 0)
    return max(end, float(known), 1.0)


def _stored(step: int, value: float, metric: TableMetric, tag: str) -> LastValue:
    scale = 100.0 if metric.percent and tag == metric.tag else 1.0
    if math.isfinite(value):
        return LastValue(step=step, value=value * scale)
    return LastValue(step=step, value="nan" if math.isnan(value) else "inf" if value > 0 else "-inf")

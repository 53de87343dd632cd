"""Runs as a metric sees them: the value that it takes from each curve, in the unit in which it is shown."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from labtui import spec
from labtui.compare.cells import Cell
from labtui.compare.metrics import TableMetric, metric
from labtui.compare.run_data import RunData
from labtui.store.records import LastValue

if TYPE_CHECKING:
    from labtui.store.run import Run

_RUNS = ("runs", "superseded", "unfinished", "other_tries")
"""The fields of a cell that hold runs."""

_LAST_EPOCH, _KEY = "last epoch", "training.early_stopping"


def measured(
    cells: Sequence[Cell], declared: spec.Metric | str, run_data: RunData
) -> tuple[TableMetric, tuple[Cell, ...]]:
    """The metric, and the cells with its value in place of each run's last one.

    A run without a point where the metric takes its value has no value. Curves are read only for values that are not
    the last ones.
    """
    tag = declared if isinstance(declared, str) else declared.tag
    of_programs = [cell.engine_spec is None for cell in cells if _last_values([cell], tag)]
    own = not of_programs or not all(of_programs)
    found = _of_selected_epochs(metric(declared, _last_values(cells, tag), own=own), cells)
    if found.take == "last" and not found.percent:
        return found, tuple(cells)
    return found, tuple(_measured_cell(cell, found, run_data) for cell in cells)


def _of_selected_epochs(found: TableMetric, cells: Iterable[Cell]) -> TableMetric:
    """The metric, whose remark does not claim the last epoch if some runs test their best one."""
    selected = any(cell.engine_spec and cell.engine_spec.training.early_stopping for cell in cells)
    if not (selected and found.is_plain_test and found.take == "last"):
        return found
    remark = found.selection.replace(_LAST_EPOCH, f"{_LAST_EPOCH}, or the best one on images held out ({_KEY})", 1)
    return msgspec.structs.replace(found, selection=remark)


def _last_values(cells: Iterable[Cell], tag: str) -> list[float]:
    runs = (run for cell in cells for run in (*cell.runs, *cell.superseded))
    return [run.result.last[tag].number for run in runs if run.result and tag in run.result.last]


def _measured_cell(cell: Cell, found: TableMetric, run_data: RunData) -> Cell:
    changed: dict[str, Any] = {
        name: tuple(_measured_run(run, found, run_data) for run in getattr(cell, name, ())) for name in _RUNS
    }
    return replace(cell, **{name: runs for name, runs in changed.items() if runs})


def _measured_run(run: "Run", found: TableMetric, run_data: RunData) -> "Run":
    if run.result is None or found.tag not in run.result.last:
        return run
    last = dict(run.result.last)
    value = _value(run, last.pop(found.tag), found, run_data)
    if value is not None:
        last[found.tag] = value
    return replace(run, result=msgspec.structs.replace(run.result, last=last))


def _value(run: "Run", last: LastValue, found: TableMetric, run_data: RunData) -> LastValue | None:
    scale = 100.0 if found.percent else 1.0
    if found.take == "last":
        return LastValue(step=last.step, value=last.number * scale) if abs(last.number) < float("inf") else last
    curve = run_data.curves(run).get(found.tag)
    if curve is None:
        return None
    point = curve.best(found.better) if found.take == "best" else curve.at(int(found.take[3:]))
    return LastValue(step=point[0], value=point[1] * scale) if point and abs(point[1]) < float("inf") else None

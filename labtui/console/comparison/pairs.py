"""A row of the comparison with the runs behind it: what its panel says, what its charts show. Pure."""

from dataclasses import dataclass

from labtui.compare.model import Comparison, ComparisonRow, ComparisonTable
from labtui.console.charts.options import Subject
from labtui.console.comparison.details import class_lines, row_lines, table_lines
from labtui.console.comparison.spec_diff import contrast_lines
from labtui.console.data.snapshot import Snapshot
from labtui.console.launch.request import Wish, wish_of_request
from labtui.console.run.overview import beside
from labtui.console.ui.glyphs import Glyphs
from labtui.spec import RunSpec
from labtui.store.run import Run
from labtui.text.spans import Line

TWO_COLUMNS = 120
"""Cells from which the panel has its second block beside the first."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A row, and what it is compared with where it is compared."""

    row: ComparisonRow
    comparison: Comparison | None
    runs: tuple[Run, ...]
    baseline_runs: tuple[Run, ...]

    @property
    def specs(self) -> tuple[tuple[str, RunSpec], ...]:
        """The row's and its baseline's, each with its title; of a row without a baseline its own."""
        here = [(self.row.title, run.spec) for run in self.runs[:1] if run.spec]
        there = [(self.comparison.against, run.spec) for run in self.baseline_runs[:1] if run.spec and self.comparison]
        return (*here, *there)


def pair(table: ComparisonTable, row: ComparisonRow, snapshot: Snapshot, *, matched: bool = False) -> Pair:
    """The row with its declared baseline, or with the matched one."""
    one = row.matched if matched and row.matched else row.declared
    other = table.row(one.against_key) if one else None
    return Pair(row, one, _runs(row, snapshot), _runs(other, snapshot) if other else ())


def _runs(row: ComparisonRow, snapshot: Snapshot) -> tuple[Run, ...]:
    found = (snapshot.run(value.run) for value in row.values)
    return tuple(run for run in found if run is not None)


def panel_lines(table: ComparisonTable, found: Pair, room: int, glyphs: Glyphs) -> list[Line]:
    """Everything about the row; what differs and its classes stand beside the rest where there is room."""
    wide = room >= TWO_COLUMNS
    left = room * 3 // 5 if wide else room
    right = room - left - 4 if wide else room
    first = row_lines(table, found.row, left, glyphs)
    second = _difference(found, right, glyphs)
    classes = class_lines(found.row, min(right, 60), glyphs)
    second += _block(classes) if second else classes
    notes = _block(table_lines(table, room, glyphs))
    return [*(beside(first, second, room) if wide and second else [*first, *_block(second)]), *notes]


def _difference(found: Pair, room: int, glyphs: Glyphs) -> list[Line]:
    if len(found.specs) < 2:
        return []
    return contrast_lines(found.specs, found.row.factor, room, glyphs)


def _block(lines: list[Line]) -> list[Line]:
    return [(), *lines] if lines else []


def subjects(found: Pair) -> tuple[Subject, ...]:
    """The row's seeds as one line, its baseline's as another."""
    here = Subject(found.row.title, "A", found.runs, 0)
    if found.comparison is None or not found.baseline_runs:
        return (here,) if found.runs else ()
    return (here, Subject(found.comparison.against, "B", found.baseline_runs, 1, 1))


def remedy(row: ComparisonRow) -> tuple[Wish, ...]:
    """The runs that lead to a verdict: of the missing matched baseline, else of more seeds."""
    return tuple(map(wish_of_request, row.next_runs))

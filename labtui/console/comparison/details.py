"""What the panel says about a row of a comparison: verdict, findings, differences, accuracy by class. Pure."""

from dataclasses import dataclass

import msgspec

from labtui.compare.foreign import spec_of_run
from labtui.compare.model import Comparison, ComparisonRow, ComparisonTable
from labtui.compare.render import phrases
from labtui.compare.render.notes import note_lines
from labtui.compare.render.secondary import secondary_notes, secondary_table
from labtui.compare.render.text import effect_lines, published_lines
from labtui.console.charts.options import ChartedRun
from labtui.console.comparison.spec_diff import diff_lines
from labtui.console.data.snapshot import Snapshot
from labtui.console.launch.request import LaunchRequest, launch_request_of
from labtui.console.run.confusion import class_accuracy_lines
from labtui.console.run.overview import beside
from labtui.console.ui.glyphs import Glyphs
from labtui.spec import Spec
from labtui.store.run import Run
from labtui.text.clean import clean_line
from labtui.text.spans import Line, Span, shorten, wrap

TWO_COLUMNS = 120
"""Cells from which the differences stand beside the verdict."""

WIDEST_CLASSES = 60
"""Cells of the accuracy by class, at most."""


@dataclass(frozen=True, slots=True)
class RowRuns:
    """A row and its baseline, with their runs."""

    row: ComparisonRow
    comparison: Comparison | None
    """With the declared or the matched baseline; None for a row without a baseline."""
    runs: tuple[Run, ...]
    baseline_runs: tuple[Run, ...]

    @property
    def specs(self) -> tuple[tuple[str, Spec], ...]:
        """The spec of the row and that of its baseline, each with its title."""
        here = [(self.row.title, spec) for run in self.runs[:1] if (spec := run.spec or spec_of_run(run))]
        if self.comparison is None:
            return tuple(here)
        title = self.comparison.against
        there = [(title, spec) for run in self.baseline_runs[:1] if (spec := run.spec or spec_of_run(run))]
        return (*here, *there)

    @property
    def charted(self) -> tuple[ChartedRun, ...]:
        """The seeds of the row as one line of a chart, those of its baseline as another."""
        here = ChartedRun(self.row.title, "A", self.runs, 0)
        if self.comparison is None or not self.baseline_runs:
            return (here,) if self.runs else ()
        return (here, ChartedRun(self.comparison.against, "B", self.baseline_runs, 1, 1))


def runs_of_row(table: ComparisonTable, row: ComparisonRow, snapshot: Snapshot, *, matched: bool) -> RowRuns:
    """The runs of a row and of its declared baseline, or of its matched one."""
    comparison = row.matched if matched and row.matched else row.declared
    baseline = table.row(comparison.against_key) if comparison else None
    return RowRuns(row, comparison, _runs(row, snapshot), _runs(baseline, snapshot) if baseline else ())


def _runs(row: ComparisonRow, snapshot: Snapshot) -> tuple[Run, ...]:
    runs = (snapshot.run(value.run) for value in row.values)
    return tuple(run for run in runs if run is not None)


def panel_lines(table: ComparisonTable, shown: RowRuns, width: int, glyphs: Glyphs) -> list[Line]:
    """Everything about the row in lines of at most `width` cells."""
    wide = width >= TWO_COLUMNS
    left = width * 3 // 5 if wide else width
    right = width - left - 4 if wide else width
    verdict = row_lines(table, shown.row, left, glyphs)
    differences = diff_lines(shown.specs, shown.row.factor, right, glyphs) if len(shown.specs) > 1 else []
    classes = _class_lines(shown.row, min(right, WIDEST_CLASSES), glyphs)
    differences += _block(classes) if differences else classes
    notes = _block(_note_lines(table, width, glyphs))
    if wide and differences:
        return [*beside(verdict, differences, width), *notes]
    return [*verdict, *_block(differences), *notes]


def row_lines(table: ComparisonTable, row: ComparisonRow, width: int, glyphs: Glyphs) -> list[Line]:
    """Verdict, findings with what to do, effects, published figures."""
    factorials = tuple(one for one in table.factorials if row.title in (one.first, one.second, one.both))
    alone = msgspec.structs.replace(table, rows=(row,), notes=(), looking=(), factorials=factorials)
    name = row.name if row.name != row.title else ""
    lines: list[Line] = [(Span(row.title, "strong"), Span(f"  {name}  {row.data}  {row.device}".rstrip(), "muted"))]
    lines += [(Span(text),) for text in _wrap(phrases.verdict(row, table.metric), width)]
    if row.conclusion:
        lines += [(Span(text, "muted"),) for text in _wrap(f"The published report: {row.conclusion}", width)]
    quiet = [*secondary_table(alone, alone.rows, width), *secondary_notes(alone, width)]
    notes = note_lines(alone, width)[1:]
    for block in (notes, quiet, effect_lines(alone, width), published_lines(alone, width)):
        lines += _block(block)
    return [shorten(line, width, glyphs.ellipsis) for line in lines]


def remedy(row: ComparisonRow) -> tuple[LaunchRequest, ...]:
    """The runs that lead to a verdict: of the missing matched baseline, else of more seeds."""
    return tuple(map(launch_request_of, row.next_runs))


def _note_lines(table: ComparisonTable, width: int, glyphs: Glyphs) -> list[Line]:
    """The notes about the whole table."""
    lines: list[Line] = []
    for note in (*table.looking, *table.notes):
        wrapped = _wrap(note, max(10, width - 2))
        lines += [(Span(f"{glyphs.dot} " if not index else "  ", "muted"), Span(text, "muted"))
                  for index, text in enumerate(wrapped)]  # fmt: skip
    return lines


def _class_lines(row: ComparisonRow, width: int, glyphs: Glyphs) -> list[Line]:
    """Accuracy by class, and the difference from the baseline."""
    comparison = row.comparison
    if not row.class_accuracy or len(row.class_accuracy) != len(row.classes):
        return []
    deltas = comparison.per_class if comparison and len(comparison.per_class) == len(row.classes) else None
    against = f"  and points against {comparison.against}" if comparison and deltas else ""
    head: Line = (Span("accuracy by class", "title"), Span(against, "muted"))
    return [head, *class_accuracy_lines(row.classes, row.class_accuracy, deltas, width, glyphs)]


def _block(lines: list[Line]) -> list[Line]:
    """The lines behind an empty one."""
    return [(), *lines] if lines else []


def _wrap(text: str, width: int) -> list[str]:
    return wrap(clean_line(text), max(20, width))

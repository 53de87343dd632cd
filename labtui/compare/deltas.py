"""Plain differences of means: no interval, no verdict, and neither numpy nor scipy is imported.

The console's list shows these. The table's comparisons enter the same seeds, so the two agree.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from labtui.compare.baselines import declared_baseline, joint_factor
from labtui.compare.cells import Cell, cells, final_values, mean
from labtui.compare.findings.confounds import confounds
from labtui.compare.metrics import metric
from labtui.compare.spec_diff import pairs_by_seed
from labtui.spec import Variant
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import DEFAULT_METRIC

_NO_CLASSES: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class PlainDelta:
    """A cell's mean minus its baseline's."""

    delta: float | None
    """In the metric's unit: points for accuracies. None if either side has no value."""
    baseline: Cell
    confounds: tuple[str, ...]
    """What differs beyond the declared factor, one text each: the difference may come from that."""


def plain_delta(
    cell: Cell,
    candidates: Sequence[Cell],
    *,
    variant: Variant | None = None,
    current: Collection[str] = (),
    baseline: Cell | None = None,
    tag: str = DEFAULT_METRIC,
) -> PlainDelta | None:
    """Compare a cell with its baseline; None if it has none on its data set.

    Without `baseline`, the cell is compared with the one of `candidates` that `variant` (else its own spec) declares;
    `current` holds the keys of the candidates that are the catalog's present definitions. With `baseline`, chosen by
    hand, either of the two experiments may declare what differs.

    The list of the console makes one cell per line with `cell_of_runs` and calls this once per line::

        cells = {line.key: cell for line in lines if (cell := cell_of_runs(line.runs))}
        current = {cell.key for key, cell in cells.items() if is_catalog_line(key)}
        found = plain_delta(cells[key], tuple(cells.values()), variant=line.variant, current=current)
    """
    declared = variant.spec if variant else cell.spec
    if baseline is None:
        other = declared_baseline(cell, declared.baseline, candidates, current) if declared.baseline else None
        if other is None:
            return None
        factor = declared.factor
    else:
        if baseline.key == cell.key or baseline.spec.dataset != cell.spec.dataset:
            return None
        other, factor = baseline, joint_factor(cell.spec, declared.factor, baseline.spec, baseline.spec.factor)
    delta = plain_difference(cell, other, tag)
    if delta is None:
        return PlainDelta(None, other, ())
    return PlainDelta(delta, other, tuple(finding.text for finding in confounds(cell, other, factor, metric(tag))))


def plain_difference(here: Cell, there: Cell, tag: str) -> float | None:
    """The difference of the means over all seeds that finished; None without values."""
    here_mean, there_mean = (mean(value.value for value in final_values(cell, tag)) for cell in (here, there))
    return None if here_mean is None or there_mean is None else here_mean - there_mean


def are_paired(here: Cell, there: Cell) -> bool:
    """Whether seeds are compared in pairs. Recipes and devices decide that, before there is any value."""
    return here.place == there.place and pairs_by_seed(here.spec, there.spec)


def cell_of_runs(runs: Iterable[Run], classes: Mapping[str, int] = _NO_CLASSES) -> Cell | None:
    """The cell that represents the runs of one line; None if none has finished.

    Of the newest finished run's recipe, the cell with the most seeds. `runs` are newest first; `classes` are the
    numbers of classes by data set.
    """
    known = [*runs]
    newest = next((run for run in known if run.state is State.FINISHED), None)
    if newest is None:
        return None
    candidates = [cell for cell in cells(known, classes) if cell.runs]
    recipe = next((cell.recipe for cell in candidates if newest.id in {run.id for run in cell.runs}), "")
    return max((cell for cell in reversed(candidates) if cell.recipe == recipe), key=_seed_count, default=None)


def _seed_count(cell: Cell) -> int:
    return len(cell.runs)

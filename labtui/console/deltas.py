"""The list's deltas to baselines: of the cells that compare makes of the runs, with the confounds that compare finds.

A test holds them equal to the table of `labtui compare`. Pure; compare's parts without numpy, when runs have finished.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from labtui.console.entry import Delta, Entry
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import TEST_ACCURACY

if TYPE_CHECKING:
    from labtui.compare.cells import Cell


def row_cell(runs: Iterable[Run]) -> "Cell | None":
    """The cell that stands for the runs of one line: of the newest finished run's recipe that with the most seeds."""
    finished = [run for run in runs if run.state is State.FINISHED]
    if not finished:
        return None
    from labtui.compare.cells import cells  # deferred: the first frame has no runs

    newest = finished[0].id
    found = [cell for cell in cells(finished) if cell.runs]
    recipe = next((cell.recipe for cell in found if newest in {run.id for run in cell.runs}), "")
    return max((cell for cell in reversed(found) if cell.recipe == recipe), key=_seeds, default=None)


def _seeds(cell: "Cell") -> int:
    return len(cell.runs)


class Deltas:
    """The delta of each line. Remembers the last answer: finished runs are seldom others at the next poll."""

    def __init__(self) -> None:
        self._cells: Mapping[str, Cell] = {}
        self._chosen: str | None = None
        self._found: dict[str, Delta] = {}
        self._used: frozenset[str] = frozenset()

    def given(self, entries: Iterable[Entry], cells: "Mapping[str, Cell]", chosen: str | None) -> list[Entry]:
        """The entries with their deltas, against the chosen entry where there is one; `cells` are those of lines."""
        everything = list(entries)
        if chosen != self._chosen or not _same(cells, self._cells):
            self._cells, self._chosen = dict(cells), chosen
            self._found, self._used = _found(everything, cells, chosen)
        used = {chosen} if chosen else self._used | _declared(everything)
        return [
            replace(entry, delta=self._found.get(entry.key), is_baseline=entry.key in used)
            if entry.key in self._found or entry.key in used
            else entry
            for entry in everything
        ]


def _same(one: "Mapping[str, Cell]", other: "Mapping[str, Cell]") -> bool:
    return one.keys() == other.keys() and all(one[key] is other[key] for key in one)


def _declared(entries: Iterable[Entry]) -> set[str]:
    """The lines of the catalog that others name as their baseline, run or not."""
    return {f"arm:{entry.variant.spec.baseline}" for entry in entries if entry.variant and entry.variant.spec.baseline}


def _found(
    entries: Iterable[Entry], cells: "Mapping[str, Cell]", chosen: str | None
) -> tuple[dict[str, Delta], frozenset[str]]:
    """The deltas by line, and the lines that they are taken against."""
    deltas: dict[str, Delta] = {}
    used: set[str] = set()
    keys = {cell.key: key for key, cell in cells.items()}
    present = {cell.key for key, cell in cells.items() if key.startswith("arm:")}
    for entry in entries:
        here = cells.get(entry.key)
        there = _baseline(entry, here, cells, present, chosen) if here else None
        if here is not None and there is not None:
            used.add(keys[there.key])
            if (delta := _delta(entry, here, there, chosen=bool(chosen))) is not None:
                deltas[entry.key] = delta
    return deltas, frozenset(used)


def _baseline(
    entry: Entry, here: "Cell", cells: "Mapping[str, Cell]", present: set[str], chosen: str | None
) -> "Cell | None":
    """The cell to compare with: never the line's own, never one on another data set."""
    from labtui.compare.baselines import declared_baseline

    if chosen:
        there = cells.get(chosen)
        alike = there is not None and there.spec.data.name == here.spec.data.name and chosen != entry.key
        return there if alike else None
    name = entry.variant.spec.baseline if entry.variant else here.spec.baseline
    return declared_baseline(here, name, tuple(cells.values()), present) if name else None


def _delta(entry: Entry, here: "Cell", there: "Cell", *, chosen: bool) -> Delta | None:
    from labtui.compare.findings.confounds import confounds
    from labtui.compare.metrics import metric

    points = difference(here, there)
    if points is None:
        return None
    factor = entry.variant.spec.factor if entry.variant else here.spec.factor
    if chosen:
        factor = _either(factor, here, there)
    found = confounds(here, there, factor, metric(TEST_ACCURACY))
    return Delta(points, there.title, tuple(finding.text for finding in found))


def _either(factor: tuple[str, ...], here: "Cell", there: "Cell") -> tuple[str, ...]:
    """Two experiments that a person puts side by side differ in what either of them declares."""
    from labtui.compare.spec_diff import changes, covers

    found = changes(here.spec, there.spec)
    both = dict.fromkeys((*factor, *there.spec.factor))
    return tuple(part for part in both if any(covers((part,), change.key) for change in found)) or factor


def difference(here: "Cell", there: "Cell") -> float | None:
    """Points of the final test accuracy: over the common seeds where a seed means the same draws on both sides."""
    from labtui.compare.cells import final_values, mean
    from labtui.compare.spec_diff import draws_alike

    ours = {one.seed: one.value for one in final_values(here, TEST_ACCURACY)}
    theirs = {one.seed: one.value for one in final_values(there, TEST_ACCURACY)}
    common = [seed for seed in ours if seed in theirs]
    if len(common) >= 2 and here.place == there.place and draws_alike(here.spec, there.spec):
        return mean(ours[seed] - theirs[seed] for seed in common)
    one, other = mean(ours.values()), mean(theirs.values())
    return None if one is None or other is None else one - other

"""The list of experiments and runs: what stands in it, in which order, with which figures. Pure, no numpy.

A variant of the catalog is one entry, run or not. Its runs are told apart by seed; runs with overrides form an entry of
their own, as do runs of experiments that the catalog does not know, and foreign runs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from labtui.catalog import Catalog, Problem
from labtui.console.data.snapshot import Snapshot, Trend
from labtui.console.experiments import filters
from labtui.console.experiments.deltas import Deltas
from labtui.console.experiments.entry import Choice, Entry, Figure, figure
from labtui.spec import Variant
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import TEST_ACCURACY
from labtui.text.clean import clean_line

if TYPE_CHECKING:
    from labtui.compare.cells import Cell


CHANGED, OTHERS = "with changed settings", "not in this catalog"
"""Headings."""


def entries(catalog: Catalog, snapshot: Snapshot, choice: Choice) -> tuple[Entry, ...]:
    """The whole list, filtered, sorted, unfolded."""
    return Arrangement(catalog).entries(snapshot, choice)


class Arrangement:
    """The list of one catalog. It remembers what it made of each line's runs: most are the same at the next poll."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._names = {variant.spec.name for variant in catalog.variants}
        self._deltas = Deltas()
        self._places: dict[str, tuple[Run, str]] = {}
        self._made: dict[str, tuple[tuple[Run, ...], Trend | None, Entry]] = {}
        self._cells: dict[str, tuple[tuple[Run, ...], Cell | None]] = {}

    def entries(self, snapshot: Snapshot, choice: Choice) -> tuple[Entry, ...]:
        """The whole list, filtered, sorted, unfolded."""
        everything = self._everything(snapshot, choice)
        passing = _filtered(everything, choice.filter)
        if choice.sort != "catalog":
            passing = sorted(passing, key=_ORDERS[choice.sort])
            return tuple(line for entry in passing for line in _unfolded(entry, snapshot, choice))
        parts: dict[str, list[Entry]] = {"": [], CHANGED: [], OTHERS: []}
        for entry in passing:
            parts[self._part(entry)] += _unfolded(entry, snapshot, choice)
        shown = list(parts.pop(""))
        for part, lines in parts.items():
            if lines and self._catalog.variants:
                shown.append(Entry(f"heading:{part}", part))
            shown += lines
        return (*shown, *_problems(self._catalog))

    def _part(self, entry: Entry) -> str:
        """Under which heading a line stands."""
        if entry.variant:
            return ""
        return CHANGED if entry.runs[0].spec is not None and entry.runs[0].name in self._names else OTHERS

    def _everything(self, snapshot: Snapshot, choice: Choice) -> list[Entry]:
        """A line for each variant, one for each other cell and foreign run, with deltas."""
        groups = self._groups(snapshot.runs)
        variants = {f"arm:{variant.spec.name}": variant for variant in self._catalog.variants}
        found = [self._line(key, variant, groups.pop(key, ()), snapshot) for key, variant in variants.items()]
        found += [self._line(key, None, runs, snapshot) for key, runs in groups.items()]
        self._made = {entry.key: self._made[entry.key] for entry in found}
        cells = {entry.key: cell for entry in found if (cell := self._cells[entry.key][1]) is not None}
        return self._deltas.given(found, cells, choice.baseline)

    def _groups(self, runs: Iterable[Run]) -> dict[str, tuple[Run, ...]]:
        """Runs by the key of their line, newest first in each."""
        places, groups = {}, defaultdict(list)
        for run in runs:
            before = self._places.get(run.id)
            place = before if before is not None and before[0] is run else (run, self._place(run))
            places[run.id] = place
            groups[place[1]].append(run)
        self._places = places
        return {key: tuple(group) for key, group in groups.items()}

    def _place(self, run: Run) -> str:
        if run.spec is None:
            return f"run:{run.id}"
        if run.name in self._names and not run.spec.overrides:
            return f"arm:{run.name}"
        return f"cell:{run.group}/{run.display_title}"

    def _line(self, key: str, variant: Variant | None, runs: tuple[Run, ...], snapshot: Snapshot) -> Entry:
        """The line of these runs: the one made before, where they are the same and its trend is."""
        before = self._made.get(key)
        if before is not None and _same(before[0], runs) and before[1] is _trend(before[2].run, snapshot):
            return before[2]
        cell = self._cell(key, runs)
        entry = _summed(_titled(key, variant, runs), runs, cell, snapshot)
        self._made[key] = (runs, _trend(entry.run, snapshot), entry)
        return entry

    def _cell(self, key: str, runs: tuple[Run, ...]) -> "Cell | None":
        """Of the runs that are over: those under way change four times a second."""
        over = tuple(run for run in runs if run.state.is_over and run.group == runs[0].group)
        before = self._cells.get(key)
        if before is None or not _same(before[0], over):
            self._cells[key] = (over, _cell_of(over))
        return self._cells[key][1]


def _cell_of(runs: Sequence[Run]) -> "Cell | None":
    if not any(run.state is State.FINISHED for run in runs):
        return None
    from labtui.compare.deltas import cell_of_runs  # deferred: the first frame has no runs

    return cell_of_runs(runs)


def _same(one: Sequence[Run], other: Sequence[Run]) -> bool:
    return len(one) == len(other) and all(left is right for left, right in zip(one, other, strict=True))


def _trend(run: Run | None, snapshot: Snapshot) -> Trend | None:
    return snapshot.trends.get(run.id) if run else None


# --- Lines --------------------------------------------------------------------------------------------------------


def _titled(key: str, variant: Variant | None, runs: Sequence[Run]) -> Entry:
    if variant is not None:
        note = clean_line(runs[0].group) if runs and runs[0].group != variant.spec.group else ""
        return Entry(key, clean_line(variant.spec.display_title), note=note, variant=variant)
    if runs[0].foreign:
        return Entry(key, clean_line(runs[0].id))
    return Entry(key, runs[0].display_title, note=clean_line(runs[0].group))


def _summed(entry: Entry, runs: tuple[Run, ...], cell: "Cell | None", snapshot: Snapshot) -> Entry:
    """With the figures of its runs: the mean over finished seeds, or what the one run has."""
    entry = replace(entry, runs=runs, folded=True if len(runs) > 1 else None)
    if cell is not None and (mean := _mean(cell)) is not None:
        figure_, spread, count = mean
        return replace(entry, figure=figure_, spread=spread, count=count)
    shown = entry.run
    return replace(entry, figure=figure(shown, _trend(shown, snapshot)) if shown else None)


def _mean(cell: "Cell") -> tuple[Figure, float | None, int] | None:
    """The final figure over the seeds of a cell, its spread, and how many there are; None where none has one."""
    from labtui.compare.cells import final_values, mean_and_sd

    found = [one.value for one in final_values(cell, TEST_ACCURACY)]
    mean, spread = mean_and_sd(found)
    return None if mean is None else (Figure(mean, TEST_ACCURACY, final=True), spread, len(found))


def _unfolded(entry: Entry, snapshot: Snapshot, choice: Choice) -> list[Entry]:
    """The entry and, where it is unfolded, a line for each of its runs."""
    if entry.folded is None or entry.key not in choice.unfolded:
        return [entry]
    children = [
        Entry(
            f"run:{run.id}",
            f"seed {run.seed}",
            note="" if run.group == entry.runs[0].group else clean_line(run.group),
            runs=(run,),
            depth=1,
            figure=figure(run, snapshot.trends.get(run.id)),
        )
        for run in entry.runs
    ]
    return [replace(entry, folded=False), *children]


def _problems(catalog: Catalog) -> list[Entry]:
    return [Entry(f"fault:{index}", clean_line(_place_of(problem))) for index, problem in enumerate(catalog.problems)]


def _place_of(problem: Problem) -> str:
    """Line, key and message; the file is the catalog's own, which the title names."""
    line = f"line {problem.line}: " if problem.line else ""
    key = f"{problem.key}: " if problem.key else ""
    return f"{line}{key}{problem.message}"


# --- Order and filter ---------------------------------------------------------------------------------------------


def _accuracy_first(entry: Entry) -> tuple[bool, float]:
    return entry.figure is None, -entry.figure.value if entry.figure else 0.0


def _delta_first(entry: Entry) -> tuple[bool, float]:
    return entry.delta is None, -entry.delta.value if entry.delta else 0.0


def _newest_first(entry: Entry) -> tuple[bool, float]:
    return not entry.runs, -max((run.created for run in entry.runs), default=0.0)


_ORDERS: dict[str, Callable[[Entry], tuple[bool, float]]] = {
    "accuracy": _accuracy_first,
    "delta": _delta_first,
    "newest": _newest_first,
}


def _filtered(everything: Sequence[Entry], text: str) -> list[Entry]:
    if not text.strip():
        return list(everything)
    test = filters.parse(text)
    return [entry for entry in everything if test(_fields(entry))]


def _fields(entry: Entry) -> filters.Fields:
    words = [entry.title, entry.note, entry.variant.spec.name if entry.variant else ""]
    words += [run.id for run in entry.runs]
    return filters.Fields(" ".join(words), frozenset(str(run.state) for run in entry.runs))

"""Which line of the list is compared with which, by labtui.compare. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from labtui.console.experiments.entry import Delta, Entry

if TYPE_CHECKING:
    from labtui.compare.cells import Cell


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
    from labtui.compare.deltas import plain_delta  # deferred: the first frame has no runs

    deltas: dict[str, Delta] = {}
    used: set[str] = set()
    if chosen and chosen not in cells:
        return deltas, frozenset()
    keys = {cell.key: key for key, cell in cells.items()}
    candidates, current = tuple(cells.values()), {cell.key for key, cell in cells.items() if key.startswith("arm:")}
    for entry in entries:
        if (here := cells.get(entry.key)) is None:
            continue
        baseline = cells[chosen] if chosen else None
        found = plain_delta(here, candidates, variant=entry.variant, current=current, baseline=baseline)
        if found is not None:
            used.add(keys[found.baseline.key])
            if found.delta is not None:
                deltas[entry.key] = Delta(found.delta, found.baseline.title, found.confounds)
    return deltas, frozenset(used)

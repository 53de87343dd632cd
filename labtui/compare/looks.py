"""What looking again costs: which interval a comparison is shown with, and how many rows share its error. Pure.

A look is a verdict or an interval shown for (baseline cell, row cell, metric) on a set of seeds that was not shown
before; showing the same seeds again costs nothing. The first look has the usual interval. From the second on, nobody
has said when the looking ends, and the interval must hold for any number of looks. Seeds that were announced (`labtui
run --seeds 5`) make one look together: until the last of them has ended, only means and plain differences are shown.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from labtui.store.ledger import LedgerEntry


class Showing(StrEnum):
    """What may be shown of a comparison."""

    FIXED = "fixed"
    """The usual interval: this is the first look at this pair."""
    ALWAYS_VALID = "always valid"
    """The interval that holds however often one looks."""
    WITHHELD = "withheld"
    """Means and differences alone: seeds that were announced have not ended."""


class ComparisonKey(NamedTuple):
    """Which comparison."""

    baseline: str
    row: str
    """Keys of cells."""
    metric: str


class SeedSet(NamedTuple):
    """The seeds behind a verdict."""

    row: tuple[int, ...]
    baseline: tuple[int, ...]


class History:
    """The ledger's entries, indexed."""

    def __init__(self, entries: Iterable[LedgerEntry]) -> None:
        self._looks: dict[ComparisonKey, dict[SeedSet, float]] = {}
        self._declared: dict[str, set[int]] = {}
        self._tried: dict[tuple[str, str], set[str]] = {}
        for entry in entries:
            if entry.kind == "declared":
                self._declared.setdefault(entry.row, set()).update(entry.row_seeds)
                continue
            key = ComparisonKey(entry.baseline, entry.row, entry.metric)
            seeds = SeedSet(tuple(sorted(entry.row_seeds)), tuple(sorted(entry.baseline_seeds)))
            self._looks.setdefault(key, {}).setdefault(seeds, entry.time)
            self._tried.setdefault((entry.baseline, entry.metric), set()).add(entry.row)

    def looks(self, key: ComparisonKey) -> int:
        """How many different sets of seeds were shown."""
        return len(self._looks.get(key, {}))

    def was_shown(self, key: ComparisonKey, seeds: SeedSet) -> bool:
        """Whether these very seeds were shown before."""
        return seeds in self._looks.get(key, {})

    def showing(self, key: ComparisonKey, seeds: SeedSet, missing: Collection[int] = ()) -> Showing:
        """What may be shown of a comparison now.

        `missing` are seeds of either side that were announced and have not ended. The seeds of the first look keep
        their interval, however often they are shown.
        """
        shown = self._looks.get(key, {})
        if missing and seeds not in shown:
            return Showing.WITHHELD
        first = next(iter(shown), seeds)
        return Showing.FIXED if seeds == first else Showing.ALWAYS_VALID

    def announced(self, recipe: str) -> frozenset[int]:
        """The seeds of a recipe that were announced."""
        return frozenset(self._declared.get(recipe, ()))

    def tried(self, baseline: str, metric: str) -> frozenset[str]:
        """Keys of the rows that were ever compared with a baseline, rows that are gone included."""
        return frozenset(self._tried.get((baseline, metric), ()))


def missing_seeds(announced: Collection[int], ended: Collection[int], active: Collection[int]) -> tuple[int, ...]:
    """Announced seeds that may still end: those that have not ended and are queued or train."""
    return tuple(sorted(seed for seed in announced if seed not in ended and seed in active))


def new_looks(history: History, shown: Mapping[ComparisonKey, SeedSet], when: float) -> tuple[LedgerEntry, ...]:
    """The entries to append for verdicts that are about to be shown."""
    return tuple(
        LedgerEntry(
            kind="look",
            time=when,
            row=key.row,
            baseline=key.baseline,
            metric=key.metric,
            row_seeds=seeds.row,
            baseline_seeds=seeds.baseline,
        )
        for key, seeds in shown.items()
        if not history.was_shown(key, seeds)
    )

"""What looking again costs: which interval a comparison is shown with, and how many rows share its error. Pure.

A look is a verdict or an interval shown for (baseline cell, row cell, metric) on a set of seeds that was not shown
before; showing the same seeds again costs nothing. The first look has the usual interval. From the second on, nobody
has said when the looking ends, and the interval must hold for any number of looks. Seeds that were announced (`labtui
run --seeds 5`) make one look together: until the last of them has ended, only means and plain differences are shown.

A pair is known by its two recipes, whichever of them is called the baseline: neither another name, another device nor
other values of the same seeds make a first look again.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from labtui.compare.cells import Cell
from labtui.compare.metrics import TableMetric
from labtui.compare.model import ComparisonTable
from labtui.compare.outcomes import CRASHED, STOPPED, SeedOutcome
from labtui.compare.plans import ComparisonState, Outcomes, Plan, PlannedComparison, PlanState, evaluate_comparison
from labtui.compare.statistics import ALPHA
from labtui.store.ledger import LedgerEntry


class Showing(StrEnum):
    """What may be shown of a comparison."""

    FIXED = "fixed"
    """The usual interval: this is the first look at this pair."""
    ALWAYS_VALID = "always valid"
    """The interval that holds however often one looks."""
    PLAN = "plan"
    """The repeated interval of the plan that the pair belongs to."""
    WITHHELD = "withheld"
    """Means and differences alone: seeds that were announced have not ended."""


class ComparisonKey(NamedTuple):
    """Which comparison."""

    baseline: str
    row: str
    """Keys of cells: `recipe/device/threads`."""
    metric: str

    @property
    def pair(self) -> "Pair":
        """What is compared, whichever side is called the baseline, and wherever it was trained."""
        first, second = sorted((_recipe(self.baseline), _recipe(self.row)))
        return Pair(first, second, self.metric)


class Pair(NamedTuple):
    """Two recipes and a metric."""

    first: str
    second: str
    metric: str


class SeedSet(NamedTuple):
    """The seeds behind a verdict."""

    row: tuple[int, ...]
    baseline: tuple[int, ...]
    values: str = ""
    """A digest of what became of them."""


_Shown = tuple[tuple[tuple[int, ...], ...], str]


class History:
    """The ledger's entries, indexed."""

    def __init__(self, entries: Iterable[LedgerEntry] = ()) -> None:
        self._looks: dict[Pair, dict[_Shown, float]] = {}
        self._declared: dict[str, set[int]] = {}
        self._removed: dict[str, set[int]] = {}
        self._removed_rows: dict[str, set[str]] = {}
        self._tried: set[Pair] = set()
        for entry in entries:
            if entry.kind == "removed":
                self._removed.setdefault(entry.row, set()).update(entry.row_seeds)
                self._removed_rows.setdefault(entry.baseline, set()).add(entry.row)
                continue
            if entry.kind == "tried":
                self._tried.add(ComparisonKey(entry.baseline, entry.row, entry.metric).pair)
                continue
            if entry.kind == "declared":
                self._declared.setdefault(entry.row, set()).update(entry.row_seeds)
                continue
            key = ComparisonKey(entry.baseline, entry.row, entry.metric)
            seeds = SeedSet(tuple(sorted(entry.row_seeds)), tuple(sorted(entry.baseline_seeds)), entry.values)
            self._looks.setdefault(key.pair, {}).setdefault(_shown(key, seeds), entry.time)

    def looks(self, key: ComparisonKey) -> int:
        """How many different sets of seeds were shown."""
        return len(self._looks.get(key.pair, {}))

    def first_shown(self, key: ComparisonKey, seeds: SeedSet) -> float | None:
        """When these very seeds were first shown; None if they were not."""
        return self._looks.get(key.pair, {}).get(_shown(key, seeds))

    def number(self, key: ComparisonKey, seeds: SeedSet, chose: Collection[int] = ()) -> int:
        """Which look at the pair these seeds are, from 1: as shown before, or as the next one.

        `chose` are seeds that chose the row among the values of a grid and take no further part. A first look at
        nothing else says nothing about the seeds that do: it is not counted. Only one such look is forgiven.
        """
        shown = [*self._looks.get(key.pair, {})]
        if shown and chose and all({*numbers} <= {*chose} for numbers in shown[0][0]):
            del shown[0]
        this = _shown(key, seeds)
        return shown.index(this) + 1 if this in shown else len(shown) + 1

    def showing(
        self, key: ComparisonKey, seeds: SeedSet, missing: Collection[int] = (), chose: Collection[int] = ()
    ) -> Showing:
        """What may be shown of a comparison now.

        `missing` are seeds of either side that were announced and have not ended. The seeds of the first look keep
        their interval, however often they are shown.
        """
        if missing and self.first_shown(key, seeds) is None:
            return Showing.WITHHELD
        return Showing.FIXED if self.number(key, seeds, chose) == 1 else Showing.ALWAYS_VALID

    def announced(self, recipe: str) -> frozenset[int]:
        """The seeds of a recipe that were announced."""
        return frozenset(self._declared.get(recipe, ()))

    def removed(self, recipe: str) -> frozenset[int]:
        """The seeds of a recipe of which a run was removed after it had ended."""
        return frozenset(self._removed.get(recipe, ()))

    def tried(self, baseline: str | None, metric: str) -> frozenset[Pair]:
        """The pairs of a cell that were ever compared, rows that are gone included; without a cell, all pairs shown."""
        recipe = None if baseline is None else _recipe(baseline)
        return frozenset(
            pair
            for pair in (*self._looks, *(self._tried if recipe else ()))
            if pair.metric == metric and recipe in (None, pair.first, pair.second)
        )

    def removed_rows(self, baseline: str) -> frozenset[str]:
        """The recipes that declared this experiment as their baseline and of which a run was removed."""
        return frozenset(self._removed_rows.get(baseline, ()))

    def other_metrics(self, key: ComparisonKey) -> tuple[str, ...]:
        """The other metrics by which the pair was judged before."""
        pair = key.pair
        return tuple(sorted(other.metric for other in self._looks if other[:2] == pair[:2] and other != pair))


def missing_seeds(announced: Collection[int], ended: Collection[int], active: Collection[int]) -> tuple[int, ...]:
    """Announced seeds that may still end: those that have not ended and are queued or train."""
    return tuple(sorted(seed for seed in announced if seed not in ended and seed in active))


def new_looks(history: History, shown: Iterable[tuple[ComparisonKey, SeedSet]], when: float) -> tuple[LedgerEntry, ...]:
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
            values=seeds.values,
        )
        for key, seeds in shown
        if history.first_shown(key, seeds) is None
    )


def new_tries(history: History, table: ComparisonTable, when: float) -> tuple[LedgerEntry, ...]:
    """The entries to append for comparisons that a table is judged with and does not show."""
    keys = [
        ComparisonKey(_without_name(there), _without_name(here), table.metric.tag) for here, there in table.not_shown
    ]
    return tuple(
        LedgerEntry(kind="tried", time=when, row=key.row, baseline=key.baseline, metric=key.metric)
        for key in keys
        if key.pair not in history.tried(key.baseline, key.metric)
    )


def looks_of_table(table: ComparisonTable) -> dict[ComparisonKey, SeedSet]:
    """The looks that showing a table is: every comparison in it with an interval or a verdict."""
    return {
        ComparisonKey(_without_name(one.against_key), _without_name(row.key), table.metric.tag): SeedSet(
            one.look.row_seeds, one.look.baseline_seeds, one.look.values
        )
        for row in table.rows
        for one in row.comparisons
        if one.look is not None and (one.judged or one.interval is not None)
    }


def looks_of_plan(state: PlanState, outcomes: Outcomes) -> list[tuple[ComparisonKey, SeedSet]]:
    """The looks that a plan has taken so far: one per comparison and number of seeds."""
    plan, looks = state.plan, []
    for one in state.comparisons:
        row, baseline = (f"{side.recipe}/{plan.device}/{plan.threads or '-'}" for side in
                         (one.comparison.row, one.comparison.baseline))  # fmt: skip
        key = ComparisonKey(baseline, row, plan.metric)
        for look in one.looks:
            ours, theirs = ([outcomes[side.recipe][seed] for seed in range(look.seeds)] for side in
                            (one.comparison.row, one.comparison.baseline))  # fmt: skip
            looks.append((key, _seed_set(key, ours, theirs, "last")))
    return looks


# --- One comparison -----------------------------------------------------------------------------------------------


class LookState(NamedTuple):
    """How one comparison may be shown."""

    seeds: SeedSet = SeedSet((), ())
    showing: Showing = Showing.FIXED
    number: int = 1
    """Which look it is, from 1."""
    first_shown: float | None = None
    """When it was first shown, in seconds since 1970; None if that is now."""
    missing: tuple[int, ...] = ()
    """The announced seeds that are awaited."""
    removed: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """The seeds that were removed after they had ended and were not run again, by the name of their experiment."""
    other_metrics: tuple[str, ...] = ()
    """By which the pair was judged before."""
    plan: Plan | None = None
    planned: ComparisonState | None = None
    """How far the plan's comparison has come."""


FIRST_LOOK = LookState()


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What is known about earlier looks, and which seeds are awaited."""

    history: History = field(default_factory=History)
    plans: Sequence[Plan] = ()
    """The stored plans, the oldest first."""
    awaited: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Announced seeds that may still end, by recipe."""
    peek: bool = False
    """Whether verdicts are shown although announced seeds have not ended."""

    def state(self, here: Cell, there: Cell, metric: TableMetric, chose: Collection[int] = ()) -> LookState:
        """How the comparison of a row with a baseline may be shown; `chose` as in `History.number`."""
        key, seeds = comparison_key(here, there, metric), seed_set(here, there, metric)
        missing = tuple(sorted({*self.awaited.get(here.recipe, ()), *self.awaited.get(there.recipe, ())}))
        plan = self._plan(here, there, metric)
        removed = tuple(
            (cell.name, tuple(sorted(gone)))
            for cell in (here, there)
            if (gone := self.history.removed(cell.recipe) - {one.seed for one in cell.outcomes(metric.tag)} - {*chose})
        )
        showing = self.history.showing(key, seeds, () if self.peek else missing, chose)
        if removed and self.history.first_shown(key, seeds) is None:
            showing, plan = Showing.WITHHELD, None
        return LookState(
            seeds=seeds,
            showing=Showing.PLAN if plan else showing,
            number=self.history.number(key, seeds, chose),
            first_shown=self.history.first_shown(key, seeds),
            missing=missing if showing is Showing.WITHHELD and not self.peek else (),
            removed=removed,
            other_metrics=self.history.other_metrics(key),
            plan=plan[0] if plan else None,
            planned=evaluate_comparison(*plan, _outcomes(here, there, metric)) if plan else None,
        )

    def is_planned(self, pair: Pair) -> bool:
        """Whether a pair belongs to a plan."""
        return any(
            sorted((one.row.recipe, one.baseline.recipe)) == [pair.first, pair.second] and plan.metric == pair.metric
            for plan in self.plans
            for one in plan.comparisons
        )

    def _plan(self, here: Cell, there: Cell, metric: TableMetric) -> tuple[Plan, PlannedComparison] | None:
        """The plan of a pair: the oldest one, if it accepts no more false claims than a table does."""
        for plan in self.plans:
            for one in plan.comparisons:
                if (one.row.recipe, one.baseline.recipe, plan.metric) != (here.recipe, there.recipe, metric.tag):
                    continue
                place = plan.device, plan.threads
                fits = place == here.place == there.place and metric.take == "last" and plan.alpha <= ALPHA
                return (plan, one) if fits else None
        return None


def comparison_key(here: Cell, there: Cell, metric: TableMetric) -> ComparisonKey:
    """The key under which a look is recorded."""
    return ComparisonKey(_cell_key(there), _cell_key(here), metric.tag)


def seed_set(here: Cell, there: Cell, metric: TableMetric) -> SeedSet:
    """The seeds that enter a comparison, with a digest of what became of them."""
    ours, theirs = here.outcomes(metric.tag), there.outcomes(metric.tag)
    return _seed_set(comparison_key(here, there, metric), ours, theirs, metric.take)


def _seed_set(key: ComparisonKey, row: Sequence[SeedOutcome], baseline: Sequence[SeedOutcome], take: str) -> SeedSet:
    texts = sorted(((key.row, _ends(row)), (key.baseline, _ends(baseline))))
    digest = hashlib.sha256(repr((texts, take)).encode()).hexdigest()[:16]
    return SeedSet(tuple(one.seed for one in row), tuple(one.seed for one in baseline), digest)


def _outcomes(here: Cell, there: Cell, metric: TableMetric) -> dict[str, dict[int, SeedOutcome]]:
    """As a plan counts them: a seed that crashed or was stopped is tried again and has no outcome yet."""
    return {
        cell.recipe: {one.seed: one for one in cell.outcomes(metric.tag) if one.failure not in (CRASHED, STOPPED)}
        for cell in (here, there)
    }


def _ends(outcomes: Iterable[SeedOutcome]) -> list[str]:
    return [f"{one.seed}: {one.failure or f'{one.value:.9g}'}" for one in outcomes]


def _cell_key(cell: Cell) -> str:
    return f"{cell.recipe}/{cell.device}/{cell.threads or '-'}"


def _without_name(key: str) -> str:
    """A cell's key without the name of its experiment, which may change."""
    return "/".join(key.rsplit("/", 3)[1:])


def _recipe(key: str) -> str:
    return key.partition("/")[0]


def _shown(key: ComparisonKey, seeds: SeedSet) -> _Shown:
    sides = sorted(((_recipe(key.row), seeds.row), (_recipe(key.baseline), seeds.baseline)))
    return tuple(numbers for _, numbers in sides), seeds.values

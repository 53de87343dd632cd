"""The entries of the list of experiments and runs: which there are, in which order, with which figures. Pure, no numpy.

A variant of the catalog is one entry, whether it has run or not; its runs differ by seed. Runs with overrides form an
entry of their own, as do runs of experiments that the catalog does not know, and foreign runs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING

from labtui.api.metrics import MetricBook
from labtui.catalog import Catalog, Problem
from labtui.compare.metrics import TableMetric
from labtui.compare.metrics import metric as metric_of
from labtui.console.data.plans import PlanProgress
from labtui.console.data.snapshot import Snapshot, Trend
from labtui.console.experiments.entry import (
    DEFAULT,
    SETTING,
    Delta,
    EntryKey,
    EntryKind,
    Figure,
    ListEntry,
    ListOptions,
    figure,
    final_figure,
)
from labtui.console.experiments.filters import Searched, parse_filter
from labtui.spec import Variant
from labtui.store.run import Run
from labtui.store.settings_keys import setting_order
from labtui.store.state import State
from labtui.text.clean import clean_line
from labtui.text.words import value_text

if TYPE_CHECKING:
    from labtui.compare.cells import Cell

MetricOf = Callable[[Variant | None], TableMetric]
"""The metric that a variant is judged by."""

OVERRIDDEN, OTHERS, CATALOG = "with overrides", "not in this catalog", "catalog"
"""Headings."""


def is_foreign_folder(runs: Sequence[Run]) -> bool:
    """Whether all that was found are runs of other tools: then these come first, and the built-in catalog is no use."""
    return bool(runs) and all(run.foreign for run in runs)


class EntryBuilder:
    """Builds the entries of one catalog. It keeps those whose runs are the same in the next snapshot: most are."""

    def __init__(self, catalog: Catalog, metrics: MetricBook | None = None) -> None:
        """`metrics` knows what each entry is judged by; without it, all are judged by the default metric."""
        self._catalog = catalog
        self._metrics = metrics
        self._table_metrics: dict[str, TableMetric] = {}
        self._names = {variant.spec.name for variant in catalog.variants}
        self._deltas = _DeltaCache()
        self._run_keys: dict[str, tuple[Run, EntryKey]] = {}
        self._built: dict[EntryKey, tuple[tuple[Run, ...], Trend | None, ListEntry]] = {}
        self._cells: dict[EntryKey, tuple[tuple[Run, ...], Cell | None]] = {}

    def entries(self, snapshot: Snapshot, options: ListOptions) -> tuple[ListEntry, ...]:
        """The whole list, filtered, sorted and unfolded."""
        self._is_foreign = is_foreign_folder(snapshot.runs)
        hides_catalog = self._catalog.builtin and self._is_foreign
        every = self._all_entries(snapshot, options)
        matching = _filtered([entry for entry in every if not (hides_catalog and entry.variant)], options.filter)
        if options.sort != "catalog":
            matching = sorted(matching, key=_order(options.sort))
            return tuple(
                line for entry in matching for line in _unfolded(entry, snapshot, options, self._metric(entry.variant))
            )
        parts: dict[str, list[ListEntry]] = {"": [], OVERRIDDEN: [], OTHERS: []}
        for entry in matching:
            parts[self._heading(entry)] += self._unfolded(entry, snapshot, options)
        in_catalog = parts.pop("")
        parts = {"": parts[OTHERS], CATALOG: in_catalog} if self._is_foreign else {"": in_catalog, **parts}
        shown: list[ListEntry] = []
        for heading, lines in parts.items():
            if heading and lines and self._catalog.variants:
                shown.append(ListEntry(EntryKey(EntryKind.HEADING, heading), heading))
            shown += lines
        return (*shown, *_problems(self._catalog))

    def _heading(self, entry: ListEntry) -> str:
        if entry.variant:
            return ""
        return OVERRIDDEN if entry.runs[0].spec is not None and entry.runs[0].name in self._names else OTHERS

    def _all_entries(self, snapshot: Snapshot, options: ListOptions) -> list[ListEntry]:
        """An entry for each variant, and one for each other cell and foreign run; with deltas."""
        groups = self._groups(snapshot.runs)
        variants = {_variant_key(variant.spec.name): variant for variant in self._catalog.variants}
        entries = [self._entry(key, variant, groups.pop(key, ()), snapshot) for key, variant in variants.items()]
        entries += [self._entry(key, None, runs, snapshot) for key, runs in groups.items()]
        self._built = {entry.key: self._built[entry.key] for entry in entries}
        cells = {entry.key: cell for entry in entries if (cell := self._cells[entry.key][1]) is not None}
        found = self._deltas.with_deltas(entries, cells, options.baseline, self._metric)
        return _with_plans(found, snapshot.plans)

    def _unfolded(self, entry: ListEntry, snapshot: Snapshot, options: ListOptions) -> list[ListEntry]:
        return _unfolded(entry, snapshot, options, self._metric(entry.variant))

    def _metric(self, variant: Variant | None) -> TableMetric:
        """The metric that a variant of the catalog is judged by."""
        if variant is None or self._metrics is None:
            return DEFAULT
        name = variant.spec.name
        if name not in self._table_metrics:
            self._table_metrics[name] = metric_of(self._metrics.of(None, name))
        return self._table_metrics[name]

    def _groups(self, runs: Iterable[Run]) -> dict[EntryKey, tuple[Run, ...]]:
        """Runs by the key of their entry, newest first in each."""
        run_keys, groups = {}, defaultdict(list)
        for run in runs:
            before = self._run_keys.get(run.id)
            run_keys[run.id] = before if before is not None and before[0] is run else (run, self._key(run))
            groups[run_keys[run.id][1]].append(run)
        self._run_keys = run_keys
        return {key: tuple(group) for key, group in groups.items()}

    def _key(self, run: Run) -> EntryKey:
        if run.spec is None:
            return EntryKey(EntryKind.RUN, run.id)
        if run.name in self._names and not run.spec.overrides:
            return _variant_key(run.name)
        return EntryKey(EntryKind.CELL, f"{run.group}/{run.display_title}")

    def _entry(self, key: EntryKey, variant: Variant | None, runs: tuple[Run, ...], snapshot: Snapshot) -> ListEntry:
        """The entry of these runs: the one built before, if runs and trend are the same."""
        before = self._built.get(key)
        if before is not None and _same(before[0], runs) and before[1] is _trend(before[2].run, snapshot):
            return before[2]
        cell = self._cell(key, runs)
        entry = _with_figures(_titled(key, variant, runs), runs, cell, snapshot, self._metric(variant))
        self._built[key] = (runs, _trend(entry.run, snapshot), entry)
        return entry

    def _cell(self, key: EntryKey, runs: tuple[Run, ...]) -> "Cell | None":
        """The cell of the runs that are over: active runs change four times a second."""
        over = tuple(run for run in runs if run.state.is_over and run.group == runs[0].group)
        before = self._cells.get(key)
        if before is None or not _same(before[0], over):
            self._cells[key] = (over, _cell_of(over))
        return self._cells[key][1]


def _variant_key(name: str) -> EntryKey:
    return EntryKey(EntryKind.VARIANT, name)


def _cell_of(runs: Sequence[Run]) -> "Cell | None":
    if not any(run.state is State.FINISHED for run in runs):
        return None
    from labtui.api.comparison import class_counts  # deferred: the first frame has no runs
    from labtui.compare.deltas import cell_of_runs

    return cell_of_runs(runs, class_counts())


def _same(runs: Sequence[Run], others: Sequence[Run]) -> bool:
    return len(runs) == len(others) and all(run is other for run, other in zip(runs, others, strict=True))


def _trend(run: Run | None, snapshot: Snapshot) -> Trend | None:
    return snapshot.trends.get(run.id) if run else None


# --- Entries ------------------------------------------------------------------------------------------------------


def _titled(key: EntryKey, variant: Variant | None, runs: Sequence[Run]) -> ListEntry:
    if variant is not None:
        note = clean_line(runs[0].group) if runs and runs[0].group != variant.spec.group else ""
        return ListEntry(key, clean_line(variant.spec.display_title), note=note, variant=variant)
    if runs[0].foreign:
        return ListEntry(key, clean_line(runs[0].id))
    return ListEntry(key, runs[0].display_title, note=clean_line(runs[0].group))


def _with_figures(
    entry: ListEntry, runs: tuple[Run, ...], cell: "Cell | None", snapshot: Snapshot, metric: TableMetric
) -> ListEntry:
    """The entry with the figures of its runs: the mean over finished seeds, or the figure of the one run."""
    entry = replace(entry, runs=runs, folded=True if len(runs) > 1 else None)
    if cell is not None and (mean := _mean(cell, metric)) is not None:
        figure_, spread, count = mean
        return replace(entry, figure=figure_, spread=spread, count=count)
    shown = entry.run
    return replace(entry, figure=figure(shown, _trend(shown, snapshot), metric) if shown else None)


def _mean(cell: "Cell", metric: TableMetric) -> tuple[Figure, float | None, int] | None:
    """Mean final figure over the seeds of a cell, their standard deviation, and their count; None without values."""
    from labtui.compare.cells import final_values, mean_and_sd

    values = [seed.value for seed in final_values(cell, metric.tag)]
    mean, spread = mean_and_sd(values)
    if mean is None:
        return None
    return final_figure(mean, metric), 100 * spread if metric.percent and spread is not None else spread, len(values)


def _unfolded(entry: ListEntry, snapshot: Snapshot, options: ListOptions, metric: TableMetric) -> list[ListEntry]:
    """The entry and, if it is unfolded, one entry for each of its runs."""
    if entry.folded is None or entry.key not in options.unfolded:
        return [entry]
    children = [
        ListEntry(
            EntryKey(EntryKind.RUN, run.id),
            f"seed {run.seed}",
            note="" if run.group == entry.runs[0].group else clean_line(run.group),
            runs=(run,),
            depth=1,
            figure=figure(run, snapshot.trends.get(run.id), metric),
        )
        for run in entry.runs
    ]
    return [replace(entry, folded=False), *children]


def _with_plans(entries: list[ListEntry], plans: Sequence[PlanProgress]) -> list[ListEntry]:
    """The entries with the newest plan that each takes part in, as a row before as a baseline."""
    by_title: dict[str, PlanProgress] = {}
    for progress in plans:
        by_title |= {one.baseline.title: progress for one in progress.plan.comparisons}
    for progress in plans:
        by_title |= {one.row.title: progress for one in progress.plan.comparisons}
    return [replace(entry, plan=by_title[entry.title]) if entry.title in by_title else entry for entry in entries]


def _problems(catalog: Catalog) -> list[ListEntry]:
    texts = [clean_line(_place_of(problem)) for problem in catalog.problems]
    return [ListEntry(EntryKey(EntryKind.PROBLEM, str(index)), text) for index, text in enumerate(texts)]


def _place_of(problem: Problem) -> str:
    """Line, key and message; the file is the catalog's own, which the title names."""
    line = f"line {problem.line}: " if problem.line else ""
    key = f"{problem.key}: " if problem.key else ""
    return f"{line}{key}{problem.message}"


# --- Order and filter ---------------------------------------------------------------------------------------------


def _best_first(entry: ListEntry) -> tuple[bool, float]:
    """By the declared direction; entries without a value, or whose metric has no direction, come last."""
    shown = entry.figure
    if shown is None or shown.better is None or isnan(shown.value):
        return True, 0.0
    return False, -shown.value if shown.better == "higher" else shown.value


def _delta_first(entry: ListEntry) -> tuple[bool, float]:
    """The largest gain first; differences without a direction come last."""
    delta, shown = entry.delta, entry.figure
    better = shown.better if shown else "higher"
    if delta is None or better is None:
        return True, 0.0
    return False, -delta.value if better == "higher" else delta.value


def _newest_first(entry: ListEntry) -> tuple[bool, float]:
    return not entry.runs, -max((run.created for run in entry.runs), default=0.0)


_ORDERS: dict[str, Callable[[ListEntry], tuple[bool, float]]] = {
    "accuracy": _best_first,
    "delta": _delta_first,
    "newest": _newest_first,
}


def _order(sort: str) -> Callable[[ListEntry], tuple[bool, float] | tuple[int, float, str]]:
    if not sort.startswith(SETTING):
        return _ORDERS[sort]
    key = sort.removeprefix(SETTING)
    return lambda entry: setting_order(entry.run.hyperparameters.values.get(key) if entry.run else None)


def _filtered(entries: Sequence[ListEntry], text: str) -> list[ListEntry]:
    if not text.strip():
        return list(entries)
    matches = parse_filter(text)
    return [entry for entry in entries if matches(_searched(entry))]


def _searched(entry: ListEntry) -> Searched:
    words = [entry.title, entry.note, entry.variant.spec.name if entry.variant else ""]
    words += [run.id for run in entry.runs]
    words += [f"tag:{tag}" for tag in entry.tags]
    values = entry.run.hyperparameters.values if entry.run else {}
    words += [f"{key}={value_text(value)}" for key, value in values.items()]
    return Searched(" ".join(words), frozenset(str(run.state) for run in entry.runs))


# --- Deltas -------------------------------------------------------------------------------------------------------


class _DeltaCache:
    """The deltas of the entries, as compare takes them. It keeps the latest: finished runs seldom change."""

    def __init__(self) -> None:
        self._cells: Mapping[EntryKey, Cell] = {}
        self._baseline: EntryKey | None = None
        self._deltas: dict[EntryKey, Delta] = {}
        self._used: frozenset[EntryKey] = frozenset()

    def with_deltas(
        self,
        entries: list[ListEntry],
        cells: "Mapping[EntryKey, Cell]",
        baseline: EntryKey | None,
        metric: MetricOf,
    ) -> list[ListEntry]:
        """The entries with their deltas, against their declared baselines or the entry of this key.

        `cells` are the cells of the entries by key.
        """
        if baseline != self._baseline or not _same_cells(cells, self._cells):
            self._cells, self._baseline = dict(cells), baseline
            self._deltas, self._used = _find_deltas(entries, cells, baseline, metric)
        used = {baseline} if baseline else self._used | _declared(entries)
        return [
            replace(entry, delta=self._deltas.get(entry.key), is_baseline=entry.key in used)
            if entry.key in self._deltas or entry.key in used
            else entry
            for entry in entries
        ]


def _same_cells(cells: "Mapping[EntryKey, Cell]", others: "Mapping[EntryKey, Cell]") -> bool:
    return cells.keys() == others.keys() and all(cells[key] is others[key] for key in cells)


def _declared(entries: Iterable[ListEntry]) -> set[EntryKey]:
    """The keys of the catalog's entries that others declare as their baseline, whether they have run or not."""
    return {
        _variant_key(entry.variant.spec.baseline) for entry in entries if entry.variant and entry.variant.spec.baseline
    }


def _find_deltas(
    entries: Iterable[ListEntry], cells: "Mapping[EntryKey, Cell]", chosen: EntryKey | None, metric_of_entry: MetricOf
) -> tuple[dict[EntryKey, Delta], frozenset[EntryKey]]:
    """The deltas by key of the entry, and the keys of the entries that they are taken against."""
    from labtui.compare.deltas import plain_delta  # deferred: the first frame has no runs

    deltas: dict[EntryKey, Delta] = {}
    used: set[EntryKey] = set()
    if chosen and chosen not in cells:
        return deltas, frozenset()
    keys = {cell.key: key for key, cell in cells.items()}
    candidates, current = (
        tuple(cells.values()),
        {cell.key for key, cell in cells.items() if key.kind is EntryKind.VARIANT},
    )
    for entry in entries:
        if (cell := cells.get(entry.key)) is None:
            continue
        baseline = cells[chosen] if chosen else None
        metric = metric_of_entry(entry.variant)
        found = plain_delta(cell, candidates, variant=entry.variant, current=current, baseline=baseline, tag=metric.tag)
        if found is not None:
            used.add(keys[found.baseline.key])
            if found.delta is not None:
                value = 100 * found.delta if metric.percent else found.delta
                deltas[entry.key] = Delta(
                    value, found.baseline.title, found.confounds, metric.delta_unit, metric.digits
                )
    return deltas, frozenset(used)

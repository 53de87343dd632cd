"""Compares the runs of a lab: the table with its verdicts, assertions, and the report."""

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from labtui import datasets
from labtui.api.data_info import data_info, with_weights_fingerprint
from labtui.api.lab import Lab
from labtui.api.metrics import MetricRequest, resolve
from labtui.api.resolve import on_dataset
from labtui.api.sources import with_sources
from labtui.errors import LabError, UsageError
from labtui.spec import Metric, ProgramSpec, RunSpec, Variant
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.tags import DEFAULT_METRIC, LIVE_ACCURACY
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api.foreign import ForeignRuns
    from labtui.compare.assertions import Assertion, AssertionResult
    from labtui.compare.cells import Cell
    from labtui.compare.foreign import GroupRules
    from labtui.compare.looks import Looks
    from labtui.compare.model import ComparisonTable, EqualBudget
    from labtui.compare.report.write import Form
    from labtui.compare.run_data import RunData
    from labtui.store.ledger import LedgerEntry


def variants(lab: Lab) -> tuple[Variant, ...]:
    """Every variant of the catalog as it would run: on the data set that it names, and on its fallback; a program with
    its code and inputs as they are now.

    On the fallback a variant has no published figures and no conclusion: those are about other images.
    """
    resolved: list[Variant] = []
    for variant in lab.catalog.variants:
        spec = variant.spec
        if isinstance(spec, ProgramSpec):
            resolved.append(msgspec.structs.replace(variant, spec=with_sources(spec, lab.folder)))
            continue
        resolved.append(msgspec.structs.replace(variant, spec=_on_its_data(lab, spec)))
        offline = lab.catalog.experiment(spec.experiment).offline_dataset
        if offline and offline != spec.dataset and spec.dataset not in datasets.OWN_KINDS:
            spec = on_dataset(spec, datasets.get(offline), replacing=spec.dataset)
            resolved.append(msgspec.structs.replace(variant, spec=spec, reference=None, conclusion=""))
    return tuple(resolved)


def _on_its_data(lab: Lab, spec: RunSpec) -> RunSpec:
    """The spec on the data set that it names; unchanged if that is a path without images."""
    try:
        spec = with_weights_fingerprint(spec, lab.folder)
        return spec if spec.data.source is not None else on_dataset(spec, data_info(lab, spec.data))
    except LabError:
        return spec


def compare_experiments(
    lab: Lab,
    names: Sequence[str] = (),
    *,
    metric: "MetricChoice" = None,
    baseline: str | None = None,
    peek: bool = False,
    equal_budget: "EqualBudget | None" = None,
    rules: "GroupRules | None" = None,
    guess: bool = False,
) -> "ComparisonTable":
    """Compare the runs of the named experiments, members or titles; no names means every cell with a finished run.

    In a folder of other tools, their runs are compared in groups, which `rules` make; the names are then groups or
    runs, and with `guess` a metric is chosen where none is declared. With `equal_budget`, every run is read where it
    had cost as much as the others. What the table shows is recorded as a look. With `peek`, verdicts are shown although
    announced seeds have not ended.
    Raises UsageError for a name that neither the catalog nor any run has, with the nearest names, and MachineError if
    the look cannot be recorded.
    """
    opened = _open(lab, names, metric, baseline, rules, guess=guess, at=equal_budget)
    cells = _cells(opened.lab, opened.runs, opened.names, opened.baseline)
    return _recorded(opened, lambda looks: _compare_opened(opened, cells, looks, equal_budget), peek=peek)


MetricChoice = Metric | MetricRequest | str | None
"""What a caller says about the metric: all of it, what a user asked for, a tag, or nothing."""


class _Opened(NamedTuple):
    """What is compared: the runs of a lab, or those of other tools."""

    lab: Lab
    runs: Sequence[Run]
    names: tuple[str, ...]
    baseline: str | None
    metric: MetricChoice
    foreign: "ForeignRuns | None" = None
    remarks: tuple[str, ...] = ()


def _open(
    lab: Lab,
    names: Sequence[str],
    metric: MetricChoice,
    baseline: str | None,
    rules: "GroupRules | None",
    *,
    guess: bool = False,
    at: "EqualBudget | None" = None,
) -> _Opened:
    runs = lab.store.scan()
    others = sum(run.foreign for run in runs)
    if not others or others < len(runs):
        if rules is not None:
            raise UsageError(
                "These runs are labtui's own, and are grouped by their recipes.",
                advice="--group, --factor, --ignore and --where are for folders of other tools.",
            )
        remark = f"{plural(others, 'run')} of other tools not compared: open their folder alone, with --runs"
        return _Opened(lab, runs, tuple(names), baseline, metric, None, (remark,) if others and not names else ())
    if at is not None:
        raise UsageError(
            "--equal-budget needs what runs of labtui's own record.",
            advice="Use --take at:STEP to read every run there.",
        )
    from labtui.api.foreign import open_foreign, without_entries

    found = open_foreign(lab, runs, metric=metric, rules=rules, baseline=baseline, guess=guess)
    return _Opened(
        without_entries(lab), found.runs, found.named(names), found.baseline, found.metric, found, found.remarks
    )


def _compare_opened(
    opened: _Opened, cells: "Sequence[Cell]", looks: "Looks", at: "EqualBudget | None" = None
) -> "ComparisonTable":
    table = _compare(
        opened.lab,
        cells,
        opened.names,
        looks,
        metric=opened.metric,
        baseline=opened.baseline,
        at=at,
        run_data=opened.foreign.run_data if opened.foreign else None,
    )
    return msgspec.structs.replace(table, notes=(*table.notes, *opened.remarks)) if opened.remarks else table


def compare_runs(lab: Lab, runs: Iterable[Run]) -> "ComparisonTable":
    """Compare just these runs: their cells, with all earlier seeds, and their baselines. It is recorded as a look."""
    own = {run.id: run.name for run in runs}
    names = tuple(dict.fromkeys(own.values()))
    everything = lab.store.scan()
    known = _cells(lab, everything)
    cells = tuple(cell for cell in known if cell.name not in names or not own.keys().isdisjoint(_run_ids(cell)))
    tried = tuple(cell for cell in known if cell not in cells and cell.has_ended_seeds)
    opened = _Opened(lab, everything, names, None, None)
    return _recorded(opened, lambda looks: _compare(lab, cells, names, looks, tried=tried))


def check_assertions(
    lab: Lab,
    assertions: Sequence[str],
    *,
    metric: MetricChoice = None,
    peek: bool = False,
    rules: "GroupRules | None" = None,
) -> "tuple[AssertionResult, ...]":
    """Check assertions such as `dropout > network`, which is recorded as a look.

    Raises UsageError for a text that is not an assertion, and MachineError if the look cannot be recorded.
    """
    from labtui.api.looks import recorded
    from labtui.compare.assertions import assertion_tables, check, with_names

    asserted = asserted_names(assertions)
    opened = _open(lab, (), metric, None, rules)
    if opened.foreign:
        assertions = [with_names(one, opened.foreign.title) for one in assertions]
    lab, runs, run_data = opened.lab, opened.runs, opened.foreign.run_data if opened.foreign else None
    found = _metric(lab, opened.metric, asserted)
    cells = _cells(lab, runs)

    def tables(looks: "Looks") -> "list[tuple[Assertion, ComparisonTable]]":
        return assertion_tables(
            assertions, cells, variants(lab), metric=found, run_data=run_data, classes=_class_names(), looks=looks
        )

    checked = recorded(
        lab, runs, tables, lambda made: [table for _, table in made], peek=peek, foreign=opened.foreign is not None
    )
    return tuple(check(assertion, table) for assertion, table in checked)


def tried_rows(
    lab: Lab, runs: Sequence[Run], entries: "Sequence[LedgerEntry]", baselines: Collection[str], metric: str
) -> set[tuple[str, ...]]:
    """The pairs of recipes that were tried against these baselines: fair ones with finished runs, and those looked at.

    Nothing is shown, so that it is no look.
    """
    from labtui.compare.cells import cells
    from labtui.compare.looks import History, Looks
    from labtui.compare.table import compare_cells

    history, pairs = History(entries), set[tuple[str, ...]]()
    for baseline in baselines:
        known = cells(runs, class_counts())
        table = compare_cells(
            known, variants(lab), metric=metric, baseline=baseline, classes=_class_names(), looks=Looks(history=history)
        )
        for row in table.rows:
            one = row.declared
            if one and one.look and not one.confounds and one.row_seeds.learned and one.baseline_seeds.learned:
                recipes = [key.rsplit("/", 3)[1] for key in (row.key, one.against_key)]
                pairs.add(tuple(sorted(recipes)))
                pairs |= {pair[:2] for pair in history.tried(f"{recipes[1]}/", metric)}
    return pairs


def asserted_names(assertions: Sequence[str]) -> tuple[str, ...]:
    """The names that assertions compare. Raises UsageError for a text that is not an assertion."""
    from labtui.compare.assertions import parse

    return tuple(name for one in map(parse, assertions) for name in (one.left, one.right))


def write_report(
    lab: Lab,
    folder: Path,
    names: Sequence[str] = (),
    *,
    forms: Sequence["Form"] = ("html", "md"),
    title: str = "",
    metric: MetricChoice = None,
    baseline: str | None = None,
    equal_budget: "EqualBudget | None" = None,
    rules: "GroupRules | None" = None,
) -> tuple[Path, ...]:
    """Write the report of the named experiments into a folder. Returns the paths of the written files.

    Raises UsageError if no run has finished, and MachineError if the folder cannot be written.
    """
    opened = _open(lab, names, metric, baseline, rules, at=equal_budget)
    cells = _cells(opened.lab, opened.runs, opened.names, opened.baseline)
    table = _recorded(opened, lambda looks: _compare_opened(opened, cells, looks, equal_budget))
    if not any(row.values for row in table.rows):
        raise UsageError("No run has finished: there is nothing to report.", advice="`labtui ps` lists the runs.")
    from labtui.compare.report.write import write  # deferred: matplotlib, only if there is something to draw

    run_data = opened.foreign.run_data if opened.foreign else None
    return write(folder, table, cells, forms=forms, title=title, run_data=run_data)


def per_epoch_metric(lab: Lab, names: Sequence[str] = ()) -> str:
    """The tag of an accuracy that the named experiments' finished runs recorded after every epoch.

    It is what an equal budget is read by where nothing else was asked for: test/accuracy is measured at the end alone.
    Of several the one that most runs have; test/accuracy if none has any.
    """
    runs = [run for run in lab.store.scan() if run.result and run.state is State.FINISHED]
    chosen = [run for run in runs if not names or _is_named(run, names)]
    counts = {tag: sum(tag in run.result.last for run in chosen if run.result) for tag in LIVE_ACCURACY}
    return max(counts, key=lambda tag: (counts[tag] if tag != DEFAULT_METRIC else 0, tag == DEFAULT_METRIC))


def _is_named(run: Run, names: Sequence[str]) -> bool:
    spec = run.spec
    return spec is not None and any(
        name in (spec.name, spec.experiment, spec.title, spec.display_title) for name in names
    )


def _recorded(opened: _Opened, make: "Callable[[Looks], ComparisonTable]", *, peek: bool = False) -> "ComparisonTable":
    """A table whose looks are recorded."""
    from labtui.api.looks import recorded

    foreign = opened.foreign is not None
    return recorded(opened.lab, opened.runs, make, lambda table: [table], peek=peek, foreign=foreign)


def _cells(lab: Lab, runs: Sequence[Run], names: Sequence[str] = (), baseline: str | None = None) -> "tuple[Cell, ...]":
    from labtui.compare.cells import cells

    for name in (*names, *([baseline] if baseline else [])):
        _require_known(lab, runs, name)
    return cells(runs, class_counts())


def class_counts() -> dict[str, int]:
    """The number of classes of every known data set, by name."""
    return {name: len(names) for name, names in _class_names().items()}


def _class_names() -> dict[str, tuple[str, ...]]:
    """By data set."""
    return {name: info.classes for name, info in datasets.known_datasets().items()}


def _metric(lab: Lab, metric: MetricChoice, names: Sequence[str] = ()) -> Metric:
    if isinstance(metric, MetricRequest):
        return metric.resolve(lab)
    return metric if isinstance(metric, Metric) else resolve(lab, metric, names=names)


def _run_ids(cell: "Cell") -> set[str]:
    return {run.id for run in (*cell.runs, *cell.superseded, *cell.unfinished)}


def _require_known(lab: Lab, runs: Iterable[Run], name: str) -> None:
    """Accept names of the catalog, names of runs that have left it, and titles. Raises UsageError."""
    specs = [*(variant.spec for variant in lab.catalog.variants), *(run.spec for run in runs if run.spec is not None)]
    if not any(name in (spec.name, spec.experiment, spec.title, spec.display_title) for spec in specs):
        lab.catalog.select([name])


def _compare(
    lab: Lab,
    cells: "Sequence[Cell]",
    names: Sequence[str],
    looks: "Looks",
    *,
    metric: MetricChoice = None,
    baseline: str | None = None,
    tried: "Sequence[Cell]" = (),
    at: "EqualBudget | None" = None,
    run_data: "RunData | None" = None,
) -> "ComparisonTable":
    from labtui.compare.table import compare_cells  # deferred: numpy and scipy, only if something is compared

    found = _metric(lab, metric, names)
    return compare_cells(
        cells,
        variants(lab),
        metric=found,
        baseline=baseline,
        names=names,
        run_data=run_data,
        classes=_class_names(),
        looks=looks,
        tried=tried,
        equal_budget=at,
    )

"""Cells become a table of rows with verdicts: the place where everything else in this package comes together."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from msgspec import structs

from labtui import spec
from labtui.compare import verdicts
from labtui.compare.baselines import (
    BaselineChoice,
    RowSource,
    TableContext,
    choose_baselines,
    row_sources,
    select_rows,
)
from labtui.compare.cells import (
    Cell,
    budget,
    final_values,
    mean_and_sd,
    mean_of,
    plain_test_images,
    run_requests,
    seed_counts,
)
from labtui.compare.differences import Difference
from labtui.compare.equal_budget import LEFT_OUT, at_equal_budget
from labtui.compare.factorial import Contrast, contrast, factorial, squares
from labtui.compare.findings import per_image
from labtui.compare.findings.collect import baseline_findings, comparison_findings, row_findings
from labtui.compare.findings.confounds import confounds, images_ratio
from labtui.compare.findings.losses import losses
from labtui.compare.findings.published import (
    CellWithReference,
    ReproductionLevel,
    published,
    published_findings,
    reproduction_findings,
    reproduction_levels,
)
from labtui.compare.findings.search import search_budgets, seeds_left_out
from labtui.compare.looks import ComparisonKey, Looks, Showing, comparison_key
from labtui.compare.measured import measured
from labtui.compare.metrics import TableMetric, smallest_effect
from labtui.compare.model import (
    Comparison,
    ComparisonRow,
    ComparisonTable,
    EqualBudget,
    Finding,
    FoldedCell,
    PublishedFigure,
    SearchBudget,
    SeedFailure,
    Severity,
    Verdict,
)
from labtui.compare.outcomes import NEVER_LEARNED, failed_seeds
from labtui.compare.run_data import RunData
from labtui.compare.secondary import with_secondary
from labtui.compare.spec_diff import matched_recipe, undeclared
from labtui.compare.statistics import ALPHA, binomial_error
from labtui.spec import Variant
from labtui.store.tags import DEFAULT_METRIC, TEST_LOSS
from labtui.text import numbers
from labtui.text.words import ordinal, plural


def compare_cells(
    cells: Sequence[Cell],
    variants: Sequence[Variant],
    *,
    metric: str | spec.Metric = DEFAULT_METRIC,
    baseline: str | None = None,
    names: Sequence[str] = (),
    run_data: RunData | None = None,
    classes: Mapping[str, Sequence[str]] | None = None,
    alpha: float = ALPHA,
    looks: Looks | None = None,
    tried: Sequence[Cell] = (),
    equal_budget: EqualBudget | None = None,
) -> ComparisonTable:
    """Compare cells with their baselines.

    `variants` are the catalog's present definitions, on the preferred and on the replacement data sets. `names`
    (experiments, members or titles) selects rows, and their baselines are added; without names every cell with a
    finished run is a row. `baseline` replaces the declared ones. `classes` are the class names by data set. Curves and
    predictions are read through `run_data` as needed. `looks` are the earlier ones, and what is awaited: without them
    every comparison has its usual interval. Rows that are not shown were tried as well: all rows are judged together,
    and with them the cells `tried` that make no row here. With `equal_budget` every run is read where it had cost as
    much as the others.
    """
    reader = run_data or RunData()
    shown, cells = measured(cells, metric, reader)
    cells = tuple(_with_classes(cell, classes or {}, reader) for cell in cells)
    looks = looks or Looks()

    def chosen() -> tuple[TableContext, list[BaselineChoice], list[BaselineChoice]]:
        """All rows and the shown ones."""
        context = TableContext(
            metric=shown,
            sources=tuple(row_sources(cells, variants)),
            variants=tuple(variants),
            baseline=baseline,
            run_data=reader,
            classes=classes or {},
        )
        everything = [choose_baselines(source, context) for source in context.sources]
        return context, everything, select_rows(everything, names)

    context, everything, choices = chosen()
    if equal_budget is not None:
        keys = {choice.cell.key for choice in choices}
        shown, cells, equal_budget = at_equal_budget(cells, keys, shown, equal_budget, reader)
        reader = reader.without_predictions()
        context, everything, choices = chosen()
    judged = _judge(everything, {choice.cell.key for choice in choices}, context, looks, alpha, tried)
    figures = {choice.cell.key: (choice.cell, _published(choice, context)) for choice in choices}
    levels = reproduction_levels(figures)
    of_row = _with_shown(judged, [choice.cell.key for choice in choices])
    rows = tuple(
        _row(choice, own, choices, context, figures[choice.cell.key][1], levels.get(choice.cell.key))
        for choice, own in zip(choices, of_row, strict=True)
    )
    return ComparisonTable(
        metric=context.metric,
        rows=rows,
        factorials=tuple(factorial(one, shown, level) for one, level in judged.interactions),
        judged=sum(one.judged for own in of_row for one in own) + judged.shown_interactions,
        alpha=alpha,
        test_images=next((row.budget.test_images for row in rows if row.budget.test_images), None),
        notes=(*([LEFT_OUT] if equal_budget else []), *_notes(choices, context.sources)),
        family=judged.family,
        not_shown=judged.not_shown,
        looking=_looking(rows),
        searches=_searches(choices, context),
        equal_budget=equal_budget,
    )


def _with_classes(cell: Cell, classes: Mapping[str, Sequence[str]], run_data: RunData) -> Cell:
    """The cell with the number of its data's classes: as recorded, as known by name, or as in the predictions."""
    if cell.classes is not None:
        return cell
    number = len(classes.get(cell.spec.dataset, ())) or run_data.class_count(cell)
    return replace(cell, classes=number if number > 1 else None)


# --- Comparisons --------------------------------------------------------------------------------------------------


class _Judged(NamedTuple):
    of_row: dict[str, list[Comparison]]
    """By the row's key, the declared comparison first."""
    interactions: list[tuple[Contrast, float | None]]
    """The shown 2x2 experiments, each with the level of its interaction."""
    family: int
    not_shown: tuple[tuple[str, str], ...] = ()
    """Tried comparisons of rows that are not shown: keys of row and baseline."""

    @property
    def shown_interactions(self) -> int:
        """Interactions that are judged and shown."""
        return sum(level is not None for _, level in self.interactions)


def _with_shown(judged: _Judged, keys: Sequence[str]) -> list[list[Comparison]]:
    """The comparisons of the shown rows, each with the number of those of its family that are shown."""
    of_row = [judged.of_row[key] for key in keys]
    tried = sum(one.look.family == judged.family for own in of_row for one in own if one.look and not one.look.plan)
    shown = tried + judged.shown_interactions
    return [
        [structs.replace(one, look=structs.replace(one.look, shown=shown)) if one.look else one for one in own]
        for own in of_row
    ]


def _judge(
    everything: Sequence[BaselineChoice],
    shown: Collection[str],
    context: TableContext,
    looks: Looks,
    alpha: float,
    tried: Sequence[Cell],
) -> _Judged:
    """Judge all rows together, shown or not."""
    pending = {
        choice.cell.key: _pending(choice, context, looks, shown=choice.cell.key in shown) for choice in everything
    }
    factors = {choice.cell.key: choice.factor for choice in everything}
    contrasts = [contrast(square, context.metric) for square in squares([*_cells_with_runs(everything)], factors)]
    again = {key for key, own in pending.items() if any(one.state.showing is not Showing.FIXED for one in own)}
    contrasts = [one.without_estimates() if again & {cell.key for cell in one.square} else one for one in contrasts]
    ps = [one.interaction_p for one in contrasts]
    together = [*chain.from_iterable(pending.values())]
    result = verdicts.judge(
        together,
        context.metric,
        alpha,
        further=[p for p in ps if p is not None],
        gone=_gone(together, context, looks, _without_rows(everything, tried)),
    )
    judged = with_secondary(together, result.comparisons, context.metric, context.run_data, shown)
    remaining, further = iter(judged), iter(result.levels)
    of_row = {key: [next(remaining) for _ in own] for key, own in pending.items()}
    interactions = [(one, None if p is None else next(further)) for one, p in zip(contrasts, ps, strict=True)]
    return _Judged(
        of_row,
        [(one, level) for one, level in interactions if {cell.key for cell in one.square} <= {*shown}],
        result.family,
        tuple((one.here.key, one.there.key) for one in together if one.is_tried and one.here.key not in shown),
    )


def _cells_with_runs(choices: Iterable[BaselineChoice]) -> Iterator[Cell]:
    return (choice.cell for choice in choices if choice.cell.has_ended_seeds)


def _without_rows(everything: Sequence[BaselineChoice], tried: Sequence[Cell]) -> list[tuple[Cell, BaselineChoice]]:
    """Cells that have no row of their own, each with the row of its experiment: those given, and older definitions."""
    older = [(cell, choice) for choice in everything for cell, _ in choice.source.folded if cell.has_ended_seeds]
    others = [(cell, choice) for choice in everything for cell in tried if cell.name == choice.cell.name]
    return [(cell, choice) for cell, choice in (*older, *others) if cell.recipe != choice.cell.recipe]


def _gone(
    pending: Sequence[verdicts.PendingComparison],
    context: TableContext,
    looks: Looks,
    cells: Sequence[tuple[Cell, BaselineChoice]],
) -> int:
    """How many pairs were compared with these baselines before, or have runs, and are not among these comparisons.

    With a baseline that was chosen by hand, all earlier pairs count: baselines can be chosen as rows can.
    """
    metric = context.metric
    present = {comparison_key(one.here, one.there, metric).pair for one in pending}
    baselines = {comparison_key(one.here, one.there, metric).baseline for one in pending if one.is_tried}
    tried = {pair for baseline in baselines for pair in looks.history.tried(baseline, metric.tag)}
    if context.baseline is not None:
        tried |= looks.history.tried(None, metric.tag)
    on_disk = {recipe for pair in present for recipe in pair[:2]}
    for base in {one.there.key: one.there for one in pending if one.is_tried}.values():
        names = base.name, base.spec.experiment
        gone = {recipe for name in names for recipe in looks.history.removed_rows(name)} - on_disk
        tried |= {ComparisonKey(base.recipe, recipe, metric.tag).pair for recipe in gone}
    for cell, choice in cells:
        there = choice.matched or choice.baseline
        if there and seed_counts(cell, metric.tag).learned and seed_counts(there, metric.tag).learned:
            key = comparison_key(cell, there, metric)
            tried |= {key.pair} if not confounds(cell, there, choice.factor, metric) else set()
    return sum(not looks.is_planned(pair) for pair in tried - present)


def _pending(
    row: BaselineChoice, context: TableContext, looks: Looks, *, shown: bool
) -> list[verdicts.PendingComparison]:
    if row.baseline is None or not row.cell.has_ended_seeds:
        return []
    baselines = [(row.baseline, False), *([(row.matched, True)] if row.matched else [])]
    return [_compare(row, there, context, looks, matched=matched, shown=shown) for there, matched in baselines]


def _compare(
    row: BaselineChoice, there: Cell, context: TableContext, looks: Looks, *, matched: bool, shown: bool
) -> verdicts.PendingComparison:
    """A comparison without its verdict; what takes long to read is left out where it is not shown."""
    metric = context.metric
    here, state = row.cell, looks.state(row.cell, there, metric)
    # A plan decides for itself which seeds count.
    left_out = seeds_left_out(here, there, context.grid_searches, metric) if state.plan is None else frozenset()
    if left_out:
        here, there = here.without_seeds(left_out), there.without_seeds(left_out)
        state = looks.state(here, there, metric, left_out)
    found = verdicts.compare_seeds(here, there, metric)
    findings = comparison_findings(row, there, context, has_match=row.matched is not None and not matched)
    why = _why_not_judged(row, there, findings, found, metric) or metric.why_not_judged
    why = why or verdicts.why_not_shown(state, found)
    usual = state.showing is Showing.FIXED
    by_class = per_image.PerClass()
    if shown:
        by_class = per_image.class_deltas(here, there, len(context.class_names(here)), context.run_data)
    comparison = Comparison(
        against=there.title,
        against_name=there.name,
        against_key=there.key,
        matched=matched,
        delta=found.delta,
        method=found.method,
        seeds=found.seeds,
        entered=verdicts.entered(found, here, there, metric),
        row_seeds=seed_counts(here, metric.tag),
        baseline_seeds=seed_counts(there, metric.tag),
        correlation=found.correlation,
        interval=verdicts.interval_at_look(found, state),
        p=verdicts.p_value(found, state),
        judged=not why,
        adjusted=None,
        p_adjusted=None,
        success_p=verdicts.success_p(here, there, metric) if usual else None,
        sign_flip_p=verdicts.sign_flip_p(found) if usual else None,
        smallest_effect=_smallest_effect(row.source, metric),
        verdict=Verdict.NOT_JUDGED,
        why=why,
        budget=images_ratio(here, there),
        findings=findings,
        need=None,
        images=per_image.compare_images(here, there, context.run_data) if shown else None,
        per_class=by_class.mean,
        per_class_error=by_class.error,
        look=verdicts.look_of(state),
        choosing_seeds=tuple(sorted(left_out)),
    )
    return verdicts.PendingComparison(comparison, found, here, there, state)


def _why_not_judged(
    row: BaselineChoice, there: Cell, findings: tuple[Finding, ...], found: Difference, metric: TableMetric
) -> str:
    if row.cell.short_of or there.short_of:
        return row.cell.short_of or f"{there.title}: {there.short_of}"
    if not there.has_ended_seeds:
        return f"{there.title} not run"
    if any(finding.severity is Severity.CONFOUND for finding in findings):
        return "confounded"
    outcomes = there.outcomes(metric.tag)
    if outcomes and all(one.failure == NEVER_LEARNED for one in outcomes):
        return "baseline at chance"
    return verdicts.why_not_judged(row.cell, there, found, metric)


def _smallest_effect(source: RowSource, metric: TableMetric) -> float | None:
    if source.variant is None and not metric.is_accuracy:
        return None  # the catalog no longer says
    return smallest_effect(source.variant or Variant(spec=source.cell.spec), metric)


# --- Rows ---------------------------------------------------------------------------------------------------------


def _row(
    choice: BaselineChoice,
    comparisons: Sequence[Comparison],
    choices: Sequence[BaselineChoice],
    context: TableContext,
    figures: tuple[PublishedFigure, ...],
    level: ReproductionLevel | None,
) -> ComparisonRow:
    cell, variant, is_current = choice.cell, choice.source.variant, choice.source.is_current
    failed = failed_seeds(cell.outcomes(context.metric.tag))
    values = final_values(cell, context.metric.tag)
    mean, sd = mean_and_sd([value.value for value in values])
    classes = context.class_names(cell)
    by_class = per_image.class_accuracies(cell, len(classes), context.run_data)
    return ComparisonRow(
        key=cell.key,
        name=cell.name,
        title=cell.title,
        experiment=cell.spec.experiment,
        data=cell.spec.dataset,
        device=cell.device,
        overridden=bool(cell.spec.overrides),
        description=variant.description if variant else "",
        conclusion=variant.conclusion if variant and is_current else "",
        factor=choice.factor,
        values=values,
        failures=tuple(
            SeedFailure(seed=one.seed, run=one.run, failure=one.failure, reached=one.reached) for one in failed
        ),
        mean=mean,
        sd=sd,
        noise=_noise(cell, context.metric, mean),
        is_baseline=any(cell.key in other.baseline_keys for other in choices),
        declared=next((comparison for comparison in comparisons if not comparison.matched), None),
        matched=next((comparison for comparison in comparisons if comparison.matched), None),
        cross_entropy=mean_of(cell, TEST_LOSS) if cell.engine_spec else None,
        losses=losses(cell),
        published=figures,
        budget=budget(cell),
        findings=(
            *row_findings(choice, context),
            *baseline_findings(choice, choices, context.metric),
            *_published_findings(choice, context),
            *reproduction_findings(cell, figures, choice.factor, level),
        ),
        classes=classes,
        class_accuracy=by_class.mean,
        class_error=by_class.error,
        class_seeds=by_class.seeds,
        again=run_requests([cell], tuple(one.seed for one in cell.outcomes(context.metric.tag))),
        folded=tuple(_folded(other, why, context.metric) for other, why in choice.source.folded),
        superseded=tuple(run.id for run in cell.superseded),
        unfinished=tuple(run.id for run in cell.unfinished),
        short_of=cell.short_of,
    )


def _published(choice: BaselineChoice, context: TableContext) -> tuple[PublishedFigure, ...]:
    variant = choice.source.variant
    reference = variant.reference if variant and choice.source.is_current else None
    return published(choice.cell, reference, context.run_data) if reference else ()


def _noise(cell: Cell, metric: TableMetric, mean: float | None) -> float | None:
    images = plain_test_images(cell)
    if mean is None or not images or not (metric.is_accuracy and metric.is_plain_test):
        return None
    return binomial_error(mean, images)


def _published_findings(choice: BaselineChoice, context: TableContext) -> tuple[Finding, ...]:
    """What the published figures show. They come from the catalog: the baselines need not have been run."""
    references = {
        source.cell.key: CellWithReference(
            cell=source.cell, title=source.cell.title, reference=source.variant.reference
        )
        for source in context.sources
        if source.variant and source.variant.reference and source.is_current
    }
    here = references.get(choice.cell.key)
    if here is None:
        return ()
    baseline = references.get(choice.baseline.key) if choice.baseline else None
    return published_findings(here, baseline, _matched_reference(choice, list(references.values())), choice.factor)


def _matched_reference(choice: BaselineChoice, references: Sequence[CellWithReference]) -> CellWithReference | None:
    cell, baseline = choice.cell, choice.baseline
    if baseline is None or not undeclared(cell.spec, baseline.spec, choice.factor):
        return None
    recipe = matched_recipe(cell.flat, baseline.flat, choice.factor)
    return next((other for other in references if other.cell.key != cell.key and other.cell.flat == recipe), None)


def _folded(cell: Cell, why: str, metric: TableMetric) -> FoldedCell:
    values = [value.value for value in final_values(cell, metric.tag)]
    mean, sd = mean_and_sd(values)
    failed = len(failed_seeds(cell.outcomes(metric.tag)))
    return FoldedCell(title=cell.title, why=why, n=len(values), failed=failed, mean=mean, sd=sd)


def _looking(rows: Sequence[ComparisonRow]) -> tuple[str, ...]:
    """What is not shown yet, and which rows have another interval than the usual one, each with the reason."""
    shown = [(row.title, one, one.look) for row in rows for one in row.comparisons if one.look]
    remarks = []
    waiting = [look for _, _, look in shown if look.showing == Showing.WITHHELD.value and look.missing]
    if waiting:
        seeds = {seed for look in waiting for seed in look.missing}
        have, are = "has" if len(waiting) == 1 else "have", "is" if len(seeds) == 1 else "are"
        remarks.append(
            f"{plural(len(waiting), 'comparison')} {have} no interval or verdict yet: {numbers.seed_list(seeds)} {are} "
            "still queued or training. `labtui compare --peek` shows them now, which counts as a look"
        )
    again = [
        f"{title} ({ordinal(look.number)} look)"
        for title, one, look in shown
        if look.showing == Showing.ALWAYS_VALID.value and one.judged
    ]
    if again:
        remarks.append(
            f"shown before with other seeds, so the interval is valid for any number of looks: {_list(again)}"
        )
    planned = [
        f"{title} ({look.seeds} of at most {look.cap} seeds)"
        for title, _, look in shown
        if look.showing == Showing.PLAN.value and look.seeds
    ]
    if planned:
        remarks.append(f"judged by their plan, whose interval holds at all its looks: {_list(planned)}")
    return tuple(remarks)


def _list(titles: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(titles))


def _searches(choices: Sequence[BaselineChoice], context: TableContext) -> tuple[SearchBudget, ...]:
    """Of the searches that some row is part of."""
    shown = {choice.cell.key for choice in choices}
    searches = [grid for grid in context.grid_searches if any(cell.key in shown for cell in grid.cells)]
    return search_budgets(searches, context.metric)


def _no_baseline(choices: Sequence[BaselineChoice]) -> str:
    """How to choose a baseline."""
    if not all(choice.cell.spec.is_foreign for choice in choices):
        return "no row names a baseline: choose one with --baseline, or declare it in the catalog"
    return (
        f"no verdicts without a baseline: choose the row that is compared with, such as --baseline {_quoted(choices)}"
    )


def _quoted(choices: Sequence[BaselineChoice]) -> str:
    return shlex.quote(choices[0].cell.title)


def _notes(choices: Sequence[BaselineChoice], sources: Sequence[RowSource]) -> tuple[str, ...]:
    """Remarks about the table as a whole."""
    notes = []
    shown = {choice.cell.key for choice in choices}
    started = [source.cell for source in sources if source.cell.key not in shown and source.cell.unfinished]
    if started:
        titles = ", ".join(f"{cell.title} ({cell.unfinished[-1].state})" for cell in started)
        notes.append(f"without a finished run: {titles}")
    current = [choice.source.variant for choice in choices if choice.source.is_current]
    if any(variant and variant.reference for variant in current):
        notes.append("published figures are of one seed each, at the last epoch unless a line says otherwise")
    if len({choice.cell.spec.dataset for choice in choices}) > 1:
        notes.append("rows on different data sets are not compared with each other")
    if choices and not any(choice.baseline for choice in choices):
        notes.append(_no_baseline(choices))
    return tuple(notes)

"""Runs in cells become rows with verdicts: the one place where all judgements meet."""

from collections.abc import Mapping, Sequence
from itertools import chain

from labtui.compare import verdicts
from labtui.compare.baselines import Draft, Entry, Setting, draft, picked, roster
from labtui.compare.cells import Cell, budget, final_values, mean_and_sd, mean_of, plain_test_images
from labtui.compare.factorial import factorial, squares
from labtui.compare.findings import per_image
from labtui.compare.findings.collect import baseline_findings, comparison_findings, row_findings
from labtui.compare.findings.confounds import images_ratio
from labtui.compare.findings.losses import losses
from labtui.compare.findings.not_learning import never_learned
from labtui.compare.findings.published import Referred, published, published_findings, reproduction_findings
from labtui.compare.metrics import Metric
from labtui.compare.metrics import metric as metric_of
from labtui.compare.model import Comparison, Finding, Folded, Row, Table, Verdict
from labtui.compare.run_data import Evidence
from labtui.compare.spec_diff import matched_recipe, undeclared
from labtui.compare.statistics import ALPHA, binomial_error
from labtui.spec import Variant
from labtui.store.tags import TEST_ACCURACY, TEST_LOSS


def table(
    cells: Sequence[Cell],
    variants: Sequence[Variant],
    *,
    metric: str = TEST_ACCURACY,
    baseline: str | None = None,
    names: Sequence[str] = (),
    evidence: Evidence | None = None,
    classes: Mapping[str, Sequence[str]] | None = None,
    alpha: float = ALPHA,
) -> Table:
    """Judge cells against their baselines.

    `variants` are the catalog's present definitions, wanted and offline ones. `names` (experiments, members or titles)
    picks rows, whose baselines come along; none means every cell that has a finished run. `baseline` replaces the
    declared ones. Reads curves and predictions through `evidence` where a judgement asks for them.
    """
    entries = roster(cells, variants)
    setting = Setting(
        metric=metric_of(metric),
        entries=tuple(entries),
        variants=tuple(variants),
        baseline=baseline,
        evidence=evidence or Evidence(),
        classes=classes or {},
    )
    drafts = picked([draft(entry, setting) for entry in entries], names)
    judged, count = _judge(drafts, setting, alpha)
    rows = tuple(assemble(one, found, drafts, setting) for one, found in zip(drafts, judged, strict=True))
    factors = {one.cell.key: one.factor for one in drafts}
    return Table(
        metric=setting.metric,
        rows=rows,
        factorials=tuple(factorial(one, setting.metric) for one in squares([one.cell for one in drafts], factors)),
        judged=count,
        alpha=alpha,
        test_images=next((row.budget.test_images for row in rows if row.budget.test_images), None),
        notes=_notes(drafts, entries),
    )


def _judge(drafts: list[Draft], setting: Setting, alpha: float) -> tuple[list[list[Comparison]], int]:
    """The comparisons of every draft, the declared one first, with their verdicts; and how many were judged."""
    pending = [_pending(one, setting) for one in drafts]
    judged = iter(verdicts.judge(list(chain.from_iterable(pending)), setting.metric, alpha))
    sorted_out = [[next(judged) for _ in ones] for ones in pending]
    return sorted_out, sum(one.judged for ones in sorted_out for one in ones)


def _pending(row: Draft, setting: Setting) -> list[verdicts.Pending]:
    if row.baseline is None or not row.cell.runs:
        return []
    pairs = [(row.baseline, False), *([(row.matched, True)] if row.matched is not None else [])]
    return [_compare(row, there, setting, matched=matched) for there, matched in pairs]


def _compare(row: Draft, there: Cell, setting: Setting, *, matched: bool) -> verdicts.Pending:
    here = row.cell
    difference = verdicts.difference(here, there, setting.metric)
    findings = comparison_findings(row, there, setting, superseded=row.matched is not None and not matched)
    why = _why_not(row, there, findings, difference)
    comparison = Comparison(
        against=there.title,
        against_name=there.name,
        against_key=there.key,
        matched=matched,
        delta=difference.delta,
        method=difference.method,
        seeds=difference.seeds,
        interval=difference.interval,
        p=difference.p,
        judged=not why,
        adjusted=None,
        p_adjusted=None,
        sign_flip_p=difference.sign_flip_p,
        smallest_effect=_smallest_effect(row.entry, setting.metric),
        verdict=Verdict.NOT_JUDGED,
        why=why,
        budget=images_ratio(here, there),
        findings=findings,
        need=None,
        images=per_image.compare_images(here, there, setting.evidence),
        per_class=per_image.class_deltas(here, there, len(setting.class_names(here)), setting.evidence),
    )
    return verdicts.Pending(comparison, difference, here, there)


def _why_not(draft: Draft, there: Cell, findings: tuple[Finding, ...], difference: verdicts.Difference) -> str:
    if not there.runs:
        return f"{there.title} not run"
    if any(finding.grade == "confound" for finding in findings):
        return "confounded"
    if there.runs and all(never_learned(run) for run in there.runs):
        return "baseline at chance"
    return verdicts.why_not(draft.cell, there, difference)


def _smallest_effect(entry: Entry, metric: Metric) -> float | None:
    """Declared in points of accuracy; nothing is known about other metrics."""
    if not metric.is_accuracy:
        return None
    return (entry.variant or Variant(spec=entry.cell.spec)).smallest_effect or None


def _notes(drafts: list[Draft], entries: list[Entry]) -> tuple[str, ...]:
    notes = []
    shown = {one.cell.key for one in drafts}
    started = [entry.cell for entry in entries if entry.cell.key not in shown and entry.cell.unfinished]
    if started:
        told = ", ".join(f"{cell.title} ({cell.unfinished[-1].state})" for cell in started)
        notes.append(f"without a finished run: {told}")
    if any(one.entry.variant and one.entry.variant.reference and one.entry.present for one in drafts):
        notes.append("published figures are of one seed each, at the last epoch unless a line says otherwise")
    if len({one.cell.spec.data.name for one in drafts}) > 1:
        notes.append("rows on different data sets are not compared with each other")
    if drafts and not any(one.baseline for one in drafts):
        notes.append("no row names a baseline: choose one with --baseline, or declare it in the catalog")
    return tuple(notes)


def assemble(draft: Draft, comparisons: Sequence[Comparison], drafts: Sequence[Draft], setting: Setting) -> Row:
    """The row of a draft whose comparisons have their verdicts."""
    cell, variant = draft.cell, draft.entry.variant
    values = final_values(cell, setting.metric.tag)
    mean, sd = mean_and_sd([one.value for one in values])
    reference = variant.reference if variant and draft.entry.present else None
    figures = published(cell, reference, setting.evidence) if reference else ()
    names = setting.class_names(cell)
    return Row(
        key=cell.key,
        name=cell.name,
        title=cell.title,
        experiment=cell.spec.experiment,
        data=cell.spec.data.name,
        device=cell.device,
        overridden=bool(cell.spec.overrides),
        description=variant.description if variant else "",
        conclusion=variant.conclusion if variant and draft.entry.present else "",
        factor=draft.factor,
        values=values,
        mean=mean,
        sd=sd,
        noise=_noise(cell, setting.metric, mean),
        is_baseline=any(cell.key in other.baselines for other in drafts),
        declared=next((one for one in comparisons if not one.matched), None),
        matched=next((one for one in comparisons if one.matched), None),
        cross_entropy=mean_of(cell, TEST_LOSS),
        losses=losses(cell),
        published=figures,
        budget=budget(cell),
        findings=(
            *row_findings(draft.entry, setting),
            *baseline_findings(draft, drafts, setting.metric),
            *_published_findings(draft, setting),
            *reproduction_findings(cell, figures, draft.factor),
        ),
        classes=names,
        class_accuracy=per_image.mean_class_accuracy(cell, len(names), setting.evidence),
        folded=tuple(_folded(other, why, setting.metric) for other, why in draft.entry.folded),
        superseded=tuple(run.id for run in cell.superseded),
        unfinished=tuple(run.id for run in cell.unfinished),
    )


def _noise(cell: Cell, metric: Metric, mean: float | None) -> float | None:
    images = plain_test_images(cell)
    if mean is None or not images or not (metric.is_accuracy and metric.is_plain_test):
        return None
    return binomial_error(mean, images)


def _published_findings(draft: Draft, setting: Setting) -> tuple[Finding, ...]:
    """What the published figures show, by the catalog alone: their baselines need not have been run."""
    references = [
        Referred(cell=entry.cell, title=entry.cell.title, reference=entry.variant.reference)
        for entry in setting.entries
        if entry.variant and entry.variant.reference and entry.present
    ]
    here = next((one for one in references if one.cell.key == draft.cell.key), None)
    if here is None:
        return ()
    baseline = next((one for one in references if draft.baseline and one.cell.key == draft.baseline.key), None)
    matched = _matched(draft, references) if draft.baseline else None
    return published_findings(here, baseline, matched, draft.factor)


def _matched(draft: Draft, references: Sequence[Referred]) -> Referred | None:
    if draft.baseline is None or not undeclared(draft.cell.spec, draft.baseline.spec, draft.factor):
        return None
    wanted = matched_recipe(draft.cell.flat, draft.baseline.flat, draft.factor)
    return next((one for one in references if one.cell.key != draft.cell.key and one.cell.flat == wanted), None)


def _folded(cell: Cell, why: str, metric: Metric) -> Folded:
    numbers = [one.value for one in final_values(cell, metric.tag)]
    mean, sd = mean_and_sd(numbers)
    return Folded(title=cell.title, why=why, n=len(numbers), mean=mean, sd=sd)

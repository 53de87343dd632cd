"""Runs in cells become rows with verdicts: the one place where all judgements meet."""

from collections.abc import Mapping, Sequence
from itertools import chain

from labtui.compare import judging
from labtui.compare.assembly import assemble
from labtui.compare.cells import Cell
from labtui.compare.factorial import factorial, squares
from labtui.compare.findings.collect import comparison_findings
from labtui.compare.findings.collect import per_image as images
from labtui.compare.findings.confounds import images_ratio
from labtui.compare.findings.not_learning import never_learned
from labtui.compare.metrics import Metric
from labtui.compare.metrics import metric as metric_of
from labtui.compare.roster import Entry, roster
from labtui.compare.rows import Comparison, Finding, Table, Verdict
from labtui.compare.run_data import Evidence
from labtui.compare.setting import Draft, Setting, draft, picked
from labtui.compare.statistics import ALPHA
from labtui.spec import Variant
from labtui.store.tags import TEST_ACCURACY


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
    judged = iter(judging.judge(list(chain.from_iterable(pending)), setting.metric, alpha))
    sorted_out = [[next(judged) for _ in ones] for ones in pending]
    return sorted_out, sum(one.judged for ones in sorted_out for one in ones)


def _pending(row: Draft, setting: Setting) -> list[judging.Pending]:
    if row.baseline is None or not row.cell.runs:
        return []
    pairs = [(row.baseline, False), *([(row.matched, True)] if row.matched is not None else [])]
    return [_compare(row, there, setting, matched=matched) for there, matched in pairs]


def _compare(row: Draft, there: Cell, setting: Setting, *, matched: bool) -> judging.Pending:
    here = row.cell
    difference = judging.difference(here, there, setting.metric)
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
        images=images.compare_images(here, there, setting.evidence),
        per_class=images.class_deltas(here, there, len(setting.class_names(here)), setting.evidence),
    )
    return judging.Pending(comparison, difference, here, there)


def _why_not(draft: Draft, there: Cell, findings: tuple[Finding, ...], difference: judging.Difference) -> str:
    if not there.runs:
        return f"{there.title} not run"
    if any(finding.grade == "confound" for finding in findings):
        return "confounded"
    if there.runs and all(never_learned(run) for run in there.runs):
        return "baseline at chance"
    return judging.why_not(draft.cell, there, difference)


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

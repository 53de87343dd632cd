"""One row put together from what its cell recorded and what was found about it."""

from collections.abc import Sequence

from labtui.compare import facts
from labtui.compare.cells import Cell
from labtui.compare.findings.collect import baseline_findings, row_findings
from labtui.compare.findings.collect import per_image as images
from labtui.compare.findings.losses import losses
from labtui.compare.findings.published import Referred, published, published_findings
from labtui.compare.metrics import Metric
from labtui.compare.reproduction import reproduction_findings
from labtui.compare.rows import Comparison, Finding, Folded, Row
from labtui.compare.setting import Draft, Setting
from labtui.compare.spec_diff import matched_recipe, undeclared
from labtui.compare.statistics import binomial_error
from labtui.store.tags import TEST_LOSS


def assemble(draft: Draft, comparisons: Sequence[Comparison], drafts: Sequence[Draft], setting: Setting) -> Row:
    """The row of a draft whose comparisons have their verdicts."""
    cell, variant = draft.cell, draft.entry.variant
    values = facts.values(cell, setting.metric.tag)
    mean, sd = facts.mean_and_sd([one.value for one in values])
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
        cross_entropy=facts.mean_of(cell, TEST_LOSS),
        losses=losses(cell),
        published=figures,
        budget=facts.budget(cell),
        findings=(
            *row_findings(draft.entry, setting),
            *baseline_findings(draft, drafts, setting.metric),
            *_published_findings(draft, setting),
            *reproduction_findings(cell, figures, draft.factor),
        ),
        classes=names,
        class_accuracy=images.mean_class_accuracy(cell, len(names), setting.evidence),
        folded=tuple(_folded(other, why, setting.metric) for other, why in draft.entry.folded),
        superseded=tuple(run.id for run in cell.superseded),
        unfinished=tuple(run.id for run in cell.unfinished),
    )


def _noise(cell: Cell, metric: Metric, mean: float | None) -> float | None:
    images = facts.plain_test_images(cell)
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
    numbers = [one.value for one in facts.values(cell, metric.tag)]
    mean, sd = facts.mean_and_sd(numbers)
    return Folded(title=cell.title, why=why, n=len(numbers), mean=mean, sd=sd)

"""One section per experiment: its charts, the verdict beside what was concluded, and every finding."""

from collections.abc import Iterator, Mapping, Sequence

from labtui.compare.cells import Cell
from labtui.compare.findings.confounds import loss_scale, unlike
from labtui.compare.metrics import metric
from labtui.compare.model import Finding, Row, Table
from labtui.compare.render import phrases
from labtui.compare.report.curve_plots import Series, chart_tags, charts
from labtui.compare.report.document import Beside, Block, Bullets, Heading, Paragraph, Picture, Piece, Words, plain
from labtui.compare.report.figure_style import BASELINE, MATCHED, VARIANTS
from labtui.compare.run_data import Evidence
from labtui.text import numbers
from labtui.text.words import enumeration, sentence, with_full_stop

_KINDS_OF_CURVE = {
    "test-set": "are of other images than the baseline's ({here}; {there})",
    "eval-mode": "are not measured like the baseline's: dropout is active on one side only",
    "loss-scale": "are not on the baseline's scale ({here}; {there})",
}
"""By the code of the finding; that the training images differ is told by the row's own findings."""

_NO_CONCLUSION = "Nothing was concluded about it."


def section(rows: Sequence[Row], table: Table, cells: Mapping[str, Cell], evidence: Evidence) -> list[Block]:
    """The section of one experiment; `rows` are its variants."""
    blocks: list[Block] = [Heading(3, " · ".join(row.title for row in rows))]
    if rows[0].description:
        blocks.append(Paragraph(plain(rows[0].description)))
    if picture := _charts(rows, cells, evidence):
        blocks.append(picture)
    for row in rows:
        blocks += _verdict(row, table, alone=len(rows) == 1)
    return blocks


def _verdict(row: Row, table: Table, *, alone: bool) -> list[Block]:
    blocks: list[Block] = [] if alone else [Heading(4, row.title)]
    says = plain(phrases.verdict(row, table.metric))
    blocks.append(Beside("The report concluded", plain(_concluded(row)), "These runs say", says))
    items = [*map(_finding, row.all_findings), *_images(row), *_values(row, table)]
    return [*blocks, Bullets(tuple(items))] if items else blocks


def _concluded(row: Row) -> str:
    figure = next(iter(row.published), None)
    told = row.conclusion or _NO_CONCLUSION
    if figure is None:
        return told
    unit = "%" if metric(figure.tag).is_accuracy else ""
    about = "about " if figure.around else ""
    return (
        f"{told} ({figure.tag}, published: {about}{figure.value:g}{unit}; ours: {numbers.decimal(figure.ours)}{unit})"
    )


def _finding(finding: Finding) -> Words:
    mend = (Piece(" → "), Piece(finding.mend, "code")) if finding.mend else ()
    label = f"{finding.grade.value[0].upper()}{finding.grade.value[1:]}: "
    return (Piece(label, "strong"), Piece(with_full_stop(finding.text)), *mend)


def _images(row: Row) -> list[Words]:
    one = row.comparison
    if one is None or one.images is None:
        return []
    told = [phrases.image_test(one.images, one.against), phrases.classes(row, one)]
    return [(Piece("Image by image: ", "strong"), Piece(sentence("; ".join(filter(None, told)))))]


def _values(row: Row, table: Table) -> list[Words]:
    told = [f"seed {one.seed}: {numbers.decimal(one.value, table.metric.digits)}" for one in row.values]
    return [(Piece("Per seed: ", "strong"), Piece(", ".join(told)))] if told else []


def _charts(rows: Sequence[Row], cells: Mapping[str, Cell], evidence: Evidence) -> Picture | None:
    series = [*_baselines(rows, cells, evidence), *_variants(rows, cells, evidence)]
    tags = chart_tags(series)
    if not tags:
        return None
    ends = "; ".join(f"{row.title} ends at {numbers.decimal(row.mean)}" for row in rows if row.mean is not None)
    lines = ", ".join(one.title for one in series)
    marked = " Diamonds are published figures." if any(one.published for one in series) else ""
    scales = "".join(f" {sentence(text)}" for text in _scales(rows, cells, tags))
    return Picture(
        name=f"charts-{rows[0].data}-{rows[0].experiment}",
        caption=f"{lines}. Thin lines are seeds, thick ones their mean.{marked}{scales}",
        alt=f"Curves of {', '.join(tags)}: {ends}.",
        draw=lambda: charts(series),
    )


def _scales(rows: Sequence[Row], cells: Mapping[str, Cell], tags: Sequence[str]) -> list[str]:
    """What must be said before these curves are read side by side: other test images, a penalty, active dropout."""
    found: dict[str, list[str]] = {}
    for row in rows:
        for tag in tags:
            for what in dict.fromkeys(_unlike(row, cells, tag)):
                found.setdefault(what, []).append(tag)
    return [f"{enumeration(named)} of {what}" for what, named in found.items()]


def _unlike(row: Row, cells: Mapping[str, Cell], tag: str) -> Iterator[str]:
    """How a curve of a row differs in kind from its baselines'."""
    here = cells.get(row.key)
    if here is None:
        return
    for there in (cells[one.against_key] for one in row.comparisons if one.against_key in cells):
        for finding in (*unlike(here, there, metric(tag)), *loss_scale(here, there, metric(tag))):
            if finding.code in _KINDS_OF_CURVE and not (finding.code == "eval-mode" and metric(tag).is_train):
                yield f"{row.title} {_KINDS_OF_CURVE[finding.code].format(here=finding.here, there=finding.there)}"


def _variants(rows: Sequence[Row], cells: Mapping[str, Cell], evidence: Evidence) -> list[Series]:
    found = []
    for index, row in enumerate(rows):
        cell = cells.get(row.key)
        curves = tuple(evidence.curves(run) for run in cell.runs) if cell else ()
        found.append(Series(row.title, VARIANTS[index % len(VARIANTS)], curves, row.published))
    return found


def _baselines(rows: Sequence[Row], cells: Mapping[str, Cell], evidence: Evidence) -> list[Series]:
    """The declared baseline and the matched one, each once, where they are not variants of the experiment itself."""
    own = {row.key for row in rows}
    keys = {one.against_key: MATCHED if one.matched else BASELINE for row in rows for one in row.comparisons}
    found = []
    for key, stroke in keys.items():
        cell = cells.get(key)
        if cell and key not in own:
            found.append(Series(cell.title, stroke, tuple(evidence.curves(run) for run in cell.runs)))
    return found

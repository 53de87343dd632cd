"""One section per experiment: its curves, the verdict next to the published conclusion, and every finding."""

from collections.abc import Iterator, Mapping, Sequence

from labtui.compare.cells import Cell
from labtui.compare.findings.confounds import loss_scale, unlike
from labtui.compare.metrics import metric
from labtui.compare.model import ComparisonRow, ComparisonTable, Finding
from labtui.compare.render import phrases
from labtui.compare.render.commands import remedy_text
from labtui.compare.render.secondary import beside_texts, other_images_text
from labtui.compare.report.curve_plots import PlotLine, chart_tags, charts
from labtui.compare.report.document import Block, Bullets, Heading, Paragraph, Picture, Piece, SideBySide, Words, plain
from labtui.compare.report.figure_style import BASELINE, MATCHED, VARIANTS
from labtui.compare.run_data import RunData
from labtui.text import numbers
from labtui.text.words import enumeration, sentence, with_full_stop

_CURVE_REMARKS = {
    "test-set": "are measured on different images from the baseline's ({here}; {there})",
    "eval-mode": "are not measured like the baseline's: dropout is active on one side only",
    "loss-scale": "are not on the baseline's scale ({here}; {there})",
}
"""By the code of the finding. Different training images are among the row's own findings."""


def section(
    rows: Sequence[ComparisonRow], table: ComparisonTable, cells: Mapping[str, Cell], run_data: RunData
) -> list[Block]:
    """The section of one experiment; `rows` are its variants."""
    blocks: list[Block] = [Heading(3, " · ".join(row.title for row in rows))]
    if rows[0].description:
        blocks.append(Paragraph(plain(rows[0].description)))
    if picture := _charts(rows, cells, run_data):
        blocks.append(picture)
    for row in rows:
        blocks += _verdict(row, table, alone=len(rows) == 1)
    return blocks


def _verdict(row: ComparisonRow, table: ComparisonTable, *, alone: bool) -> list[Block]:
    blocks: list[Block] = [] if alone else [Heading(4, row.title)]
    verdict, concluded = phrases.verdict(row, table.metric), _published_conclusion(row)
    if concluded:
        blocks.append(SideBySide("The report concluded", plain(concluded), "These runs say", plain(verdict)))
    else:
        blocks.append(Paragraph(plain(verdict)))
    digits = table.metric.digits
    items = [*map(_finding, row.all_findings), *_images(row, digits), *_beside(row, digits), *_values(row, table)]
    return [*blocks, Bullets(tuple(items))] if items else blocks


def without_conclusion(table: ComparisonTable) -> list[str]:
    """The titles of rows about which nothing was concluded, where something was concluded about others."""
    if not any(row.conclusion for row in table.rows):
        return []
    return [row.title for row in table.rows if not row.conclusion]


def _published_conclusion(row: ComparisonRow) -> str:
    """What was published about a row; empty if nothing was."""
    figure = next(iter(row.published), None)
    if figure is None:
        return row.conclusion
    unit = "%" if metric(figure.tag).is_accuracy else ""
    published = f"{'about ' if figure.around else ''}{figure.value:g}{unit}"
    text = f"{figure.tag}, published: {published}; ours: {numbers.decimal(figure.ours)}{unit}"
    return f"{row.conclusion} ({text})" if row.conclusion else text


def _finding(finding: Finding) -> Words:
    remedy = remedy_text(finding.remedy)
    pieces = (Piece(" → "), Piece(remedy, "code")) if remedy else ()
    label = f"{finding.severity.value[0].upper()}{finding.severity.value[1:]}: "
    return (Piece(label, "strong"), Piece(with_full_stop(finding.text)), *pieces)


def _images(row: ComparisonRow, digits: int) -> list[Words]:
    comparison = row.comparison
    if comparison is None:
        return []
    parts = [other_images_text(comparison, digits), phrases.classes(row, comparison)]
    text = "; ".join(filter(None, parts))
    return [(Piece("Other images: ", "strong"), Piece(sentence(text)))] if text else []


def _beside(row: ComparisonRow, digits: int) -> list[Words]:
    """The borrowed spread and P(A > B) of the fair comparison: they make no verdict."""
    text = "; ".join(beside_texts(row.comparison, digits)) if row.comparison else ""
    return [(Piece("Beside the verdict: ", "strong"), Piece(sentence(text)))] if text else []


def _values(row: ComparisonRow, table: ComparisonTable) -> list[Words]:
    values = [f"seed {value.seed}: {numbers.decimal(value.value, table.metric.digits)}" for value in row.values]
    return [(Piece("Per seed: ", "strong"), Piece(", ".join(values)))] if values else []


# --- Curves -------------------------------------------------------------------------------------------------------


def _charts(rows: Sequence[ComparisonRow], cells: Mapping[str, Cell], run_data: RunData) -> Picture | None:
    lines = [*_baseline_lines(rows, cells, run_data), *_variant_lines(rows, cells, run_data)]
    tags = chart_tags(lines)
    if not tags:
        return None
    ends = "; ".join(f"{row.title} ends at {numbers.decimal(row.mean)}" for row in rows if row.mean is not None)
    titles = ", ".join(line.title for line in lines)
    diamonds = " Diamonds are published figures." if any(line.published for line in lines) else ""
    remarks = "".join(f" {sentence(text)}" for text in _curve_remarks(rows, cells, tags))
    return Picture(
        name=f"charts-{rows[0].data}-{rows[0].experiment}",
        caption=f"{titles}. Thin lines are seeds, thick lines their mean.{diamonds}{remarks}",
        alt=f"Curves of {', '.join(tags)}: {ends}.",
        draw=lambda: charts(lines),
    )


def _curve_remarks(rows: Sequence[ComparisonRow], cells: Mapping[str, Cell], tags: Sequence[str]) -> list[str]:
    """Why some of these curves are not comparable with the baseline's: other test images, a penalty, dropout."""
    tags_by_remark: dict[str, list[str]] = {}
    for row in rows:
        for tag in tags:
            for remark in dict.fromkeys(_unlike(row, cells, tag)):
                tags_by_remark.setdefault(remark, []).append(tag)
    return [f"{enumeration(affected)} of {remark}" for remark, affected in tags_by_remark.items()]


def _unlike(row: ComparisonRow, cells: Mapping[str, Cell], tag: str) -> Iterator[str]:
    here = cells.get(row.key)
    if here is None:
        return
    for comparison in row.comparisons:
        if comparison.against_key not in cells:
            continue
        there = cells[comparison.against_key]
        for finding in (*unlike(here, there, metric(tag)), *loss_scale(here, there, metric(tag))):
            if finding.code in _CURVE_REMARKS and not (finding.code == "eval-mode" and metric(tag).is_train):
                yield f"{row.title} {_CURVE_REMARKS[finding.code].format(here=finding.here, there=finding.there)}"


def _variant_lines(rows: Sequence[ComparisonRow], cells: Mapping[str, Cell], run_data: RunData) -> list[PlotLine]:
    lines = []
    for index, row in enumerate(rows):
        cell = cells.get(row.key)
        curves = tuple(run_data.curves(run) for run in cell.runs) if cell else ()
        lines.append(PlotLine(row.title, VARIANTS[index % len(VARIANTS)], curves, row.published))
    return lines


def _baseline_lines(rows: Sequence[ComparisonRow], cells: Mapping[str, Cell], run_data: RunData) -> list[PlotLine]:
    """The declared baseline and the matched one, each once, unless they are variants of the experiment itself."""
    strokes = {
        comparison.against_key: MATCHED if comparison.matched else BASELINE
        for row in rows
        for comparison in row.comparisons
    }
    titles = {comparison.against_key: comparison.against for row in rows for comparison in row.comparisons}
    lines = []
    for key, stroke in strokes.items():
        cell = cells.get(key)
        if cell and all(row.key != key for row in rows):
            lines.append(PlotLine(titles[key], stroke, tuple(run_data.curves(run) for run in cell.runs)))
    return lines

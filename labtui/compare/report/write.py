"""The report on disk."""

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from labtui.compare.cells import Cell
from labtui.compare.model import Comparison, Grade, Row, Table, Verdict
from labtui.compare.report import difference_plots
from labtui.compare.report.document import (
    Block,
    Bullets,
    Document,
    Heading,
    Paragraph,
    Picture,
    Piece,
    Words,
    lead,
    plain,
)
from labtui.compare.report.experiment_section import section
from labtui.compare.report.html import to_html
from labtui.compare.report.markdown import to_markdown
from labtui.compare.report.method import environment, glossary, protocol, repeat
from labtui.compare.report.results import results
from labtui.compare.run_data import Evidence
from labtui.errors import EnvironmentFault
from labtui.store.files import write_bytes
from labtui.text import numbers
from labtui.text.words import sentence, with_full_stop

Form = Literal["html", "md"]


def write(
    folder: Path,
    table: Table,
    cells: Sequence[Cell],
    *,
    forms: Collection[Form] = ("html", "md"),
    evidence: Evidence | None = None,
    title: str = "",
    made: float | None = None,
) -> tuple[Path, ...]:
    """Write `report.html` and `report.md` (with `figures/`) into a folder, replacing what an earlier report left.

    Returns the paths of the reports. EnvironmentFault where the folder cannot be written.
    """
    document = compose(table, cells, evidence=evidence, title=title, made=made)
    files: dict[str, bytes] = {}
    if "html" in forms:
        files["report.html"] = to_html(document).encode()
    if "md" in forms:
        written = to_markdown(document)
        files |= {**written.figures, "report.md": written.text.encode()}
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, content, durable=False)
    except OSError as fault:
        raise EnvironmentFault(f"The report cannot be written to {folder}: {fault.strerror or fault}.") from fault
    return tuple(folder / name for name in files if name.startswith("report."))


def compose(
    table: Table, cells: Sequence[Cell], *, evidence: Evidence | None = None, title: str = "", made: float | None = None
) -> Document:
    """The document of a table.

    `cells` are those that the table was made of: their curves go into the charts, their launches into the
    environment. `made` is the time that stands on the report, in seconds since the epoch.
    """
    evidence, by_key = evidence or Evidence(), {cell.key: cell for cell in cells}
    title = title or f"Lab report: {table.metric.tag} of {len(table.rows)} experiments"
    blocks: list[Block] = [Heading(1, title), Paragraph(_byline(table, made)), *_summary(table)]
    blocks += [Heading(2, "Question"), Paragraph(plain(_question(table))), *protocol(table, by_key), *results(table)]
    blocks += [Heading(2, "Experiment by experiment")]
    for experiment in dict.fromkeys((row.data, row.experiment) for row in table.rows):
        rows = [row for row in table.rows if (row.data, row.experiment) == experiment]
        blocks += section(rows, table, by_key, evidence)
    blocks += [*_by_class(table), *environment(by_key, table), *repeat(by_key, table), *glossary()]
    return Document(title=title, blocks=tuple(blocks))


def _byline(table: Table, made: float | None) -> Words:
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() if made is None else made))
    runs = sum(row.n for row in table.rows)
    sets = ", ".join(dict.fromkeys(row.data for row in table.rows))
    return (Piece(f"{day} · {runs} runs of {len(table.rows)} experiments on {sets} · written by labtui", "soft"),)


def _summary(table: Table) -> list[Block]:
    judged = [(row, row.comparison) for row in table.rows if row.comparison is not None]
    items = [
        lead(sentence(verdict.value), f"{told}.")
        for verdict in Verdict
        if (told := _brief([pair for pair in judged if pair[1].verdict is verdict], table))
    ]
    warnings = [
        lead(f"{row.title}:", with_full_stop(finding.text))
        for row in table.rows
        for finding in row.all_findings
        if finding.grade is Grade.WARNING
    ]
    blocks: list[Block] = [Heading(2, "In short"), Bullets(tuple(items))]
    if warnings:
        blocks += [Paragraph((Piece("To be known before anything is quoted:", "strong"),)), Bullets(tuple(warnings))]
    return blocks


def _brief(pairs: Sequence[tuple[Row, Comparison]], table: Table) -> str:
    """Rows of one verdict: each with its difference, or with why there is none."""
    whys: dict[str, list[str]] = {}
    told = []
    for row, one in pairs:
        if one.delta is None or one.verdict is Verdict.NOT_JUDGED:
            whys.setdefault(one.why, []).append(row.title)
            continue
        budget = f", budget {numbers.ratio(one.budget)}" if "budget" in one.word else ""
        told.append(f"{row.title} {numbers.signed(one.delta, table.metric.digits)} against {one.against}{budget}")
    return "; ".join([*told, *(f"{why}: {', '.join(titles)}" for why, titles in whys.items())])


def _question(table: Table) -> str:
    base = " or ".join(dict.fromkeys(row.declared.against for row in table.rows if row.declared))
    changed = ", ".join(row.title for row in table.rows if row.declared)
    what = f"{table.metric.tag} ({table.metric.unit})" if table.metric.unit else table.metric.tag
    if not changed:
        return f"What {what} do these experiments reach?"
    moves = f"Does any of these changes to {base} move {what}, by how much, and is it the change that does it"
    return f"{moves}: {changed}?"


def _by_class(table: Table) -> list[Block]:
    rows = difference_plots.with_classes(table)
    if not rows:
        return []
    alt = "A heat map, as in the numbers shown."
    level = "Accuracy on each class of the plain test images, in percent, mean over seeds."
    blocks: list[Block] = [
        Heading(2, "Class by class"),
        Picture(
            "class-accuracy",
            level,
            "A heat map, as in the numbers shown.",
            lambda: difference_plots.class_accuracies(rows),
        ),
    ]
    if any(row.comparison and row.comparison.per_class for row in rows):
        text = "Difference per class to the fair baseline, in points, mean over common seeds; colours end at 15 points."
        blocks.append(Picture("class-differences", text, alt, lambda: difference_plots.class_deltas(rows)))
    return blocks

"""The report from beginning to end, and on disk."""

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

from labtui.compare.cells import Cell
from labtui.compare.model import Comparison, ComparisonRow, ComparisonTable, SeedCounts, Severity, Verdict
from labtui.compare.report import difference_plots
from labtui.compare.report.data_and_recipe import data_and_recipe
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
from labtui.compare.report.experiment_section import section, without_conclusion
from labtui.compare.report.html import to_html
from labtui.compare.report.markdown import to_markdown
from labtui.compare.report.method import environment, glossary, protocol, repeat
from labtui.compare.report.publishable import shared_overrides, without_machines, without_overrides, without_paths
from labtui.compare.report.results import results
from labtui.compare.report.threats import threats, tried
from labtui.compare.run_data import RunData
from labtui.errors import MachineError
from labtui.store.files import write_bytes
from labtui.text import numbers
from labtui.text.words import enumeration, sentence, with_full_stop

Form = Literal["html", "md"]


def write(
    folder: Path,
    table: ComparisonTable,
    cells: Sequence[Cell],
    *,
    forms: Collection[Form] = ("html", "md"),
    run_data: RunData | None = None,
    title: str = "",
    made: float | None = None,
) -> tuple[Path, ...]:
    """Write `report.html` and `report.md` (with `figures/`) into a folder, replacing those of an earlier report.

    Returns the paths of the reports. Raises MachineError if the folder cannot be written.
    """
    document = compose(table, cells, run_data=run_data, title=title, made=made)
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
    except OSError as error:
        raise MachineError(f"The report cannot be written to {folder}: {error.strerror or error}.") from error
    return tuple(folder / name for name in files if name.startswith("report."))


def compose(
    table: ComparisonTable,
    cells: Sequence[Cell],
    *,
    run_data: RunData | None = None,
    title: str = "",
    made: float | None = None,
) -> Document:
    """The report of a table as a document.

    `cells` are those that the table was made of: their curves are drawn, their launches give the environment. `made`
    is the date of the report, in seconds since the epoch; None means now.
    """
    run_data, by_key = run_data or RunData(), {cell.key: cell for cell in cells}
    overrides = shared_overrides(table)
    table = without_machines(without_overrides(table, overrides), cells)
    everywhere = f", all with {overrides}" if overrides else ""
    title = title or f"Lab report: {table.metric.tag} of {len(table.rows)} experiments{everywhere}"
    blocks: list[Block] = [Heading(1, title), Paragraph(_byline(table, made, overrides)), *_summary(table)]
    blocks += [Heading(2, "Question"), Paragraph(plain(_question(table))), *protocol(table, by_key), *results(table)]
    blocks += threats(table, cells)
    blocks += [Heading(2, "Experiment by experiment")]
    if silent := without_conclusion(table):
        blocks.append(Paragraph(plain(f"Nothing was concluded about {enumeration(silent)}.")))
    for experiment in dict.fromkeys((row.data, row.experiment) for row in table.rows):
        rows = [row for row in table.rows if (row.data, row.experiment) == experiment]
        blocks += section(rows, table, by_key, run_data)
    blocks += [*_by_class(table), *tried(table, cells), *data_and_recipe(table, by_key)]
    blocks += [*environment(by_key, table), *repeat(by_key, table), *glossary()]
    return without_paths(Document(title=title, blocks=tuple(blocks)), cells)


def _byline(table: ComparisonTable, made: float | None, overrides: str) -> Words:
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() if made is None else made))
    runs = sum(row.n + len(row.failures) for row in table.rows)
    sets = ", ".join(dict.fromkeys(row.data for row in table.rows if row.data))
    parts = [day, f"{runs} runs of {len(table.rows)} experiments" + (f" on {sets}" if sets else "")]
    parts += [f"every run with {overrides}"] if overrides else []
    return (Piece(" · ".join([*parts, "written by labtui"]), "soft"),)


def _summary(table: ComparisonTable) -> list[Block]:
    judged = [(row, row.comparison) for row in table.rows if row.comparison is not None]
    items = [
        lead(sentence(verdict.value), f"{rows}.")
        for verdict in Verdict
        if (rows := _brief([pair for pair in judged if pair[1].verdict is verdict], table))
    ]
    warnings = [
        lead(f"{row.title}:", with_full_stop(finding.text))
        for row in table.rows
        for finding in row.all_findings
        if finding.severity is Severity.WARNING
    ]
    blocks: list[Block] = [Heading(2, "In short"), Bullets(tuple(items))]
    if warnings:
        blocks += [Paragraph((Piece("Read these before quoting a number:", "strong"),)), Bullets(tuple(warnings))]
    return blocks


def _brief(pairs: Sequence[tuple[ComparisonRow, Comparison]], table: ComparisonTable) -> str:
    """Rows of one verdict: each with its difference, or with why there is none."""
    titles_by_reason: dict[str, list[str]] = {}
    differences = []
    for row, comparison in pairs:
        if comparison.delta is None or comparison.verdict is Verdict.NOT_JUDGED:
            titles_by_reason.setdefault(comparison.why, []).append(row.title)
            continue
        budget = f", budget {numbers.ratio(comparison.budget)}" if "budget" in comparison.label else ""
        delta = numbers.signed(comparison.delta, table.metric.digits)
        interval = numbers.interval(comparison.shown_interval, table.metric.digits, missing="")
        seeds = f"n = {_counts(comparison.row_seeds)} and {_counts(comparison.baseline_seeds)}"
        where = f"against {comparison.against}, {seeds}"
        differences.append(f"{row.title} {' '.join(filter(None, (delta, interval, where)))}{budget}")
    reasons = [f"{reason}: {', '.join(titles)}" for reason, titles in titles_by_reason.items()]
    return "; ".join([*differences, *reasons])


def _counts(seeds: SeedCounts) -> str:
    return str(seeds.total) if seeds.learned == seeds.total else f"{seeds} learned"


def _question(table: ComparisonTable) -> str:
    base = " or ".join(dict.fromkeys(row.declared.against for row in table.rows if row.declared))
    changed = ", ".join(row.title for row in table.rows if row.declared)
    metric = f"{table.metric.tag} ({table.metric.unit})" if table.metric.unit else table.metric.tag
    if not changed:
        return f"Which {metric} do these experiments reach?"
    return f"Does any of these changes to {base} change {metric}, by how much, and is the change the cause: {changed}?"


def _errors_said(rows: Sequence[ComparisonRow]) -> str:
    alone = [row.title for row in rows if not row.class_error]
    if len(alone) == len(rows):
        return "One seed each (n = 1): there is no standard error over seeds."
    said = "± is the standard error over seeds; it does not include that of the test images."
    return f"{said} {enumeration(alone)}: one seed (n = 1), so none." if alone else said


def _by_class(table: ComparisonTable) -> list[Block]:
    rows = difference_plots.with_classes(table)
    if not rows:
        return []
    alt = "A heat map of the numbers shown."
    level = f"Accuracy on each class of the plain test images, in percent, mean over seeds. {_errors_said(rows)}"
    blocks: list[Block] = [
        Heading(2, "Class by class"),
        Picture(
            "class-accuracy",
            level,
            alt,
            lambda: difference_plots.class_accuracies(rows),
        ),
    ]
    if any(row.comparison and row.comparison.per_class for row in rows):
        text = (
            "Difference per class from the baseline that the row is judged against, in points, mean over common seeds; "
            "colours end at 15 points. Nothing is judged here: among many classes some differences are large by chance."
        )
        blocks.append(Picture("class-differences", text, alt, lambda: difference_plots.class_deltas(rows)))
    return blocks

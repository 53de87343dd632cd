"""Findings as text: under each row for a terminal, and as numbered footnotes for files."""

from collections import Counter
from typing import NamedTuple

from labtui.compare.model import Comparison, ComparisonRow, ComparisonTable, Finding, Severity, Verdict
from labtui.compare.render import phrases
from labtui.compare.render.commands import remedy_text, run_command
from labtui.text import numbers
from labtui.text.spans import Line, Span, cut, labelled

_SHARED = 3
"""A text that this many rows share is printed once."""

_COLUMN = 10
"""Width of the labels."""

_STYLES: dict[Severity, str] = {
    Severity.CONFOUND: "warn",
    Severity.WARNING: "warn",
    Severity.PUBLISHED: "",
    Severity.BUDGET: "",
    Severity.NOTE: "",
    Severity.ENVIRONMENT: "muted",
}


def note_lines(table: ComparisonTable, width: int) -> list[Line]:
    """Every finding under its row; a text that several rows share comes first, once."""
    counts = Counter(finding.text for row in table.rows for finding in row.all_findings)
    shared = {text for text, count in counts.items() if count >= _SHARED}
    lines = _shared_notes(table, shared, width)
    for row in table.rows:
        own = _row_notes(row, shared, width, table.metric.digits)
        if own:
            lines += [(Span(cut(row.title, width), "title"),), *own]
    return [*lines, *table_note_lines(table, width)]


def table_note_lines(table: ComparisonTable, width: int) -> list[Line]:
    """The remarks about the table as a whole."""
    notes = [*table.notes, *(phrases.search(search, table.metric) for search in table.searches)]
    return [line for note in notes for line in labelled("note", note, width, indent=0, column=4, style="muted")]


def _shared_notes(table: ComparisonTable, shared: set[str], width: int) -> list[Line]:
    titles: dict[str, list[str]] = {}
    findings: dict[str, Finding] = {}
    for row in table.rows:
        for finding in row.all_findings:
            if finding.text in shared:
                findings[finding.text] = finding
                titles.setdefault(finding.text, []).append(row.title)
    lines: list[Line] = []
    for text, finding in findings.items():
        head, *remedy = _finding_lines(finding, width)
        lines += [*head, *labelled("", f"({', '.join(titles[text])})", width, column=_COLUMN)]
        lines += [line for lines in remedy for line in lines]
    return [(Span("Several rows", "title"),), *lines] if lines else []


def _row_notes(row: ComparisonRow, shared: set[str], width: int, digits: int) -> list[Line]:
    lines: list[Line] = []
    for finding in row.all_findings:
        if finding.text not in shared:
            lines += [line for part in _finding_lines(finding, width) for line in part]
    for comparison in row.comparisons:
        lines += _comparison_notes(row, comparison, width, digits)
    return lines


def _finding_lines(finding: Finding, width: int) -> list[list[Line]]:
    """The lines of the finding, and those of its remedy if it has one."""
    style, remedy = _STYLES[finding.severity], remedy_text(finding.remedy)
    text = labelled(finding.severity.value, finding.text, width, column=_COLUMN, style=style)
    return [text, labelled("", f"→ {remedy}", width, column=_COLUMN)] if remedy else [text]


def _comparison_notes(row: ComparisonRow, comparison: Comparison, width: int, digits: int) -> list[Line]:
    lines: list[Line] = []
    if comparison.judged and comparison.why:
        lines += labelled(comparison.verdict.value, comparison.why, width, column=_COLUMN)
    for label, text in seed_notes(comparison, digits):
        lines += labelled(label, text, width, column=_COLUMN)
    if comparison.need:
        label = "undecided" if comparison.verdict is Verdict.UNDECIDED else "not judged"
        lines += labelled(label, comparison.need.text, width, column=_COLUMN)
        if comparison.need.runs:
            lines += labelled("", f"→ {run_command(comparison.need.runs)}", width, column=_COLUMN)
    if comparison.sign_flip_p is not None:
        exact = f"exact {numbers.p_value(comparison.sign_flip_p)} over {len(comparison.seeds)} pairs"
        text = f"against {comparison.against}: {exact}, without assuming a normal distribution"
        lines += labelled("sign flip", text, width, column=_COLUMN)
    if comparison is row.comparison and (text := phrases.classes(row, comparison)):
        lines += labelled("images", text, width, column=_COLUMN)
    return lines


def seed_notes(comparison: Comparison, digits: int) -> list[tuple[str, str]]:
    """Which seeds entered a comparison and what the failed ones change, as labels and texts."""
    notes = [("seeds", comparison.entered)] if comparison.entered else []
    notes += [("look", text) for text in phrases.looks(comparison)]
    if comparison.finished:
        worst = comparison.row_at_worst if comparison.verdict is Verdict.GAIN_OF_FINISHED else None
        worst = worst or comparison.baseline_at_worst
        counted = f"if failed seeds are counted, the interval is {numbers.interval(worst, digits)}"
        notes.append(("failed", f"{counted}, so nothing is claimed"))
    if comparison.success_p_adjusted is not None:
        rates = f"{comparison.row_seeds} here, {comparison.baseline_seeds} of {comparison.against}"
        exact = f"Fisher's exact {numbers.p_value(comparison.success_p_adjusted)} (Holm)"
        notes.append(("learned", f"{rates}: {exact}; it does not affect the verdict"))
    if comparison.method in ("paired", "partly paired") and comparison.correlation is not None:
        notes.append(("pairs", f"against {comparison.against}: {phrases.pairing(comparison)}"))
    return notes


# --- Footnotes ----------------------------------------------------------------------------------------------------

_REPORT_ONLY = (Severity.PUBLISHED, Severity.ENVIRONMENT)
"""Findings that only the report has room for."""


class Footnote(NamedTuple):
    """One line under a table."""

    number: int
    label: str
    """Its severity: confound, warning, …; or `undecided`."""
    text: str
    remedy: str
    """A command or advice; empty without any."""


class Footnotes(NamedTuple):
    """The footnotes of a table in the order of its rows."""

    notes: tuple[Footnote, ...]
    of_row: dict[str, tuple[int, ...]]
    """Numbers by row key."""


def footnotes(table: ComparisonTable) -> Footnotes:
    """Number the findings about our runs, each text once; those about published figures and versions are left out."""
    notes: dict[str, Footnote] = {}
    of_row: dict[str, tuple[int, ...]] = {}
    for row in table.rows:
        lines = _footnote_lines(row)
        for label, text, remedy in lines:
            if text not in notes:
                notes[text] = Footnote(len(notes) + 1, label, text, remedy)
        of_row[row.key] = tuple(sorted({notes[text].number for _, text, _ in lines}))
    return Footnotes(tuple(notes.values()), of_row)


def _footnote_lines(row: ComparisonRow) -> list[tuple[str, str, str]]:
    lines = [
        (finding.severity.value, finding.text, remedy_text(finding.remedy))
        for finding in row.all_findings
        if _is_shown(finding, row)
    ]
    undecided = [comparison for comparison in row.comparisons if comparison.verdict is Verdict.UNDECIDED]
    needs = [comparison.need for comparison in undecided if comparison.need]
    return [*lines, *(("undecided", need.text, run_command(need.runs)) for need in needs)]


def _is_shown(finding: Finding, row: ComparisonRow) -> bool:
    """A budget is shown only if it is about the fair comparison: it comes with the confound of the other one."""
    if finding.severity is Severity.BUDGET:
        return row.comparison is not None and finding in row.comparison.findings
    return finding.severity not in _REPORT_ONLY

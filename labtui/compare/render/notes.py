"""What was found, row by row, as text for a terminal."""

from collections import Counter
from typing import NamedTuple

from labtui.compare.model import Comparison, Finding, Grade, Row, Table, Verdict
from labtui.compare.render import phrases
from labtui.text import numbers
from labtui.text.spans import Line, Span, cut, labelled

_SHARED = 3
"""From as many rows on, a line that they share is printed once."""

_COLUMN = 10

_GRADES: dict[Grade, str] = {
    Grade.CONFOUND: "warn",
    Grade.WARNING: "warn",
    Grade.PUBLISHED: "",
    Grade.BUDGET: "",
    Grade.NOTE: "",
    Grade.ENVIRONMENT: "muted",
}


def note_lines(table: Table, width: int) -> list[Line]:
    """Every finding under its row; a line that several rows share comes first, once."""
    counts = Counter(finding.text for row in table.rows for finding in row.all_findings)
    shared = {text for text, count in counts.items() if count >= _SHARED}
    lines = _shared_notes(table, shared, width)
    for row in table.rows:
        own = _row_notes(row, shared, width)
        if own:
            lines += [(Span(cut(row.title, width), "title"),), *own]
    return [*lines, *table_note_lines(table, width)]


def _shared_notes(table: Table, shared: set[str], width: int) -> list[Line]:
    lines: list[Line] = []
    findings = {one.text: one for row in table.rows for one in row.all_findings if one.text in shared}
    for text, finding in findings.items():
        rows = [row.title for row in table.rows if any(one.text == text for one in row.all_findings)]
        lines += labelled(finding.grade.value, text, width, column=_COLUMN, style=_GRADES[finding.grade])
        lines += labelled("", f"({', '.join(rows)})", width, column=_COLUMN)
        lines += _mend(finding, width)
    return [(Span("Several rows", "title"),), *lines] if lines else []


def _row_notes(row: Row, shared: set[str], width: int) -> list[Line]:
    lines: list[Line] = []
    for finding in row.all_findings:
        if finding.text not in shared:
            lines += labelled(finding.grade.value, finding.text, width, column=_COLUMN, style=_GRADES[finding.grade])
            lines += _mend(finding, width)
    for one in row.comparisons:
        lines += _comparison_notes(row, one, width)
    return lines


def _comparison_notes(row: Row, one: Comparison, width: int) -> list[Line]:
    lines: list[Line] = []
    if one.verdict.is_claim and one.why:
        lines += labelled(one.verdict.value, one.why, width, column=_COLUMN)
    if one.need:
        label = "undecided" if one.verdict is Verdict.UNDECIDED else "not judged"
        lines += labelled(label, one.need.text, width, column=_COLUMN)
        lines += labelled("", f"→ {one.need.command}", width, column=_COLUMN) if one.need.command else []
    if one.sign_flip_p is not None:
        exact = f"exact {numbers.p_value(one.sign_flip_p)} over {len(one.seeds)} pairs"
        text = f"against {one.against}: {exact}, without assuming a normal distribution"
        lines += labelled("sign flip", text, width, column=_COLUMN)
    if one is row.comparison and one.images:
        told = [phrases.image_test(one.images, one.against), phrases.classes(row, one)]
        lines += labelled("images", "; ".join(filter(None, told)), width, column=_COLUMN)
    return lines


def _mend(finding: Finding, width: int) -> list[Line]:
    return labelled("", f"→ {finding.mend}", width, column=_COLUMN) if finding.mend else []


def table_note_lines(table: Table, width: int) -> list[Line]:
    """What is to be said about the table as a whole."""
    return [line for note in table.notes for line in labelled("note", note, width, indent=0, column=4, style="muted")]


_LONGER = (Grade.PUBLISHED, Grade.ENVIRONMENT)


class Footnote(NamedTuple):
    """One line under a table."""

    number: int
    label: str
    """Its grade: confound, warning, …"""
    text: str
    mend: str


class Footnotes(NamedTuple):
    """The footnotes of a table in the order in which its rows call for them."""

    notes: tuple[Footnote, ...]
    of_row: dict[str, tuple[int, ...]]
    """Numbers by row key."""


def footnotes(table: Table) -> Footnotes:
    """Number what was found about our runs. What is about published figures or versions is left to longer reports."""
    numbers: dict[str, Footnote] = {}
    of_row: dict[str, tuple[int, ...]] = {}
    for row in table.rows:
        for label, text, mend in _footnote_lines(row):
            if text not in numbers:
                numbers[text] = Footnote(len(numbers) + 1, label, text, mend)
        of_row[row.key] = tuple(sorted({numbers[text].number for _, text, _ in _footnote_lines(row)}))
    return Footnotes(tuple(numbers.values()), of_row)


def _footnote_lines(row: Row) -> list[tuple[str, str, str]]:
    lines = [(one.grade.value, one.text, one.mend) for one in row.all_findings if _is_shown(one, row)]
    undecided = (one for one in row.comparisons if one.need and one.verdict is Verdict.UNDECIDED)
    lines += [("undecided", one.need.text, one.need.command) for one in undecided if one.need]
    return lines


def _is_shown(finding: Finding, row: Row) -> bool:
    """A budget that a confound brings with it goes without saying."""
    if finding.grade is Grade.BUDGET:
        return row.comparison is not None and finding in row.comparison.findings
    return finding.grade not in _LONGER

"""What was found, row by row, as text for a terminal."""

from collections import Counter

from labtui.compare import notation
from labtui.compare.layout import Line, Span, Style, cut, wrapped
from labtui.compare.render import phrases as sentences
from labtui.compare.rows import Comparison, Finding, Grade, Row, Table, Verdict

_SHARED = 3
"""From as many rows on, a line that they share is printed once."""

_COLUMN = 10

_GRADES: dict[Grade, Style] = {
    Grade.CONFOUND: "warn",
    Grade.WARNING: "warn",
    Grade.PUBLISHED: "",
    Grade.BUDGET: "",
    Grade.NOTE: "",
    Grade.ENVIRONMENT: "dim",
}


def notes(table: Table, width: int) -> list[Line]:
    """Every finding under its row; a line that several rows share comes first, once."""
    counts = Counter(finding.text for row in table.rows for finding in row.all_findings)
    shared = {text for text, count in counts.items() if count >= _SHARED}
    lines = _shared_notes(table, shared, width)
    for row in table.rows:
        own = _row_notes(row, shared, width)
        if own:
            lines += [(Span(cut(row.title, width), "title"),), *own]
    return [*lines, *notes_of_table(table, width)]


def _shared_notes(table: Table, shared: set[str], width: int) -> list[Line]:
    lines: list[Line] = []
    findings = {one.text: one for row in table.rows for one in row.all_findings if one.text in shared}
    for text, finding in findings.items():
        rows = [row.title for row in table.rows if any(one.text == text for one in row.all_findings)]
        lines += wrapped(finding.grade.value, text, width, column=_COLUMN, style=_GRADES[finding.grade])
        lines += wrapped("", f"({', '.join(rows)})", width, column=_COLUMN)
        lines += _mend(finding, width)
    return [(Span("Several rows", "title"),), *lines] if lines else []


def _row_notes(row: Row, shared: set[str], width: int) -> list[Line]:
    lines: list[Line] = []
    for finding in row.all_findings:
        if finding.text not in shared:
            lines += wrapped(finding.grade.value, finding.text, width, column=_COLUMN, style=_GRADES[finding.grade])
            lines += _mend(finding, width)
    for one in row.comparisons:
        lines += _comparison_notes(row, one, width)
    return lines


def _comparison_notes(row: Row, one: Comparison, width: int) -> list[Line]:
    lines: list[Line] = []
    if one.verdict.is_claim and one.why:
        lines += wrapped(one.verdict.value, one.why, width, column=_COLUMN)
    if one.need:
        label = "undecided" if one.verdict is Verdict.UNDECIDED else "not judged"
        lines += wrapped(label, one.need.text, width, column=_COLUMN)
        lines += wrapped("", f"→ {one.need.command}", width, column=_COLUMN) if one.need.command else []
    if one.sign_flip_p is not None:
        exact = f"exact {notation.p_value(one.sign_flip_p)} over {len(one.seeds)} pairs"
        text = f"against {one.against}: {exact}, without assuming a normal distribution"
        lines += wrapped("sign flip", text, width, column=_COLUMN)
    if one is row.comparison and one.images:
        told = [sentences.image_test(one.images, one.against), sentences.classes(row, one)]
        lines += wrapped("images", "; ".join(filter(None, told)), width, column=_COLUMN)
    return lines


def _mend(finding: Finding, width: int) -> list[Line]:
    return wrapped("", f"→ {finding.mend}", width, column=_COLUMN) if finding.mend else []


def notes_of_table(table: Table, width: int) -> list[Line]:
    """What is to be said about the table as a whole."""
    return [line for note in table.notes for line in wrapped("note", note, width, indent=0, column=4, style="dim")]

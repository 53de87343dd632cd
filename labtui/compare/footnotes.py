"""Numbered footnotes for tables on paper: every finding once, its number on each row that it is about."""

from typing import NamedTuple

from labtui.compare.rows import Finding, Grade, Row, Table, Verdict

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
        for label, text, mend in _lines(row):
            if text not in numbers:
                numbers[text] = Footnote(len(numbers) + 1, label, text, mend)
        of_row[row.key] = tuple(sorted({numbers[text].number for _, text, _ in _lines(row)}))
    return Footnotes(tuple(numbers.values()), of_row)


def _lines(row: Row) -> list[tuple[str, str, str]]:
    lines = [(one.grade.value, one.text, one.mend) for one in row.all_findings if _is_shown(one, row)]
    undecided = (one for one in row.comparisons if one.need and one.verdict is Verdict.UNDECIDED)
    lines += [("undecided", one.need.text, one.need.command) for one in undecided if one.need]
    return lines


def _is_shown(finding: Finding, row: Row) -> bool:
    """A budget that a confound brings with it goes without saying."""
    if finding.grade is Grade.BUDGET:
        return row.comparison is not None and finding in row.comparison.findings
    return finding.grade not in _LONGER

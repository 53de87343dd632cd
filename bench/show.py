"""Tables as text, for a terminal, a file or a page."""

import textwrap
from collections.abc import Sequence

from bench.harness import Spread, spread
from bench.tables import Figure, Table

WIDTH = 116
RANGE = "min … max"


def text(table: Table) -> str:
    """A table in columns: name, median, least … greatest, ratio, remark."""
    rows = [_row(figure, table.unit) for figure in table.figures]
    used = [any(row[column] for row in rows) for column in range(5)]
    named = ("", table.unit, RANGE, f"x {table.reference}", RANGE, "")
    header = [name if column == 1 or (column < 5 and used[column]) else "" for column, name in enumerate(named)]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(5)]
    lines = [table.title, "=" * len(table.title)]
    lines += [_line(row, widths) for row in (header, *rows)]
    for note in table.notes:
        lines += textwrap.wrap(note, WIDTH, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three or four figures that count."""
    size = abs(value)
    if size >= 1_000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 or not size else f"{value:.3g}"


def _row(figure: Figure, unit: str) -> tuple[str, str, str, str, str, str]:
    if figure.skipped or not figure.values:
        return figure.name, "-", "", "", "", f"skipped: {figure.skipped}" if figure.skipped else figure.note
    suffix = f" {figure.unit}" if figure.unit and figure.unit != unit else ""
    value = spread(figure.values)
    if not figure.ratios:
        return figure.name, number(value.median) + suffix, _range(value), "", "", figure.note
    ratio = spread(figure.ratios)
    ends = f"{ratio.low:.2f} … {ratio.high:.2f}"
    return figure.name, number(value.median) + suffix, _range(value), f"{ratio.median:.2f}", ends, figure.note


def _range(value: Spread) -> str:
    return "" if value.low == value.high else f"{number(value.low)} … {number(value.high)}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers, note = row
    cells = [name.ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True) if width]
    return "  ".join([*cells, note]).rstrip()

"""The results of a section: tables of figures with all of their rounds, as text and as JSON."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.harness import RaceResult, Sample, Spread, ratios, spread

WIDTH = 116
RANGE = "min … max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row: a value per round, in the unit of its table or its own."""

    name: str
    values: tuple[float, ...] = ()
    ratios: tuple[float, ...] = ()
    """Per round, how many times better it is than the table's reference."""
    unit: str = ""
    note: str = ""
    skipped: str = ""
    """Why there are no values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Figures that are compared with each other."""

    title: str
    unit: str
    figures: tuple[Figure, ...]
    reference: str = ""
    """The figure that the ratios refer to."""
    notes: tuple[str, ...] = field(default=())

    def figure(self, name: str) -> Figure:
        """The figure with this name. Raises KeyError."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)


def rates(result: RaceResult, names: Sequence[str], reference: str) -> tuple[Figure, ...]:
    """Units per second of each contender, in the order of `names`."""
    return _figures(result, names, reference, times=False)


def times(result: RaceResult, names: Sequence[str], reference: str, scale: float = 1.0) -> tuple[Figure, ...]:
    """Seconds per unit of each contender, times `scale` (1000 for milliseconds)."""
    return _figures(result, names, reference, times=True, scale=scale)


def _figures(
    result: RaceResult, names: Sequence[str], reference: str, *, times: bool, scale: float = 1.0
) -> tuple[Figure, ...]:
    def value(sample: Sample) -> float:
        return sample.time * scale if times else sample.rate

    reference_values = [value(sample) for sample in result.samples.get(reference, ())]
    figures = []
    for name in names:
        if name in result.skipped:
            figures.append(Figure(name=name, skipped=result.skipped[name]))
            continue
        values = tuple(value(sample) for sample in result.samples[name])
        compared = ratios(values, reference_values, lower_is_better=times) if reference_values else ()
        figures.append(Figure(name=name, values=values, ratios=compared))
    return tuple(figures)


def to_text(table: Table) -> str:
    """A table in columns: name, median, min … max, ratio, its min … max, note."""
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
    """A number with three or four significant digits."""
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


def to_json(table: Table) -> dict[str, Any]:
    """A table as plain values: every round, with its median, minimum and maximum."""
    return {
        "title": table.title,
        "unit": table.unit,
        "reference": table.reference or None,
        "notes": list(table.notes),
        "figures": [_figure_json(figure, table.unit) for figure in table.figures],
    }


def _figure_json(figure: Figure, unit: str) -> dict[str, Any]:
    return {
        "name": figure.name,
        "unit": figure.unit or unit,
        "value": _spread_json(figure.values),
        "ratio": _spread_json(figure.ratios),
        "note": figure.note,
        "skipped": figure.skipped or None,
    }


def _spread_json(values: Sequence[float]) -> dict[str, Any] | None:
    if not values:
        return None
    summary = spread(values)
    return {"median": summary.median, "low": summary.low, "high": summary.high, "rounds": list(values)}

"""What a section found, as values: tables of figures, each with all of its rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.harness import Course, Sample, ratios, spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row: a value per round, in the unit of its table or its own."""

    name: str
    values: tuple[float, ...] = ()
    ratios: tuple[float, ...] = ()
    """Per round, how many times better than the table's reference."""
    unit: str = ""
    note: str = ""
    skipped: str = ""
    """Why there are no values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Figures that are read beside each other."""

    title: str
    unit: str
    figures: tuple[Figure, ...]
    reference: str = ""
    """The figure that ratios are taken against."""
    notes: tuple[str, ...] = field(default=())

    def figure(self, name: str) -> Figure:
        """The row of a name. Raises KeyError."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise KeyError(name)


def rates(course: Course, names: Sequence[str], reference: str) -> tuple[Figure, ...]:
    """Units a second of each contender, in the order of `names`."""
    return _figures(course, names, reference, times=False)


def times(course: Course, names: Sequence[str], reference: str, scale: float = 1.0) -> tuple[Figure, ...]:
    """Seconds for a unit, times `scale` (1000 for milliseconds)."""
    return _figures(course, names, reference, times=True, scale=scale)


def _figures(
    course: Course, names: Sequence[str], reference: str, *, times: bool, scale: float = 1.0
) -> tuple[Figure, ...]:
    def value(sample: Sample) -> float:
        return sample.time * scale if times else sample.rate

    against = [value(sample) for sample in course.samples.get(reference, ())]
    figures = []
    for name in names:
        if name in course.skipped:
            figures.append(Figure(name=name, skipped=course.skipped[name]))
            continue
        values = tuple(value(sample) for sample in course.samples[name])
        compared = ratios(values, against, lower_is_better=times) if against else ()
        figures.append(Figure(name=name, values=values, ratios=compared))
    return tuple(figures)


def noted(figures: Sequence[Figure], notes: Mapping[str, str]) -> tuple[Figure, ...]:
    """The figures with remarks, by name."""
    return tuple(replace(figure, note=notes.get(figure.name, figure.note)) for figure in figures)


def as_json(table: Table) -> dict[str, Any]:
    """A table as plain values: every round, and the median, least and greatest beside it."""
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
    whole = spread(values)
    return {"median": whole.median, "low": whole.low, "high": whole.high, "rounds": list(values)}

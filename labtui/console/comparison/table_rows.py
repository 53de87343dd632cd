"""The rows of a comparison as rows of a table: sorted, filtered, unfolded. Pure; compare has judged them."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from labtui.compare.model import Comparison, ComparisonRow, ComparisonTable, FoldedCell, SeedValue, Verdict
from labtui.compare.render.phrases import p_cell
from labtui.compare.render.secondary import secondary_texts
from labtui.console.experiments.entry import ink_of
from labtui.console.experiments.filters import Searched, parse_filter
from labtui.console.experiments.rows import CONFOUNDED
from labtui.console.ui.glyphs import Glyphs
from labtui.text import numbers
from labtui.text.durations import duration
from labtui.text.spans import Line, Span, line_width
from labtui.text.tables import Column, TableRow

COLUMNS = (
    Column("", key="mark", width=1),
    Column("experiment", key="name", width=16, grows=True, sortable=True),
    Column("n", key="n", width=3, right=True, sortable=True),
    Column("mean", key="mean", width=8, right=True, sortable=True),
    Column("sd", key="sd", width=5, rank=4, right=True, sortable=True),
    Column("Δ base ", key="delta", width=8, right=True, sortable=True),
    Column("95% interval", key="interval", width=17, rank=3),
    Column("p (Holm)", key="p", width=8, rank=7, right=True, sortable=True),
    Column("verdict", key="verdict", width=14, grows=True, sortable=True),
    Column("published", key="published", width=9, rank=5, right=True, sortable=True),
    Column("test loss", key="loss", width=9, rank=8, right=True, sortable=True),
    Column("time", key="time", width=7, rank=6, right=True, sortable=True),
    Column("params", key="parameters", width=6, rank=9, right=True, sortable=True),
    Column("device", key="device", width=6, rank=10),
    Column("on other images", key="images", width=16, rank=11, optional=True),
    Column("P(A > B)", key="superiority", width=19, rank=12, optional=True),
    Column("borrowed spread", key="borrowed", width=16, rank=13, optional=True),
)

SORTS = ("", *(column.key for column in COLUMNS if column.sortable))
"""The columns that the sort key goes through; the table's own order first."""

_FIGURES = frozenset({"mean", "sd", "delta", "interval"})
"""Columns whose numbers have as many digits as the metric."""

_STYLES = {Verdict.GAIN: "good", Verdict.LOSS: "bad"}
_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How the rows are sorted, filtered and unfolded."""

    sort: str = ""
    reverse: bool = False
    filter: str = ""
    unfolded: frozenset[str] = frozenset()
    """Keys of the rows whose seeds are shown."""


class LineKind(Enum):
    """What a line of the table shows."""

    ROW = "row"
    MATCHED = "matched"
    """The comparison of a row with its matched baseline."""
    SEED = "seed"
    FOLDED = "folded"
    """An older definition, or another device."""
    HEADING = "heading"


class RowKey(NamedTuple):
    """The key of a line."""

    kind: LineKind
    row: str
    """The key of the comparison's row that it belongs to; of a heading, the data set."""
    detail: str = ""
    """Of a seed, the id of its run."""


Sortable = tuple[bool, float | str]


def table_rows(
    table: ComparisonTable, options: TableOptions, letters: Mapping[str, str], glyphs: Glyphs
) -> tuple[TableRow, ...]:
    """The lines of the table; `letters` are the marks by row key."""
    best = best_rows(table)
    shown = ordered(table, options)
    has_headings = not options.sort and len({row.data for row in shown}) > 1
    lines: list[TableRow] = []
    for index, row in enumerate(shown):
        if has_headings and (index == 0 or shown[index - 1].data != row.data):
            title = (Span(f"{glyphs.horizontal * 2} {row.data}", "muted"),)
            lines.append(TableRow(RowKey(LineKind.HEADING, row.data), {"name": title}, heading=True))
        lines += _lines(row, table, options, letters.get(row.key, ""), glyphs, is_best=row.key in best)
    return tuple(lines)


def filled_columns(lines: Iterable[TableRow]) -> tuple[Column, ...]:
    """The columns that are not empty; names and verdicts know how long they are, and figures are not cut."""
    widths: dict[str, int] = {}
    for line in lines:
        for key, cell in line.cells.items():
            if cell:
                widths[key] = max(widths.get(key, 0), 0 if line.heading else line_width(cell))
    return tuple(
        replace(column, full=widths.get(column.key, 0))
        if column.grows
        else replace(column, width=max(column.width, widths.get(column.key, 0)))
        if column.key in _FIGURES
        else column
        for column in COLUMNS
        if column.key in widths or column.key in ("mark", "name")
    )


def ordered(table: ComparisonTable, options: TableOptions) -> list[ComparisonRow]:
    """The rows that match the filter, in the chosen order; rows without a value come last either way."""
    matches = parse_filter(options.filter)
    shown = [row for row in table.rows if matches(Searched(f"{row.name} {row.title} {row.data} {row.label}"))]
    if not options.sort:
        return shown
    key = _SORT_KEYS[options.sort]
    ranked = sorted(shown, key=lambda row: key(row, table), reverse=options.reverse)
    return sorted(ranked, key=lambda row: key(row, table)[0])


def best_rows(table: ComparisonTable) -> frozenset[str]:
    """The keys of the rows with the best mean of each data set that has several; none without a known direction."""
    found: set[str] = set()
    if table.metric.better is None:
        return frozenset()
    for data in {row.data for row in table.rows}:
        rows = [row for row in table.rows if row.data == data and row.mean is not None and math.isfinite(row.mean)]
        if len(rows) > 1:
            pick = max if table.metric.higher_is_better else min
            found.add(pick(rows, key=lambda row: row.mean or 0.0).key)
    return frozenset(found)


def captions(table: ComparisonTable, options: TableOptions, *, brief: bool = False) -> tuple[str, str]:
    """The texts above and below the rows: what the numbers are."""
    metric = table.metric
    selection = metric.selection.partition(";")[0] if brief else metric.selection
    unit = f" in {metric.unit}" if metric.unit else ""
    filtered = f"  / {options.filter}" if options.filter else ""
    adjusted = f"; adjusted for {table.judged} comparisons (Holm)" if table.judged > 1 else ""
    return f"{metric.tag}{unit}, {selection}{filtered}", f"mean and sd over seeds, 95% intervals{adjusted}"


# --- Lines --------------------------------------------------------------------------------------------------------


def _lines(
    row: ComparisonRow, table: ComparisonTable, options: TableOptions, letter: str, glyphs: Glyphs, *, is_best: bool
) -> Iterable[TableRow]:
    unfolded = row.key in options.unfolded
    cells = _cells(row, table, letter, glyphs, unfolded=unfolded, is_best=is_best)
    yield TableRow(RowKey(LineKind.ROW, row.key), cells, "" if row.n else "muted")
    if row.matched is not None:
        yield TableRow(RowKey(LineKind.MATCHED, row.key), _matched(row.matched, row, table))
    if unfolded:
        for value in row.values:
            yield TableRow(RowKey(LineKind.SEED, row.key, value.run), _seed(value, table), "muted")
        for index, other in enumerate(row.folded):
            yield TableRow(RowKey(LineKind.FOLDED, row.key, str(index)), _folded(other, table), "muted")


def _cells(
    row: ComparisonRow, table: ComparisonTable, letter: str, glyphs: Glyphs, *, unfolded: bool, is_best: bool
) -> dict[str, Line]:
    digits, spent = table.metric.digits, row.budget
    fold = glyphs.expanded if unfolded else glyphs.collapsed
    several = row.n > 1 or bool(row.folded)
    mean = (Span(f"{glyphs.best} " if is_best else "", "good"), Span(numbers.decimal(row.mean, digits), "strong"))
    cells: dict[str, Line] = {
        "mark": (Span(letter, f"series{ink_of(letter)}"),) if letter else (),
        "name": (Span(row.title), *((Span(f" {fold}", "muted"),) if several else ())),
        "n": (Span(row.seeds_text),),
        "mean": mean if row.mean is not None else (),
        "sd": (Span(numbers.decimal(row.sd, digits), "muted"),) if row.sd is not None else (),
        "published": _published(row),
        "loss": (Span(numbers.decimal(row.cross_entropy, 3)),) if row.cross_entropy is not None else (),
        "time": (Span(duration(spent.seconds), "muted"),) if spent.seconds is not None else (),
        "parameters": (Span(numbers.compact(spent.parameters), "muted"),) if spent.parameters is not None else (),
        "device": (Span(row.device, "muted"),),
    }
    return cells | _compared(row.declared, row, table)


def _published(row: ComparisonRow) -> Line:
    first = next(iter(row.published), None)
    if first is None:
        return ()
    return (Span(f"{'~' if first.around else ''}{first.value:g}", "muted"),)


def _compared(comparison: Comparison | None, row: ComparisonRow, table: ComparisonTable) -> dict[str, Line]:
    if comparison is None or comparison.delta is None:
        return {"verdict": (Span(comparison.why if comparison else row.label, "muted"),)}
    digits, interval = table.metric.digits, comparison.shown_interval
    style = _STYLES.get(comparison.verdict, "warn" if comparison.confounds else "")
    delta = f"{numbers.signed(comparison.delta, digits)}{CONFOUNDED if comparison.confounds else ' '}"
    p = p_cell(comparison)
    beside = zip(("images", "borrowed", "superiority"), secondary_texts(comparison, digits), strict=True)
    return {key: (Span(text, "muted"),) for key, text in beside if text} | {
        "delta": (Span(delta, style),),
        "interval": (Span(numbers.interval(interval, digits), style),) if interval else (),
        "p": (Span(p, "muted"),) if p else (),
        "verdict": (Span(comparison.label, style or "muted"),),
    }


def _matched(comparison: Comparison, row: ComparisonRow, table: ComparisonTable) -> dict[str, Line]:
    return {"name": (Span(f"  vs {comparison.against}", "muted"),)} | _compared(comparison, row, table)


def _seed(value: SeedValue, table: ComparisonTable) -> dict[str, Line]:
    return {
        "name": (Span(f"  seed {value.seed}"),),
        "mean": (Span(numbers.decimal(value.value, table.metric.digits)),),
        "verdict": (Span(value.run.rpartition("/")[2]),),
    }


def _folded(other: FoldedCell, table: ComparisonTable) -> dict[str, Line]:
    digits = table.metric.digits
    return {
        "name": (Span(f"  {other.title}"),),
        "n": (Span(other.seeds_text),),
        "mean": (Span(numbers.decimal(other.mean, digits)),) if other.mean is not None else (),
        "sd": (Span(numbers.decimal(other.sd, digits)),) if other.sd is not None else (),
        "verdict": (Span(other.why),),
    }


# --- Order --------------------------------------------------------------------------------------------------------


def _number(value: float | None, *, downwards: bool = True) -> Sortable:
    absent = value is None or math.isnan(value)
    return (absent, 0.0 if absent or value is None else (-value if downwards else value))


_SORT_KEYS: dict[str, Callable[[ComparisonRow, ComparisonTable], Sortable]] = {
    "name": lambda row, _: (False, row.title.casefold()),
    "n": lambda row, _: _number(row.n),
    "mean": lambda row, table: _number(row.mean, downwards=table.metric.better != "lower"),
    "sd": lambda row, _: _number(row.sd, downwards=False),
    "delta": lambda row, table: _number(
        row.comparison.delta if row.comparison else None, downwards=table.metric.better != "lower"
    ),
    "p": lambda row, _: _number(row.comparison.p_adjusted if row.comparison else None, downwards=False),
    "verdict": lambda row, _: (row.comparison is None, _ORDER[row.comparison.verdict] if row.comparison else 0),
    "published": lambda row, _: _number(row.published[0].value if row.published else None),
    "loss": lambda row, _: _number(row.cross_entropy, downwards=False),
    "time": lambda row, _: _number(row.budget.seconds, downwards=False),
    "parameters": lambda row, _: _number(row.budget.parameters, downwards=False),
}

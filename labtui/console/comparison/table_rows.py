"""The comparison as rows of a table: sorted, filtered, unfolded. Pure; what is true was decided in labtui.compare."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from labtui.compare.model import Comparison, ComparisonRow, ComparisonTable, FoldedCell, SeedValue, Verdict
from labtui.compare.render.phrases import p_cell
from labtui.console.experiments import filters
from labtui.console.experiments.marks import ink_of
from labtui.console.experiments.rows import CONFOUNDED
from labtui.console.ui.glyphs import Glyphs
from labtui.text import numbers
from labtui.text.durations import duration
from labtui.text.spans import Line, Span
from labtui.text.tables import Column, TableRow

COLUMNS = (
    Column("", key="mark", width=1),
    Column("experiment", key="name", width=16, grows=True, sortable=True),
    Column("n", key="n", width=2, right=True, sortable=True),
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
)

SORTS = ("", *(column.key for column in COLUMNS if column.sortable))
"""What the sort key goes through; the table's own order first."""

_INKS = {Verdict.GAIN: "good", Verdict.LOSS: "bad"}
_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class Choice:
    """How the comparison is looked at."""

    sort: str = ""
    reverse: bool = False
    filter: str = ""
    unfolded: frozenset[str] = frozenset()
    """Keys of judged rows whose seeds are shown."""


Sortable = tuple[bool, float | str]


def rows(table: ComparisonTable, choice: Choice, letters: Mapping[str, str], glyphs: Glyphs) -> tuple[TableRow, ...]:
    """The lines of the table; `letters` are the marks by judged row's key."""
    best = best_rows(table)
    shown = ordered(table, choice)
    sets = list(dict.fromkeys(row.data for row in shown)) if not choice.sort else []
    lines: list[TableRow] = []
    for index, row in enumerate(shown):
        if len(sets) > 1 and (index == 0 or shown[index - 1].data != row.data):
            title = (Span(f"{glyphs.horizontal * 2} {row.data}", "muted"),)
            lines.append(TableRow(f"heading:{row.data}", {"name": title}, heading=True))
        lines += _lines(row, table, choice, letters.get(row.key, ""), glyphs, is_best=row.key in best)
    return tuple(lines)


def filled(lines: Iterable[TableRow]) -> tuple[Column, ...]:
    """The columns that have something in any line."""
    used = {key for line in lines for key, cell in line.cells.items() if cell}
    return tuple(column for column in COLUMNS if column.key in used or column.key in ("mark", "name"))


def ordered(table: ComparisonTable, choice: Choice) -> list[ComparisonRow]:
    """The judged rows that pass the filter, in the chosen order; what has no value comes last either way."""
    test = filters.parse(choice.filter)
    shown = [row for row in table.rows if test(filters.Fields(f"{row.name} {row.title} {row.data} {row.label}"))]
    if not choice.sort:
        return shown
    key = _SORT_KEYS[choice.sort]
    ranked = sorted(shown, key=lambda row: key(row, table), reverse=choice.reverse)
    return sorted(ranked, key=lambda row: key(row, table)[0])


def best_rows(table: ComparisonTable) -> frozenset[str]:
    """The keys of the rows with the best mean of each data set that has several."""
    found: set[str] = set()
    for data in {row.data for row in table.rows}:
        rows = [row for row in table.rows if row.data == data and row.mean is not None and math.isfinite(row.mean)]
        if len(rows) > 1:
            pick = max if table.metric.higher_is_better else min
            found.add(pick(rows, key=lambda row: row.mean or 0.0).key)
    return frozenset(found)


def judged_key(key: str | None) -> str:
    """The key of the judged row that a line belongs to."""
    return (key or "").partition(":")[2].partition("|")[0]


def is_matched(key: str | None) -> bool:
    """Whether a line shows the comparison with the matched baseline."""
    return (key or "").startswith("matched:")


def captions(table: ComparisonTable, choice: Choice, *, brief: bool = False) -> tuple[str, str]:
    """What stands above and below the rows: what the numbers are."""
    metric = table.metric
    selection = metric.selection.partition(";")[0] if brief else metric.selection
    unit = f" in {metric.unit}" if metric.unit else ""
    filtered = f"  / {choice.filter}" if choice.filter else ""
    held = f"; adjusted for {table.judged} judged lines (Holm)" if table.judged > 1 else ""
    return f"{metric.tag}{unit}, {selection}{filtered}", f"mean and sd over seeds, 95% intervals{held}"


def run_of(key: str | None) -> str:
    """The id of the run that a line of one seed shows; empty for other lines."""
    return (key or "").partition("|")[2] if (key or "").startswith("seed:") else ""


# --- Lines --------------------------------------------------------------------------------------------------------


def _lines(
    row: ComparisonRow, table: ComparisonTable, choice: Choice, letter: str, glyphs: Glyphs, *, is_best: bool
) -> Iterable[TableRow]:
    yield TableRow(
        f"row:{row.key}", _cells(row, table, choice, letter, glyphs, is_best=is_best), "" if row.n else "muted"
    )
    if row.matched is not None:
        yield TableRow(f"matched:{row.key}|", _matched(row.matched, row, table))
    if row.key in choice.unfolded:
        for value in row.values:
            yield TableRow(f"seed:{row.key}|{value.run}", _seed(value, table), "muted")
        for index, other in enumerate(row.folded):
            yield TableRow(f"folded:{row.key}|{index}", _folded(other, table), "muted")


def _cells(
    row: ComparisonRow, table: ComparisonTable, choice: Choice, letter: str, glyphs: Glyphs, *, is_best: bool
) -> dict[str, Line]:
    digits, spent = table.metric.digits, row.budget
    fold = glyphs.expanded if row.key in choice.unfolded else glyphs.collapsed
    several = row.n > 1 or bool(row.folded)
    mean = (Span(f"{glyphs.best} " if is_best else "", "good"), Span(numbers.decimal(row.mean, digits), "strong"))
    cells: dict[str, Line] = {
        "mark": (Span(letter, f"series{ink_of(letter)}"),) if letter else (),
        "name": (Span(row.title), *((Span(f" {fold}", "muted"),) if several else ())),
        "n": (Span(str(row.n)),),
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


def _compared(one: Comparison | None, row: ComparisonRow, table: ComparisonTable) -> dict[str, Line]:
    if one is None or one.delta is None:
        return {"verdict": (Span(one.why if one else row.label, "muted"),)}
    digits = table.metric.digits
    ink = _INKS.get(one.verdict, "warn" if one.confounds else "")
    p = p_cell(one)
    return {
        "delta": (Span(f"{numbers.signed(one.delta, digits)}{CONFOUNDED if one.confounds else ' '}", ink),),
        "interval": (Span(numbers.interval(one.shown_interval, digits), ink),) if one.shown_interval else (),
        "p": (Span(p, "muted"),) if p else (),
        "verdict": (Span(one.label, ink or "muted"),),
    }


def _matched(one: Comparison, row: ComparisonRow, table: ComparisonTable) -> dict[str, Line]:
    return {"name": (Span(f"  vs {one.against}", "muted"),)} | _compared(one, row, table)


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
        "n": (Span(str(other.n)),),
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
    "mean": lambda row, table: _number(row.mean, downwards=table.metric.higher_is_better),
    "sd": lambda row, _: _number(row.sd, downwards=False),
    "delta": lambda row, table: _number(
        row.comparison.delta if row.comparison else None, downwards=table.metric.higher_is_better
    ),
    "p": lambda row, _: _number(row.comparison.p_adjusted if row.comparison else None, downwards=False),
    "verdict": lambda row, _: (row.comparison is None, _ORDER[row.comparison.verdict] if row.comparison else 0),
    "published": lambda row, _: _number(row.published[0].value if row.published else None),
    "loss": lambda row, _: _number(row.cross_entropy, downwards=False),
    "time": lambda row, _: _number(row.budget.seconds, downwards=False),
    "parameters": lambda row, _: _number(row.budget.parameters, downwards=False),
}

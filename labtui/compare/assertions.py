"""`compare --assert "dropout > network"`: a comparison as a gate, for scripts and continuous integration."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from labtui import spec
from labtui.compare.cells import Cell
from labtui.compare.looks import Looks
from labtui.compare.metrics import TableMetric, require_direction
from labtui.compare.model import Comparison, ComparisonRow, ComparisonTable, Interval
from labtui.compare.render import phrases
from labtui.compare.render.commands import run_command
from labtui.compare.run_data import RunData
from labtui.compare.statistics import ALPHA
from labtui.compare.table import compare_cells
from labtui.errors import AssertionNotHeld, UsageError
from labtui.spec import Variant
from labtui.store.tags import DEFAULT_METRIC
from labtui.text import numbers

_NAME = r"\S.*?"
_MARGIN = r"\s+(?P<way>[+-])\s*(?P<margin>\d+(?:\.\d+)?)"
_FORM = re.compile(rf"\s*(?P<left>{_NAME})\s*(?P<sign>[<>])\s*(?P<right>{_NAME})(?:{_MARGIN})?\s*\Z")


class Assertion(NamedTuple):
    """`left > right + margin`, or `<`."""

    left: str
    sign: Literal["<", ">"]
    right: str
    margin: float

    def __str__(self) -> str:
        if not self.margin:
            return f"{self.left} {self.sign} {self.right}"
        return f"{self.left} {self.sign} {self.right} {'+' if self.margin > 0 else '-'} {abs(self.margin):g}"


class AssertionResult(NamedTuple):
    """Whether an assertion holds, and why or why not."""

    assertion: Assertion
    holds: bool
    why: str


def parse(text: str) -> Assertion:
    """Parse `dropout > network` or `adam@0.01 < adam@0.001 - 5`. Raises UsageError for anything else."""
    match = _FORM.match(text)
    if match is None or any(sign in match[part] for part in ("left", "right") for sign in "<>"):
        raise UsageError(
            f"--assert cannot parse {text!r}.",
            advice='Write two names with > or < between them and an optional margin: "dropout > network + 0.5".',
        )
    margin = float(f"{match['way']}{match['margin']}") if match["margin"] else 0.0
    return Assertion(match["left"], "<" if match["sign"] == "<" else ">", match["right"], margin)


def with_names(text: str, name: Callable[[str], str]) -> str:
    """The assertion with its names as `name` gives them. Raises UsageError for a text that is not an assertion."""
    parsed = parse(text)
    return str(parsed._replace(left=name(parsed.left), right=name(parsed.right)))


def check_all(
    texts: Sequence[str],
    cells: Sequence[Cell],
    variants: Sequence[Variant],
    *,
    metric: str | spec.Metric = DEFAULT_METRIC,
    run_data: RunData | None = None,
    classes: Mapping[str, Sequence[str]] | None = None,
    looks: Looks | None = None,
) -> tuple[AssertionResult, ...]:
    """Check every assertion, each with a table of its own. Together they are wrong with a chance of at most 5%.

    Raises UsageError for a text that is not an assertion, for a name of several rows, and for a metric
    whose direction is not declared.
    """
    tables = assertion_tables(texts, cells, variants, metric=metric, run_data=run_data, classes=classes, looks=looks)
    return tuple(check(assertion, table) for assertion, table in tables)


def assertion_tables(
    texts: Sequence[str],
    cells: Sequence[Cell],
    variants: Sequence[Variant],
    *,
    metric: str | spec.Metric = DEFAULT_METRIC,
    run_data: RunData | None = None,
    classes: Mapping[str, Sequence[str]] | None = None,
    looks: Looks | None = None,
) -> list[tuple[Assertion, ComparisonTable]]:
    """Every assertion with the table that decides it: its left side against its right one, judged with all rows.

    Raises UsageError for a text that is not an assertion and for a metric whose direction is not declared.
    """
    run_data = run_data or RunData()
    tables = []
    for assertion in map(parse, texts):
        table = compare_cells(
            cells,
            variants,
            metric=metric,
            baseline=assertion.right,
            names=(assertion.left,),
            run_data=run_data,
            classes=classes,
            alpha=ALPHA / len(texts),
            looks=looks,
        )
        require_direction(table.metric)
        tables.append((assertion, table))
    return tables


def check(assertion: Assertion, table: ComparisonTable) -> AssertionResult:
    """Check an assertion with a table whose baseline is its right side.

    It holds if the comparison was judged and its whole interval lies on the asserted side of the margin, over the
    seeds that finished and again with the failed seeds of the side that it favours at the worst value.
    """
    row = table.row(assertion.left) or _only_member(assertion.left, table)
    if row is None or not (row.values or row.failures):
        return AssertionResult(assertion, holds=False, why=f"{assertion.left} has no finished run")
    if not row.values:
        return AssertionResult(assertion, holds=False, why=f"{row.label} in {assertion.left}")
    comparison = row.declared
    if comparison is None or not comparison.baseline_seeds.total:
        return AssertionResult(assertion, holds=False, why=f"{assertion.right} has no finished run")
    if not comparison.judged:
        return AssertionResult(assertion, holds=False, why=_not_judged(comparison, row.matched))
    holds, why = _is_beyond(comparison.adjusted, assertion), _difference(comparison, table.metric)
    remarks = phrases.looks(comparison)
    favours_row = (assertion.sign == ">") == table.metric.higher_is_better
    worst = comparison.row_at_worst if favours_row else comparison.baseline_at_worst
    if worst is not None:
        counts = comparison.row_seeds if favours_row else comparison.baseline_seeds
        at_worst = f"if failed seeds are counted, the interval is {numbers.interval(worst, table.metric.digits)}"
        is_claimed = _is_beyond(worst, assertion)
        which = "finished seeds only" if favours_row else "finished baseline seeds only"
        why = f"{why}, {which} ({counts}); {at_worst}{'' if is_claimed else ', so nothing is claimed'}"
        holds = holds and is_claimed
    return AssertionResult(assertion, holds=holds, why="; ".join((why, *remarks)))


def require_all(results: Sequence[AssertionResult]) -> None:
    """Raise AssertionNotHeld with every assertion that does not hold."""
    failed = [result for result in results if not result.holds]
    if failed:
        lines = "\n".join(f"{result.assertion}: {result.why}" for result in failed)
        raise AssertionNotHeld(f"{len(failed)} of {len(results)} asserted comparisons do not hold.\n{lines}")


def _difference(comparison: Comparison, metric: TableMetric) -> str:
    interval = numbers.interval(comparison.adjusted, metric.digits)
    return (
        f"the difference is {numbers.signed(comparison.delta, metric.digits)} {interval} {metric.delta_unit}".rstrip()
    )


def _only_member(name: str, table: ComparisonTable) -> ComparisonRow | None:
    """The row of an experiment with a single member. Raises UsageError if it has several."""
    members = [row for row in table.rows if row.experiment == name]
    if len(members) > 1:
        names = ", ".join(row.name for row in members)
        raise UsageError(f"--assert: {name} has several rows.", advice=f"Name one of them: {names}.")
    return members[0] if members else None


def _is_beyond(interval: Interval | None, assertion: Assertion) -> bool:
    if interval is None:
        return False
    return interval[0] > assertion.margin if assertion.sign == ">" else interval[1] < assertion.margin


def _not_judged(comparison: Comparison, matched: Comparison | None) -> str:
    confounds = "; ".join(finding.text for finding in comparison.confounds)
    why = f"not judged, {comparison.why}" + (f": {confounds}" if confounds else "")
    if matched is not None and not comparison.matched:
        return f"{why}. Assert against the matched baseline: {matched.against_name}"
    return f"{why}. {comparison.need.text}: {run_command(comparison.need.runs)}" if comparison.need else why

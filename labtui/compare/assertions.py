"""`compare --assert "dropout > network"`: a comparison as a gate, for scripts and continuous integration."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from labtui.compare.cells import Cell
from labtui.compare.model import Comparison, Interval, Row, Table
from labtui.compare.run_data import Evidence
from labtui.compare.statistics import ALPHA
from labtui.compare.table import table
from labtui.errors import AssertionNotHeld, UsageError
from labtui.spec import Variant
from labtui.store.tags import TEST_ACCURACY
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


class Outcome(NamedTuple):
    """Whether an assertion holds, and why or why not."""

    assertion: Assertion
    holds: bool
    why: str


def parse(text: str) -> Assertion:
    """Read `dropout > network`, `adam@0.01 < adam@0.001 - 5`; UsageError says what is wrong."""
    found = _FORM.match(text)
    if found is None or any(sign in found[part] for part in ("left", "right") for sign in "<>"):
        raise UsageError(
            f"--assert cannot read {text!r}.",
            advice='Write two names with > or < between them and, if you like, a margin: "dropout > network + 0.5".',
        )
    margin = float(f"{found['way']}{found['margin']}") if found["margin"] else 0.0
    return Assertion(found["left"], "<" if found["sign"] == "<" else ">", found["right"], margin)


def check_all(
    texts: Sequence[str],
    cells: Sequence[Cell],
    variants: Sequence[Variant],
    *,
    metric: str = TEST_ACCURACY,
    evidence: Evidence | None = None,
) -> tuple[Outcome, ...]:
    """Check every assertion, each in a table of its own; together they are wrong with a chance of 5% at most."""
    evidence = evidence or Evidence()
    outcomes = []
    for one in map(parse, texts):
        share = ALPHA / len(texts)
        told = table(
            cells, variants, metric=metric, baseline=one.right, names=(one.left,), evidence=evidence, alpha=share
        )
        outcomes.append(check(one, told))
    return tuple(outcomes)


def check(assertion: Assertion, told: Table) -> Outcome:
    """Whether a table with the right side as its baseline bears an assertion out.

    It holds where the comparison was judged and its whole interval lies on the asserted side of the margin.
    """
    row = told.row(assertion.left) or _nearest(assertion.left, told)
    if row is None or not row.values:
        return Outcome(assertion, holds=False, why=f"{assertion.left} has no finished run")
    one = row.declared
    if one is None or one.delta is None:
        return Outcome(assertion, holds=False, why=f"{assertion.right} has no finished run")
    if not one.judged:
        return Outcome(assertion, holds=False, why=_unjudged(one, row.matched))
    digits, unit = told.metric.digits, told.metric.delta_unit
    interval = numbers.interval(one.adjusted, digits)
    why = f"the difference is {numbers.signed(one.delta, digits)} {interval} {unit}".rstrip()
    return Outcome(assertion, holds=_beyond(one.adjusted, assertion), why=why)


def _nearest(name: str, told: Table) -> Row | None:
    """The row of an experiment with one member; UsageError names the members where it has several."""
    members = [row for row in told.rows if row.experiment == name]
    if len(members) > 1:
        names = ", ".join(row.name for row in members)
        raise UsageError(f"--assert: {name} has several rows.", advice=f"Name one of them: {names}.")
    return members[0] if members else None


def demand(outcomes: Sequence[Outcome]) -> None:
    """Raise AssertionNotHeld, naming every assertion that does not hold."""
    failed = [one for one in outcomes if not one.holds]
    if failed:
        told = "\n".join(f"{one.assertion}: {one.why}" for one in failed)
        raise AssertionNotHeld(f"{len(failed)} of {len(outcomes)} asserted comparisons do not hold.\n{told}")


def _beyond(interval: Interval | None, assertion: Assertion) -> bool:
    if interval is None:
        return False
    return interval[0] > assertion.margin if assertion.sign == ">" else interval[1] < assertion.margin


def _unjudged(one: Comparison, matched: Comparison | None) -> str:
    told = "; ".join(finding.text for finding in one.confounds)
    why = f"not judged, {one.why}" + (f": {told}" if told else "")
    if matched is not None and not one.matched:
        return f"{why}. Assert against the matched baseline: {matched.against_name}"
    return f"{why}. {one.need.text}: {one.need.command}" if one.need else why

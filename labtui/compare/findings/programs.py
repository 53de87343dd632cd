"""What is worth knowing about runs of a user's own programs, of which labtui sees the metrics only."""

from typing import TYPE_CHECKING

from labtui.compare.metrics import TableMetric
from labtui.compare.model import Finding, Remedy, Severity
from labtui.text import numbers

if TYPE_CHECKING:
    from labtui.compare.cells import Cell
    from labtui.compare.run_data import RunData


def same_start_findings(cell: "Cell", metric: TableMetric, run_data: "RunData") -> list[Finding]:
    """A warning if several seeds of a program began with exactly the same value: it may not use the seed.

    On a GPU such runs still end differently, by the order of sums, and their spread would be taken for that of seeds.
    """
    if cell.engine_spec is not None or len(cell.runs) < 2:
        return []
    starts = []
    for run in cell.runs:
        curve = run_data.curves(run).get(metric.tag)
        if curve is not None and len(curve):
            starts.append(float(curve.values[0]))
    if len(starts) < 2 or len(set(starts)) > 1 or starts[0] == 0:
        return []
    text = (
        f"every seed begins with the same {metric.tag}, {numbers.loss(starts[0])}: the program may not use the seed, "
        "and the spread is then not that of seeds"
    )
    remedy = None
    if not cell.spec.is_foreign:
        remedy = Remedy(text="pass {seed} to the program, and set its random numbers by it")
    return [Finding(severity=Severity.WARNING, code="same-start", text=text, remedy=remedy)]

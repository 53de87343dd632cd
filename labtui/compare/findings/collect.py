"""All that there is to say about one row, gathered from those who can tell."""

from typing import TYPE_CHECKING

from labtui.compare.baselines import is_own_match, offer
from labtui.compare.cells import final_values, mean_of
from labtui.compare.findings.confounds import budget_findings, confounds, drops, environment_findings
from labtui.compare.findings.losses import loss_findings
from labtui.compare.findings.not_learning import learning_findings
from labtui.compare.findings.search import effort_findings, grid_findings, switch_findings
from labtui.compare.model import Finding, Grade
from labtui.compare.spec_diff import undeclared
from labtui.store import tags
from labtui.store.state import State
from labtui.text import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.compare.baselines import Draft, Entry, Setting
    from labtui.compare.cells import Cell
    from labtui.compare.metrics import Metric


_FAILED = (State.DIVERGED, State.FAILED)
"""Seeds that ended so are missing because of how they did."""


def comparison_findings(row: "Draft", there: "Cell", setting: "Setting", *, superseded: bool) -> tuple[Finding, ...]:
    """What bears on the difference between a row and one baseline.

    `superseded` is the declared baseline that a matched one stands in for: of it only the faults are told.
    """
    here, factor = row.cell, row.factor
    found = [*confounds(here, there, factor, setting.metric)]
    own_match = is_own_match(here, there, factor)
    if own_match:
        found.append(_own_match(row, there))
    elif found and not superseded and undeclared(here.spec, there.spec, factor):
        found.append(_unmatched(row, there, setting))
    fair = not found
    found += budget_findings(here, there, factor, fair=fair)
    if not superseded:
        found += environment_findings(here, there)
        found += () if own_match else effort_findings(here, there, factor, setting.tries)
    return tuple(found)


def baseline_findings(row: "Draft", drafts: "Sequence[Draft]", metric: "Metric") -> tuple[Finding, ...]:
    """A line where the rows that name this one as their baseline differ from it in more than their factors."""
    named = [one for one in drafts if one.baseline is not None and one.baseline.key == row.cell.key]
    unfair = [(one, confounds(one.cell, row.cell, one.factor, metric)) for one in named]
    keys = dict.fromkeys(finding.key for _, found in unfair for finding in found)
    count = sum(bool(found) for _, found in unfair)
    if not count:
        return ()
    instead = dict.fromkeys(one.matched.title for one in named if one.matched is not None)
    text = f"a poor baseline: {count} of {len(named)} rows differ from it in more than their factor ({', '.join(keys)})"
    text += f"; {', '.join(instead)} stands in for it" if instead else ""
    return (Finding(grade=Grade.WARNING, code="poor-baseline", text=text, key=", ".join(keys)),)


def row_findings(entry: "Entry", setting: "Setting") -> tuple[Finding, ...]:
    """What is to be said about a row whatever it is compared with."""
    cell = entry.cell
    alike = [one for one in setting.cells if one.spec.data.name == cell.spec.data.name and one.place == cell.place]
    return (
        *learning_findings(cell, setting.evidence),
        *switch_findings(cell, alike),
        *(found for grid in setting.grids for found in grid_findings(cell, grid, setting.metric)),
        *loss_findings(cell, setting.evidence),
        *_dropout(cell),
        *_runs(cell, setting),
    )


def _own_match(row: "Draft", there: "Cell") -> Finding:
    keys = ", ".join(change.key for change in undeclared(row.cell.spec, there.spec, row.factor))
    declared = ", ".join(row.factor) or "its factor"
    text = f"{declared} is the same as in {there.title}: what the difference to it shows is {keys or 'chance'}"
    return Finding(grade=Grade.NOTE, code="own-match", text=text, key=keys)


def _unmatched(row: "Draft", there: "Cell", setting: "Setting") -> Finding:
    proposed = offer(row.cell, there, row.factor, setting.variants)
    declared = ", ".join(row.factor) or "the factor"
    text = f"no finished run differs in {declared} alone"
    if proposed is None:
        return Finding(grade=Grade.WARNING, code="unmatched", text=text)
    text += f"; {proposed.title} would"
    return Finding(grade=Grade.WARNING, code="unmatched", text=text, mend=f"matched baseline: {proposed.command}")


def _dropout(cell: "Cell") -> list[Finding]:
    during, after = mean_of(cell, tags.REPORT_TEST_ACCURACY), mean_of(cell, tags.TEST_ACCURACY)
    if not drops(cell, "test") or during is None or after is None:
        return []
    text = (
        f"Test accuracy {numbers.decimal(during)} is measured with dropout active: the report never calls model.eval()"
    )
    text += f"; test/accuracy, in evaluation mode, is {numbers.decimal(after)}"
    return [Finding(grade=Grade.WARNING, code="eval-mode", text=text, key="model.dropout")]


def _runs(cell: "Cell", setting: "Setting") -> list[Finding]:
    found = []
    lost = [run for run in cell.unfinished if run.state in (State.DIVERGED, State.FAILED, State.LOST, State.STOPPED)]
    if lost and cell.runs:
        states = ", ".join(f"seed {run.seed} {run.state}" for run in lost)
        total = len({run.seed for run in cell.unfinished} | set(cell.seeds))
        text = f"{states}: the mean is of the {len(cell.runs)} of {total} seeds that finished"
        text += ", which can flatter it" if any(run.state in _FAILED for run in lost) else ""
        found.append(Finding(grade=Grade.WARNING, code="unfinished", text=text))
    missing = len(cell.runs) - len(final_values(cell, setting.metric.tag))
    if missing:
        text = f"{missing} of {len(cell.runs)} runs have no finite {setting.metric.tag}"
        found.append(Finding(grade=Grade.WARNING, code="no-metric", text=text))
    if cell.superseded:
        number = len(cell.superseded)
        runs = "1 earlier run" if number == 1 else f"{number} earlier runs"
        found.append(Finding(grade=Grade.NOTE, code="superseded", text=f"{runs} of the same seeds not counted"))
    return found

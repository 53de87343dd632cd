"""All findings about one row: this module calls the others and adds what is about the row's own runs."""

from collections.abc import Sequence

from labtui.compare.baselines import (
    BaselineChoice,
    TableContext,
    is_own_match,
    propose_matched_baseline,
)
from labtui.compare.cells import Cell, mean_of, seed_counts
from labtui.compare.findings.confounds import (
    budget_findings,
    confounds,
    environment_findings,
    has_active_dropout,
)
from labtui.compare.findings.continued import continued_findings
from labtui.compare.findings.losses import loss_findings
from labtui.compare.findings.not_learning import learning_findings
from labtui.compare.findings.programs import same_start_findings
from labtui.compare.findings.search import grid_findings, no_effect_findings, tuning_findings
from labtui.compare.findings.selection import selection_findings
from labtui.compare.metrics import TableMetric
from labtui.compare.model import BUDGET_MARGIN, Finding, Remedy, Severity
from labtui.compare.outcomes import SeedOutcome, failed_seeds
from labtui.compare.spec_diff import undeclared
from labtui.store import tags
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text import numbers

_FEW = 5
"""Seeds that a finding names."""

_ENDED = (State.DIVERGED, State.FAILED, State.LOST, State.STOPPED)


def comparison_findings(
    row: BaselineChoice, there: Cell, context: TableContext, *, has_match: bool
) -> tuple[Finding, ...]:
    """Findings about the difference between a row and one baseline.

    `has_match`: `there` is a declared baseline that a matched one replaces; only what is wrong with it is listed.
    """
    here, factor = row.cell, row.factor
    findings = [*confounds(here, there, factor, context.metric)]
    own_match = is_own_match(here, there, factor)
    if own_match:
        findings.append(_own_match(row, there))
    elif findings and not has_match and undeclared(here.spec, there.spec, factor):
        findings.append(_unmatched(row, there, context))
    fair = not findings
    findings += budget_findings(here, there, factor, fair=fair)
    if not has_match:
        findings += environment_findings(here, there)
        findings += () if own_match else tuning_findings(here, there, factor, context.tries)
    return tuple(findings)


def baseline_findings(
    row: BaselineChoice, choices: Sequence[BaselineChoice], metric: TableMetric
) -> tuple[Finding, ...]:
    """A warning if rows that declare this one as their baseline differ from it in more than their factors."""
    users = [choice for choice in choices if choice.baseline is not None and choice.baseline.key == row.cell.key]
    found = [confounds(choice.cell, row.cell, choice.factor, metric) for choice in users]
    confounded = sum(map(bool, found))
    if not confounded:
        return ()
    keys = ", ".join(dict.fromkeys(finding.key for findings in found for finding in findings))
    matches = dict.fromkeys(choice.matched.title for choice in users if choice.matched is not None)
    text = f"a poor baseline: {confounded} of {len(users)} rows differ from it in more than their factor ({keys})"
    text += f"; they are compared with {', '.join(matches)} instead" if matches else ""
    return (Finding(severity=Severity.WARNING, code="poor-baseline", text=text, key=keys),)


def row_findings(row: BaselineChoice, context: TableContext) -> tuple[Finding, ...]:
    """Findings about a row itself rather than about its difference to a baseline."""
    cell, against = row.cell, row.matched or row.baseline
    peers = [other for other in context.cells if other.spec.dataset == cell.spec.dataset and other.place == cell.place]
    return (
        *learning_findings(cell, context.run_data),
        *no_effect_findings(cell, peers),
        *(finding for grid in context.grid_searches for finding in grid_findings(cell, grid, context.metric, against)),
        *loss_findings(cell, context.run_data),
        *_dropout(cell),
        *selection_findings(cell, context.metric),
        *continued_findings(cell),
        *same_start_findings(cell, context.metric, context.run_data),
        *_runs(cell, context.metric),
    )


def _own_match(row: BaselineChoice, there: Cell) -> Finding:
    keys = ", ".join(change.key for change in undeclared(row.cell.spec, there.spec, row.factor))
    declared = ", ".join(row.factor) or "its factor"
    text = f"{declared} is the same as in {there.title}: the difference from it shows the effect of {keys or 'chance'}"
    return Finding(severity=Severity.NOTE, code="own-match", text=text, key=keys)


def _unmatched(row: BaselineChoice, there: Cell, context: TableContext) -> Finding:
    text = f"no finished run differs in {', '.join(row.factor) or 'the factor'} alone"
    if row.cell.spec.is_foreign and not row.factor:
        text = "several hyperparameters differ and none is declared to be the factor"
        remedy = Remedy(text="declare it with --factor KEY; the others stay confounds unless they are declared too")
        return Finding(severity=Severity.WARNING, code="unmatched", text=text, remedy=remedy)
    proposal = propose_matched_baseline(row.cell, there, row.factor, context.variants)
    if proposal is None:
        return Finding(severity=Severity.WARNING, code="unmatched", text=text)
    title, remedy = proposal
    return Finding(severity=Severity.WARNING, code="unmatched", text=f"{text}; a run of {title} would", remedy=remedy)


def _dropout(cell: Cell) -> list[Finding]:
    during, after = mean_of(cell, tags.REPORT_TEST_ACCURACY), mean_of(cell, tags.TEST_ACCURACY)
    if not has_active_dropout(cell, "test") or during is None or after is None:
        return []
    text = (
        f"Test accuracy {numbers.decimal(during)} is measured with dropout active: the original lab report "
        f"never calls model.eval(); test/accuracy, in evaluation mode, is {numbers.decimal(after)}"
    )
    return [Finding(severity=Severity.WARNING, code="eval-mode", text=text, key="model.dropout")]


def _runs(cell: Cell, metric: TableMetric) -> list[Finding]:
    findings = []
    outcomes = cell.outcomes(metric.tag)
    if failed := failed_seeds(outcomes):
        counts = seed_counts(cell, metric.tag)
        text = f"{counts} seeds {'learned' if counts.failed else 'finished'}: {_failures(cell, failed)}"
        findings.append(Finding(severity=Severity.WARNING, code="failed-seeds", text=text))
    decided = {one.seed for one in outcomes}
    missing = [run for run in cell.unfinished if run.state in _ENDED and run.seed not in decided]
    if missing and cell.has_ended_seeds:
        states = ", ".join(f"seed {run.seed} {run.state}{_reason(run)}" for run in missing)
        text = f"{states}: not counted, as it says nothing about the recipe"
        findings.append(Finding(severity=Severity.WARNING, code="unfinished", text=text))
    if cell.runs and not outcomes and not cell.short_of:
        runs = "the run has" if len(cell.runs) == 1 else f"the {len(cell.runs)} runs have"
        text = f"{runs} no {metric.tag}"
        findings.append(Finding(severity=Severity.WARNING, code="no-metric", text=text))
    findings += _unequal_ends(cell) if cell.spec.is_foreign else []
    if cell.superseded:
        number = len(cell.superseded)
        runs = "1 earlier run" if number == 1 else f"{number} earlier runs"
        findings.append(
            Finding(severity=Severity.NOTE, code="superseded", text=f"{runs} of the same seeds not counted")
        )
    return findings


def _unequal_ends(cell: Cell) -> list[Finding]:
    """Seeds of another tool that ended earlier than the others: nothing else shows that they may not be finished."""
    steps = {run.seed: run.result.steps for run in cell.runs if run.result}
    longest = max(steps.values(), default=0)
    short = [seed for seed, step in steps.items() if seed is not None and step < longest * (1 - BUDGET_MARGIN)]
    if not short:
        return []
    ended = ", ".join(f"seed {seed} at step {steps[seed]:,}" for seed in short[:_FEW])
    more = f" and {len(short) - _FEW} more" if len(short) > _FEW else ""
    text = f"{ended}{more}: the others go on to step {longest:,}; perhaps not finished"
    return [Finding(severity=Severity.WARNING, code="unequal-ends", text=text)]


def _failures(cell: Cell, failed: Sequence[SeedOutcome]) -> str:
    """`seeds 2,3 diverged, seed 4 never learned; seed 2 finished in another attempt, which does not count`."""
    by_failure: dict[str, list[int]] = {}
    for one in failed:
        by_failure.setdefault(one.failure, []).append(one.seed)
    listed = ", ".join(f"{numbers.seed_list(seeds)} {failure}" for failure, seeds in by_failure.items())
    again = [one.seed for one in failed if one.seed in cell.seeds and one.run not in {run.id for run in cell.runs}]
    tried = f"; {numbers.seed_list(again)} finished in another attempt, which does not count" if again else ""
    return f"{listed}{tried}"


def _reason(run: Run) -> str:
    return f" ({run.reason})" if run.reason else ""

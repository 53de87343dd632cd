"""Which epoch a row's values come from, where its runs stopped early, and how that epoch was chosen."""

from typing import TYPE_CHECKING

from labtui.compare.metrics import PLAIN_TEST, TableMetric
from labtui.compare.model import Finding, Severity
from labtui.text import numbers

if TYPE_CHECKING:
    from labtui.compare.cells import Cell

_KEY = "training.early_stopping"


def selection_findings(cell: "Cell", metric: TableMetric) -> list[Finding]:
    """A note on the epochs that were tested; nothing for runs that test their last epoch."""
    rule = cell.engine_spec.training.early_stopping if cell.engine_spec else None
    chosen_by = rule.metric if rule else ""
    tested = _tested_epochs(cell)
    if not chosen_by or not tested:
        return []
    epochs = ", ".join(f"{numbers.count(epoch)} (seed {seed})" for seed, epoch in tested.items())
    chosen = f"the epoch with the best {chosen_by}: {epochs}"
    if metric.tag in PLAIN_TEST:
        text = f"{metric.tag} is that of {chosen}; it was chosen on images held out, not on the test set"
    else:
        text = f"{metric.tag} need not be that of the tested epoch, {chosen}"
    return [Finding(severity=Severity.NOTE, code="selected-epoch", text=text, key=_KEY)]


def _tested_epochs(cell: "Cell") -> dict[int, int]:
    """By seed, the epoch whose weights were tested, as the engine recorded it."""
    facts = {run.seed: run.result.facts.get("tested_epoch") for run in cell.runs if run.result is not None}
    return {seed: epoch for seed, epoch in facts.items() if isinstance(seed, int) and isinstance(epoch, int)}

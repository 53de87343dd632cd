"""What is worth knowing about a row whose runs continue finished ones."""

from typing import TYPE_CHECKING

from labtui.compare.model import Finding, Severity
from labtui.spec import RunSpec

if TYPE_CHECKING:
    from labtui.compare.cells import Cell


def continued_findings(cell: "Cell") -> list[Finding]:
    """A note that the row's runs were not trained in one go; nothing for other rows."""
    spec = cell.spec
    if not isinstance(spec, RunSpec) or not spec.continued:
        return []
    continued, epochs = spec.continued, spec.training.epochs
    text = (
        f"its runs continue finished ones: epochs {continued.epochs + 1} to {epochs} were trained from their last "
        f"checkpoints, with a schedule for {epochs} epochs after one for {continued.epochs}"
    )
    return [Finding(severity=Severity.NOTE, code="continued-runs", text=text, key="continued")]

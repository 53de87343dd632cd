"""The exit code of a command that ran several runs."""

from pathlib import Path

import pytest

from labtui.cli.foreground import RunOutcome
from labtui.cli.training import exit_code
from labtui.errors import LabError, MachineError, UsageError
from labtui.store.records import Exit
from labtui.store.run import Run
from labtui.store.store import Store
from tests.support.samples import make_launch, make_result, write_run


@pytest.fixture
def ended(tmp_path: Path) -> dict[str, Run]:
    """A run of each ending, by name."""
    endings = {
        "finished": (make_result(), Exit(code=0, ended=0.0)),
        "stopped": (make_result(outcome="stopped"), Exit(code=0, ended=0.0)),
        "diverged": (make_result(outcome="diverged"), Exit(code=1, ended=0.0)),
        "failed": (make_result(outcome="failed"), Exit(code=1, ended=0.0)),
        "environment": (make_result(outcome="failed"), Exit(code=3, ended=0.0)),
        "spec": (None, Exit(code=2, ended=0.0)),
        "killed": (None, Exit(signal=9, ended=0.0)),
    }
    for name, (result, exit_) in endings.items():
        write_run(tmp_path / name, launch=make_launch(), result=result, exit=exit_)
    return {run.id: run for run in Store(tmp_path).scan()}


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ("", 0),
        ("finished stopped", 0),
        ("finished failed", 1),
        ("diverged", 1),
        ("killed", 1),
        ("environment", 3),
        ("spec", 2),
        ("environment failed", 1),
        ("environment spec", 3),
    ],
)
def test_a_failed_run_takes_precedence_over_an_environment_error(ended: dict[str, Run], names: str, code: int) -> None:
    assert exit_code(RunOutcome(runs=[ended[name] for name in names.split()])) == code


@pytest.mark.parametrize(("error", "code"), [(LabError("x"), 1), (UsageError("x"), 2), (MachineError("x"), 3)])
def test_a_run_that_was_not_started_counts_by_its_error(error: LabError, code: int) -> None:
    assert exit_code(RunOutcome(errors=[error])) == code


def test_a_signal_takes_precedence_over_everything(ended: dict[str, Run]) -> None:
    assert exit_code(RunOutcome(runs=[ended["failed"]], signal_code=130)) == 130

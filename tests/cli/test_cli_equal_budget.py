"""`labtui compare --equal-budget` on runs with curves of their own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Answer

Cli = Callable[..., Answer]

ASSET = Path(__file__).parents[1] / "assets" / "lab-0.1.0"


@pytest.fixture(autouse=True)
def lab(here: Path) -> None:
    """Runs of 0.1.0, of one to three epochs each."""
    shutil.copy(ASSET / "experiments.toml", here)
    shutil.copytree(ASSET / "runs", here / "runs")


def test_the_heading_says_at_which_budget_and_by_a_metric_that_has_curves(cli: Cli) -> None:
    found = cli("compare", "--equal-budget", "images")
    assert found.code == 0
    assert " ".join(found.out.split()).startswith(
        "Test accuracy in %, mean and sd over seeds: at 1,436 images, the largest"
    )
    assert "are left out" in " ".join(found.out.split())


def test_a_metric_that_was_asked_for_is_used_and_a_run_that_has_no_value_there_says_so(cli: Cli) -> None:
    found = json.loads(cli("compare", "--equal-budget", "epochs=1", "--metric", "test/accuracy", "--json").out)
    assert found["metric"]["tag"] == "test/accuracy"
    assert found["equal_budget"] == {"unit": "epochs", "value": 1.0, "given": True}
    plain = next(row for row in found["rows"] if row["name"] == "plain")
    assert (plain["mean"], plain["short_of"]) == (None, "no test/accuracy up to 1 epoch")


def test_a_budget_that_no_run_reached_leaves_nothing_to_judge(cli: Cli) -> None:
    found = json.loads(cli("compare", "--equal-budget", "epochs=1000", "--json").out)
    assert found["judged"] == 0
    assert all(row["short_of"].startswith("reached ") for row in found["rows"] if row["n"] + len(row["failures"]) == 0)


def test_what_is_no_budget_is_refused(cli: Cli) -> None:
    found = cli("compare", "--equal-budget", "hours")
    assert found.code == 2
    assert "images=5000" in found.err


def test_an_assertion_is_about_runs_as_they_ended(cli: Cli) -> None:
    assert cli("compare", "--equal-budget", "epochs", "--assert", "dropout > plain").code == 2

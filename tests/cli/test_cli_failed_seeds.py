"""`compare --assert` does not take a claim from the seeds that suit it: exit code 4."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labtui.api import Lab
from tests.support.command_line import Answer
from tests.support.ended_runs import write_ended, write_seeds
from tests.support.labs import make_lab

Cli = Callable[..., Answer]


@pytest.fixture
def lab(here: Path) -> Lab:
    return make_lab(here)


def test_a_gain_over_all_seeds_holds(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "network", 60.1, 60.4, 59.9)
    write_seeds(lab, "dropout", 62.0, 62.4, 62.1)
    assert cli("compare", "--assert", "dropout > network").code == 0


def test_a_gain_over_the_common_seeds_alone_holds_nothing(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "network", 60.1, 60.4, 59.9)
    write_seeds(lab, "dropout", 62.0, 62.4, 62.1, 58.0, 57.5)
    answer = cli("compare", "--assert", "dropout > network")
    assert answer.code == 4
    assert "+0.27" in answer.err
    assert "undecided" in cli("compare").out


@pytest.mark.parametrize("learned", [2, 3, 4])
def test_a_gain_of_those_that_finished_holds_nothing(lab: Lab, cli: Cli, learned: int) -> None:
    write_seeds(lab, "network", 60.1, 60.4, 59.9, 60.2, 60.0)
    write_seeds(lab, "dropout", *(62.1, 62.3, 62.0, 62.2)[:learned])
    for seed in range(learned, 5):
        write_ended(lab, "dropout", seed, outcome="diverged", reason="loss is NaN at step 312", exit_code=1)
    answer = cli("compare", "--assert", "dropout > network")
    assert answer.code == 4
    assert f"finished seeds only ({learned} of 5)" in answer.err
    out = cli("compare").out
    assert f"{learned}/5" in out
    assert f"{learned} of 5 seeds learned" in out


def test_a_row_whose_seeds_all_diverged_stays(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "network", 60.1, 60.4, 59.9)
    for seed in range(3):
        write_ended(lab, "dropout", seed, outcome="diverged", reason="loss is NaN", exit_code=1)
    assert "0 of 3 learned" in cli("compare").out
    (row,) = [row for row in json.loads(cli("compare", "--json").out)["rows"] if row["name"] == "dropout"]
    assert (row["n"], row["verdict"]) == (0, "0 of 3 learned")
    assert [one["failure"] for one in row["failures"]] == ["diverged"] * 3
    assert cli("compare", "--assert", "dropout > network").code == 4


def test_a_seed_that_was_tried_again_until_it_finished_holds_nothing(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "network", 60.1, 60.4, 59.9)
    write_ended(lab, "dropout", 1, outcome="diverged", reason="loss is NaN", exit_code=1)
    write_seeds(lab, "dropout", 62.0, 62.4, 62.1)
    assert cli("compare", "--assert", "dropout > network").code == 4
    assert "finished in another attempt, which does not count" in " ".join(cli("compare").out.split())


def test_a_baseline_with_a_seed_at_chance_makes_no_gain_of_18_points(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "network", 60.1, 10.0, 59.9)
    write_seeds(lab, "dropout", 62.0, 62.3, 62.2)
    out = cli("compare").out
    assert "18." not in out
    assert "2/3" in out
    assert "2 of 3 seeds learned: seed 1 never learned" in " ".join(out.split())


def test_a_seed_without_memory_takes_nothing_from_the_others(lab: Lab, cli: Cli) -> None:
    write_seeds(lab, "network", 60.1, 60.4, 59.9)
    write_seeds(lab, "dropout", 62.0, 62.4, 62.1)
    write_ended(lab, "dropout", 3, outcome="failed", reason="out of memory on cuda:0", exit_code=3)
    assert cli("compare", "--assert", "dropout > network").code == 0
    assert "seed 3 failed (out of memory on cuda:0): not counted" in " ".join(cli("compare").out.split())

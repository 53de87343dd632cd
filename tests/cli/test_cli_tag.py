"""`labtui tag`, and runs by their tags."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Answer
from tests.support.samples import make_launch, make_result, make_spec, write_run

Cli = Callable[..., Answer]


@pytest.fixture
def runs(here: Path) -> Path:
    for seed in range(3):
        folder = here / "runs" / "Cifar" / "Dropout" / f"s{seed}-x"
        write_run(folder, spec=make_spec(seed=seed), launch=make_launch(), result=make_result())
    return here / "runs"


def test_words_with_signs_are_tags_and_never_options(cli: Cli, runs: Path) -> None:
    assert cli("tag", "s0-x", "s1-x", "+paper", "+help").lines == [
        "Cifar/Dropout/s0-x: paper help",
        "Cifar/Dropout/s1-x: paper help",
    ]
    assert cli("tag", "-help", "s0-x", "-hard", "+runs-of-may").lines == ["Cifar/Dropout/s0-x: paper runs-of-may"]
    assert cli("tag", "s1-x", "-help", "-paper").lines == ["Cifar/Dropout/s1-x: no tags"]
    assert cli("tag", "s0-x").lines == ["Cifar/Dropout/s0-x: paper runs-of-may"]
    assert [line.split() for line in cli("tag").lines[1:]] == [["paper", "1"], ["runs-of-may", "1"]]
    assert cli("tag", "-h").out.startswith("Usage: "), "one letter is an option as everywhere"


def test_tags_without_a_run_and_texts_that_are_no_tags_are_usage_errors(cli: Cli, runs: Path) -> None:
    assert (cli("tag", "+paper").code, cli("tag", "s0-x", "+two words").code) == (2, 2)
    assert "No run" in cli("tag").err


def test_runs_are_listed_by_their_tags_in_a_column_that_is_there_only_if_it_says_something(
    cli: Cli, runs: Path
) -> None:
    assert "TAGS" not in cli("ps").out
    cli("tag", "s0-x", "+paper", "+final")
    cli("tag", "s1-x", "+paper")
    assert "TAGS" in cli("ps").out
    found = [json.loads(line) for line in cli("ps", "--json", "--tag", "paper").lines]
    assert {run["id"][-4:]: run["tags"] for run in found} == {"s0-x": ["paper", "final"], "s1-x": ["paper"]}
    assert len(cli("ps", "--json", "--tag", "paper", "--tag", "final").lines) == 1
    assert "No run is tagged never" in cli("ps", "--tag", "never").err

"""A catalog with problems: they are reported, and the valid entries still work."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labtui.catalog import builtin_path, load
from labtui.datasets import known_datasets
from tests.support.command_line import Answer

Cli = Callable[..., Answer]

CATALOG = """
[defaults]
protocol = "report"
group = "Cifar"
data.name = "digits"
model.name = "cnn"
optimizer.name = "adam"
training.epochs = 1

[experiment.good]
title = "Good"

[experiment.bad]
title = "Bad"
optimizer.lr = -1

[experiment.worse]
title = "Worse"
training.epoch = 3
"""


@pytest.fixture
def catalog(here: Path) -> Path:
    path = here / "experiments.toml"
    path.write_text(CATALOG, "utf-8")
    return path


@pytest.mark.usefixtures("catalog")
def test_valid_entries_are_listed_and_every_problem_is_reported(cli: Cli) -> None:
    answer = cli("ls")
    assert answer.code == 2
    assert [line.split()[0] for line in answer.lines] == ["NAME", "good"]
    assert "optimizer.lr" in answer.err
    assert "Did you mean epochs" in answer.err
    assert "experiments.toml" in answer.err


@pytest.mark.usefixtures("catalog")
def test_validate_lists_valid_entries_and_problems(cli: Cli) -> None:
    answer = cli("config", "validate")
    assert answer.code == 2
    assert answer.out.startswith("ok  good")
    assert "2 problems" in answer.err


@pytest.mark.usefixtures("catalog")
def test_a_valid_entry_runs_with_a_warning(cli: Cli) -> None:
    answer = cli("run", "good", "--dry-run", "--json")
    assert answer.code == 0
    assert json.loads(answer.out)["name"] == "good"
    assert "2 problems" in answer.err


@pytest.mark.usefixtures("catalog")
def test_an_entry_with_a_problem_does_not_run_and_says_why(cli: Cli) -> None:
    answer = cli("run", "bad")
    assert (answer.code, answer.out) == (2, "")
    assert "optimizer.lr" in answer.err


def test_another_file_can_be_checked(cli: Cli, catalog: Path) -> None:
    other = catalog.with_name("other.toml")
    other.write_text(CATALOG.split("[experiment.bad]")[0], "utf-8")
    assert cli("config", "validate", str(other)).code == 0
    assert cli("--catalog", str(other), "config", "path").out == f"{other}\n"


def test_the_catalog_of_a_parent_folder_is_found_with_the_runs_folder_beside_it(
    cli: Cli, catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = catalog.parent / "notes" / "today"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    shown = json.loads(cli("config", "show", "--json").out)
    assert shown["catalog"] == str(catalog)
    assert shown["runs"] == str(catalog.parent / "runs")


def test_init_writes_the_builtin_catalog_once(cli: Cli, here: Path) -> None:
    assert cli("init").code == 0
    assert cli("config", "path").out == f"{here / 'experiments.toml'}\n"
    names = [json.loads(line)["name"] for line in cli("ls", "--json").out.splitlines()]
    assert names[:13] == [variant.spec.name for variant in load(builtin_path(), datasets=known_datasets()).variants]
    assert names[13:] == ["my_net", "my_noise", "my_stripes"]
    (here / "experiments.toml").write_text("mine", "utf-8")
    assert cli("init").code == 2
    assert (here / "experiments.toml").read_text("utf-8") == "mine"


def test_dry_run_without_a_command_plans_the_whole_catalog_without_the_network(cli: Cli) -> None:
    planned = [json.loads(line) for line in cli("--dry-run", "--json").lines]
    assert len(planned) == 13
    assert (
        planned[0] | {"run_name": "Cifar/Network", "dataset": "cifar10", "images": 25_000, "epochs": 10, "seed": 0}
        == (planned[0])
    )
    assert cli("--json", "run", "--all", "-n").lines == cli("--dry-run", "--json").lines


def test_show_prints_changes_and_published_results(cli: Cli) -> None:
    shown = cli("show", "dropout").out
    assert "data.train_fraction: 1.0 instead of 0.5   (not a declared factor)" in shown
    assert "model.dropout: [0.3,0.2] instead of [0.0,0.0]\n" in shown
    assert "Test accuracy 61.04 at epoch 10" in shown
    assert [json.loads(line)["name"] for line in cli("show", "adam", "--json").lines] == [
        "adam@0.01",
        "adam@0.001",
        "adam@0.0001",
    ]


def test_the_schema_of_the_catalog_is_one_line_of_json_with_its_keys(cli: Cli) -> None:
    answer = cli("config", "schema")
    recipe = json.loads(answer.out)["properties"]["defaults"]["properties"]
    assert answer.code == 0
    assert {"data", "model", "optimizer", "training"} <= set(recipe)

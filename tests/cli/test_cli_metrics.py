"""`labtui compare` by a metric whose direction is not known, and the options that declare it."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from labtui.api import open_lab
from labtui.api.resolve import on_dataset
from labtui.datasets import get
from labtui.store.records import Exit, LastValue
from tests.support.command_line import Answer
from tests.support.labs import CATALOG
from tests.support.samples import make_launch, make_result, write_run

Cli = Callable[..., Answer]


@pytest.fixture
def results(here: Path) -> None:
    """Three seeds of network and dropout, with values of several tags."""
    (here / "experiments.toml").write_text(CATALOG, "utf-8")
    lab = open_lab(environ={}, cwd=here)
    values = {"network": [17.3, 17.5, 17.2], "dropout": [34.1, 34.5, 34.0]}
    for variant in lab.catalog.select(values):
        plain = on_dataset(variant.spec, get(variant.spec.data.name))
        for seed, value in enumerate(values[plain.name]):
            spec = msgspec.structs.replace(plain, seed=seed)
            logged = {"perplexity": value, "score": value, "test_acc": value / 100}
            last = {tag: LastValue(step=2, value=number) for tag, number in logged.items()}
            result = make_result(last=last, epochs=2, images_seen=100_000, train_images=50_000, test_images=10_000)
            folder = here / "runs" / "Cifar" / spec.title / f"s{seed}-20260101-00000{seed}"
            write_run(folder, spec=spec, launch=make_launch(), result=result, exit=Exit(code=0, ended=0.0))


@pytest.mark.usefixtures("results")
def test_a_perplexity_that_doubles_is_a_loss_and_asserts_nothing_better(cli: Cli) -> None:
    shown = json.loads(cli("compare", "dropout", "--metric", "perplexity", "--json").out)
    row = next(row for row in shown["rows"] if row["name"] == "dropout")
    assert row["declared"]["verdict"] == "loss"
    assert shown["metric"]["better"] == "lower"
    assert cli("compare", "--metric", "perplexity", "--assert", "dropout < network").code == 4


@pytest.mark.usefixtures("results")
def test_an_assertion_by_an_undeclared_metric_ends_with_2_and_names_the_option(cli: Cli) -> None:
    answer = cli("compare", "--metric", "score", "--assert", "dropout > network")
    assert answer.code == 2
    assert "--better" in answer.err
    assert cli("compare", "--metric", "score", "--better", "higher", "--assert", "dropout > network").code == 0


@pytest.mark.usefixtures("results")
def test_an_undeclared_metric_is_shown_without_a_verdict(cli: Cli) -> None:
    answer = cli("compare", "--metric", "score")
    assert answer.code == 0
    assert "direction not declared" in answer.out
    assert "34.2" in answer.out
    assert "gain" in cli("compare", "--metric", "score", "--better", "higher", "--unit", "ms").out


@pytest.mark.usefixtures("results")
def test_fractions_are_shown_in_percent(cli: Cli) -> None:
    answer = cli("compare", "--metric", "test_acc")
    assert "34.20" in answer.out
    assert "logged as fractions (0..1), shown in percent" in " ".join(answer.out.split())


@pytest.mark.usefixtures("results")
def test_an_unknown_point_is_refused(cli: Cli) -> None:
    answer = cli("compare", "--metric", "score", "--take", "first")
    assert answer.code == 2
    assert "at:1000" in answer.err

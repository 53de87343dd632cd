"""Where a metric is declared: options, the entry, the catalog, the user's file, then its name."""

from pathlib import Path

import pytest

from labtui.api import Lab
from labtui.api.comparison import compare_experiments
from labtui.api.metrics import metrics_path, resolve
from labtui.errors import UsageError
from labtui.spec import Metric, recipe_hash
from labtui.store.tags import DEFAULT_METRIC
from tests.support.labs import CATALOG, make_lab

DECLARED = """
[experiment.dropout.metric]
tag = "score"
better = "higher"
take = "best"

[metric.score]
better = "lower"
unit = "ms"

[metric."val/loss"]
better = "higher"
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's own settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    metrics_path().parent.mkdir(parents=True)
    return metrics_path()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path, CATALOG + DECLARED)


def test_the_first_place_that_says_something_counts(lab: Lab, config: Path) -> None:
    config.write_text('[metric.score]\npercent = true\nunit = "s"\n[metric.f1]\nbetter = "lower"\n', "utf-8")
    assert lab.catalog.problems == ()
    metric = resolve(lab, "score", better="lower", names=["dropout"])
    assert metric == Metric(tag="score", better="lower", unit="ms", percent=True, take="best")
    assert resolve(lab, "score", names=["dropout"]).better == "higher"
    assert resolve(lab, "score", names=["network"]) == Metric(tag="score", better="lower", unit="ms", percent=True)
    assert resolve(lab, "val/loss").better == "higher"
    assert resolve(lab, "f1").better == "lower"
    assert resolve(lab, "val/f1").better == "higher"
    assert resolve(lab, "mystery").better is None


def test_the_entries_own_metric_is_the_one_that_is_compared_where_they_agree(lab: Lab) -> None:
    for name in ("dropout", "Dropout"):
        assert resolve(lab, names=[name]).tag == "score"
        assert compare_experiments(lab, [name]).metric.tag == "score"
    assert resolve(lab).tag == resolve(lab, names=["dropout", "network"]).tag == DEFAULT_METRIC
    assert compare_experiments(lab).metric.tag == DEFAULT_METRIC


def test_entries_that_contradict_each_other_are_refused_until_an_option_decides(tmp_path: Path) -> None:
    text = CATALOG + "".join(
        f'\n[experiment.{name}.metric]\ntag = "score"\nbetter = "{better}"\n'
        for name, better in (("network", "higher"), ("dropout", "lower"))
    )
    lab = make_lab(tmp_path, text)
    with pytest.raises(UsageError, match="network and dropout declare different values for score") as refused:
        resolve(lab, "score")
    assert "--better" in str(refused.value)
    assert resolve(lab, "score", better="lower").better == "lower"
    assert resolve(lab, names=["dropout"]).better == "lower"


def test_the_metric_is_inherited_and_can_be_removed(tmp_path: Path) -> None:
    text = CATALOG.replace("[defaults]", '[defaults]\nmetric.tag = "val/score"\nmetric.better = "higher"')
    lab = make_lab(tmp_path, f'{text}\n[experiment.plain]\nextends = "dropout"\nmetric = "none"\n')
    assert lab.catalog.problems == ()
    assert resolve(lab, names=["dropout"]) == Metric(tag="val/score", better="higher")
    assert resolve(lab, names=["plain"]).tag == DEFAULT_METRIC


def test_a_metric_changes_neither_recipes_nor_specs(tmp_path: Path, lab: Lab) -> None:
    (tmp_path / "other").mkdir()
    other = make_lab(tmp_path / "other")
    specs = [[variant.spec for variant in one.catalog.variants] for one in (lab, other)]
    assert specs[0] == specs[1]
    assert [*map(recipe_hash, specs[0])] == [*map(recipe_hash, specs[1])]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('[metric.score]\nbetter = "up"', 2, 'metric.score.better: "up" is unknown. Allowed: "higher" or "lower"'),
        ('[metric.score]\nbeter = "higher"', 2, "metric.score.beter: unknown key. Did you mean better?"),
        ('[metric.score]\nunit = "ms"\ntake = "first"', 3, 'metric.score.take: "first"'),
        ("metric.score.percent = 100", 1, "metric.score.percent: 100 is a number. Allowed: true or false"),
        ('[metric]\nscore = "higher"', 2, 'metric.score: "higher" is text. A metric is a table'),
    ],
)
def test_wrong_values_are_problems_with_their_line(
    tmp_path: Path, config: Path, text: str, line: int, message: str
) -> None:
    lab = make_lab(tmp_path, f"{text}\n{CATALOG}")
    shown = [str(problem) for problem in lab.catalog.problems]
    assert len(shown) == 1
    assert f"experiments.toml:{line}: {message}" in shown[0]
    assert lab.catalog.experiment("dropout").name == "dropout"
    config.write_text(text, "utf-8")
    with pytest.raises(UsageError) as refused:
        resolve(lab)
    assert f"metrics.toml:{line}: {message}" in str(refused.value)


def test_a_wrong_metric_of_an_entry_costs_that_entry_and_names_its_line(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, f'{CATALOG}\n[experiment.another]\nextends = "network"\nmetric.better = "up"\n')
    (problem,) = lab.catalog.problems
    assert problem.line == CATALOG.count("\n") + 4
    assert problem.key == "experiment.another.metric.better"
    assert problem.entries == ("another",)

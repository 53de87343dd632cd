"""Programs in plans, and what their recipes depend on."""

from pathlib import Path

import pytest

from labtui.api.commands import command_title
from labtui.api.placement import place_runs
from labtui.api.sources import SAMPLED_FROM, command_sources, with_sources
from labtui.api.until import PlanRequest, make_plan
from labtui.compare.render.plan_text import plan_lines
from labtui.errors import UsageError
from labtui.spec import ProgramSpec
from tests.support.labs import make_lab

CATALOG = """
[experiment.base]
run = "python train.py --seed={seed} {params}"
param.lr = 0.1
metric = { tag = "test_acc", better = "higher", percent = true }
[experiment.fast]
extends = "base"
baseline = "base"
factor = ["param.lr"]
param.lr = 0.3
"""


def spec(run: str = "python train.py", **fields: object) -> ProgramSpec:
    return ProgramSpec(experiment="x", title="x", group="g", seed=0, run=run, **fields)  # type: ignore[arg-type]


def names(files: set[Path], folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in files}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "package" / "inner").mkdir(parents=True)
    for name, text in {
        "train.py": "import os, torch\nimport package.model as m\nfrom helper import x\n",
        "helper.py": "def f():\n    import late\n",
        "late.py": "",
        "other.py": "",
        "package/__init__.py": "",
        "package/model.py": "from .inner import blocks\nfrom . import layers\n",
        "package/layers.py": "",
        "package/inner/__init__.py": "",
        "package/inner/blocks.py": "syntax error (",
        "config.yaml": "lr: 1",
    }.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_sources_are_what_the_command_names_and_what_that_imports_and_no_other_file(folder: Path) -> None:
    found = names(command_sources(spec("python train.py config.yaml --x=other.py"), folder), folder)
    assert found == {
        "train.py", "config.yaml", "helper.py", "late.py", "package/__init__.py", "package/model.py",
        "package/layers.py", "package/inner/__init__.py", "package/inner/blocks.py",
    }  # fmt: skip
    assert names(command_sources(spec("python -m package.model"), folder), folder) >= {"package/model.py"}


def test_a_fingerprint_changes_with_the_code_and_not_with_other_files(folder: Path) -> None:
    before = with_sources(spec(), folder).fingerprints
    (folder / "other.py").write_text("# changed")
    assert with_sources(spec(), folder).fingerprints == before
    (folder / "late.py").write_text("# changed")
    assert with_sources(spec(), folder).fingerprints != before
    assert before.keys() == {"code"}


def test_inputs_count_by_their_content_also_large_ones(folder: Path) -> None:
    large = folder / "data.bin"
    with large.open("wb") as stream:
        stream.truncate(SAMPLED_FROM + 1)
    one = with_sources(spec(inputs=("*.bin",)), folder).fingerprints["inputs"]
    with large.open("r+b") as stream:
        stream.write(b"x")
    assert with_sources(spec(inputs=("*.bin",)), folder).fingerprints["inputs"] != one
    with pytest.raises(UsageError, match="matches no file"):
        with_sources(spec(inputs=("*.none",)), folder, strict=True)


def test_a_plan_of_programs_looks_at_the_declared_metric_in_percent(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("")
    lab = make_lab(tmp_path, CATALOG)
    plan, _ = make_plan(lab, PlanRequest(names=("fast",)), place_runs("cpu", runs=2), calibrate=False)
    assert (plan.metric, plan.scale, plan.higher_is_better, plan.own_metric) == ("test_acc", 100.0, True, False)
    assert [one.method for one in plan.comparisons] == ["welch"]
    assert "0.50 points would matter" in plan_lines(plan)[1]


@pytest.mark.parametrize(
    ("declared", "said"),
    [("", "Is test_acc logged as 0..1 or in percent"), (', percent = true, take = "best"', "needs the last value")],
)
def test_a_plan_needs_to_know_the_unit_of_an_accuracy_and_its_last_value(
    tmp_path: Path, declared: str, said: str
) -> None:
    (tmp_path / "train.py").write_text("")
    lab = make_lab(tmp_path, CATALOG.replace(", percent = true", declared))
    with pytest.raises(UsageError, match=said):
        make_plan(lab, PlanRequest(names=("fast",)), place_runs("cpu", runs=2), calibrate=False)


@pytest.mark.parametrize(
    ("words", "title"),
    [
        (["python", "-u", "src/train model.py", "--lr", "1"], "train_model"),
        (["torchrun", "--nproc", "2", "main.py"], "main"),
        (["./run.sh"], "run"),
        (["python", "-m", "pkg.train"], "pkg"),
        (["python3.11", "-c", "1"], "1"),
        (["--"], "command"),
    ],
)
def test_a_command_is_named_for_its_script(words: list[str], title: str) -> None:
    assert command_title(words) == title

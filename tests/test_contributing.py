"""CONTRIBUTING.md names folders, files and commands that exist, and every package of labtui."""

import re
from pathlib import Path

import pytest

from tests.support.processes import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PACKAGES = sorted(
    path.parent.relative_to(ROOT).as_posix()
    for path in (ROOT / "labtui").rglob("__init__.py")
    if path.parent.name != "labtui"
)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:labtui|tests|docs|bench)/[\w./-]*)`", TEXT))))
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_in_the_tree(package: str) -> None:
    assert f"| `{package}/` |" in TEXT


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m ((?:labtui|tests|bench)[\w.]*)", TEXT))))
def test_every_module_that_is_run_exists(module: str) -> None:
    path = ROOT / Path(*module.split("."))
    assert path.with_suffix(".py").exists() or (path / "__main__.py").exists()


@pytest.mark.parametrize(("name", "file"), [
    ("plan_runs", "labtui/api/planning.py"), ("enqueue", "labtui/api/lifecycle.py"),
    ("start_queue_runner", "labtui/api/lifecycle.py"), ("queue_defaults", "labtui/console/actions.py"),
    ("start", "labtui/launch/launcher.py"), ("supervise", "labtui/launch/supervisor.py"),
    ("compare_experiments", "labtui/api/comparison.py"), ("compare_cells", "labtui/compare/table.py"),
    ("interval_at_look", "labtui/compare/verdicts.py"),
])  # fmt: skip
def test_every_function_of_the_flows_exists(name: str, file: str) -> None:
    assert f"`{name}`" in TEXT
    assert f"def {name}(" in (ROOT / file).read_text("utf-8")

"""The Markdown pages at the root are up to date."""

import re
from collections.abc import Callable

import pytest

from tests.support.command_line import Answer
from tests.support.processes import ROOT

PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")


@pytest.mark.parametrize("page", PAGES)
def test_links_to_files_are_valid(page: str) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text("utf-8"))
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_commands_in_the_readme_exist(cli: Callable[..., Answer]) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    names = {match for match in re.findall(r"`labtui (?:--[^\s`]+ )*([a-z]+)", text) if match != "DIR"}
    assert len(names) > 10
    for name in names:
        assert cli(name, "--help").code == 0, name


def test_the_readme_has_the_two_start_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/labtui --headless run dropout" in text
    assert ".venv/bin/pip install '.[test]' && .venv/bin/pytest" in text

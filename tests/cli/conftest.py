"""A command line in a folder of its own, in this process or as a real one."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from labtui.cli.exits import main
from tests.support.command_line import NOWHERE, Answer
from tests.support.processes import environment, labtui_command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, without data, catalog or terminal settings of the user's own."""
    monkeypatch.chdir(tmp_path)
    for name in ("LABTUI_CATALOG", "LABTUI_RUNS", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LABTUI_DATA", NOWHERE)
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    return tmp_path


@pytest.fixture
def cli(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run a command line in this process."""

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(arguments)
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture
def shell(here: Path) -> Callable[..., Answer]:
    """Run a command line as a real process, without a terminal."""

    def run(*arguments: str) -> Answer:
        done = subprocess.run(
            labtui_command(*arguments),
            capture_output=True,
            text=True,
            env=environment(),
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run

"""A command line in a folder of its own, in this process or as a real one."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from labtui.cli.exits import main

ROOT = Path(__file__).resolve().parents[2]

NOWHERE = "/dev/null/data"
"""A data folder that can neither be read nor made: fetching fails at once, without any network."""


@dataclass(frozen=True)
class Answer:
    """What a command line answered."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


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


def environment() -> dict[str, str]:
    """Our environment, in which a child finds this very labtui also from another folder.

    Threads that wait must not spin: several tests train at once.
    """
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "labtui", *arguments]


@pytest.fixture
def shell(here: Path) -> Callable[..., Answer]:
    """Run a command line as a real process, without a terminal."""

    def run(*arguments: str) -> Answer:
        done = subprocess.run(
            command(*arguments),
            capture_output=True,
            text=True,
            env=environment(),
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run

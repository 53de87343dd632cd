"""The whole thing once, in a real tmux with the real engine: launch, watch, compare, quit, come back."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console.app import CATALOG
from tests.support.processes import ROOT

PATIENCE = 100.0
LEFT = "left with"


class Tmux:
    """A tmux server of its own with one pane, in which a shell opens the console whenever it is asked to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "tmux.socket"
        environ = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "LABTUI": f"{sys.executable} -m labtui",
            "PS1": "$ ",
            "TERM": "xterm-256color",
            "XDG_RUNTIME_DIR": str(folder / "runtime"),
            "COLUMNS": "80",  # of a shell that exports its size, and was resized since: the console must not believe it
            "LINES": "24",
        }
        (folder / "runtime").mkdir(mode=0o700)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "48", "sh", cwd=folder, env=environ)

    def _tmux(self, *words: str, **more) -> str:
        command = ["tmux", "-S", str(self.socket), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout

    def type(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def until(self, *wanted: str) -> str:
        """Wait until all of these are on the screen at once."""
        deadline = time.monotonic() + PATIENCE
        while not all(text in (shown := self.screen()) for text in wanted):
            assert time.monotonic() < deadline, f"{wanted} did not show:\n{shown}"
            time.sleep(0.1)  # tmux tells nobody that a pane has changed
        return shown

    def open_console(self) -> None:
        self.type("clear; $LABTUI; echo left with $?", "Enter")
        self.until("Dropout", "Adam", "q quit")

    def close(self) -> None:
        subprocess.run(["tmux", "-S", str(self.socket), "kill-server"], capture_output=True)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux, which is not installed here")
    (tmp_path / "experiments.toml").write_text(CATALOG)
    made = Tmux(tmp_path)
    yield made
    made.close()


@pytest.mark.timeout(400)
def test_runs_are_launched_watched_and_compared_and_are_there_when_one_comes_back(tmux: Tmux):
    tmux.open_console()
    assert "no runs yet" in tmux.screen()
    tmux.type("g", "Space", "Space", "R")
    tmux.until("2 marked", "2 runs", "Enter queues it")
    tmux.type("Enter")
    shown = tmux.until("2 finished")
    assert "test accuracy" in shown
    tmux.type("c")
    shown = tmux.until("Network", "baseline", "one seed")
    assert "against declared baselines" in shown
    tmux.type("q", "q")
    assert f"{LEFT} 0" in tmux.until(LEFT)

    tmux.open_console()
    tmux.until("2 finished", "base")
    tmux.type("c")
    tmux.until("Network", "baseline", "one seed")
    tmux.type("q", "q")
    assert f"{LEFT} 0" in tmux.until(LEFT)

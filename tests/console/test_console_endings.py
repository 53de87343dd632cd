"""K12: on a real terminal the console is ended in five ways, while five engines run that hear nothing of it."""

import os
import signal
from pathlib import Path

import pytest

from labtui.launch.stop import terminate
from labtui.store.state import State
from tests.console.test_console_terminal import Terminal, is_restored
from tests.support.launch.stage import Stage, engines, is_there, pids, wait_until

ENDINGS = ("q", signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
CODES = {"q": 0, signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGKILL: 137}


def end(terminal: Terminal, ending: str | signal.Signals) -> int:
    if ending == "q":
        terminal.press(b"q")
    elif ending is signal.SIGKILL:
        os.kill(terminal.console, ending)
    else:
        terminal.process.send_signal(ending)
    return terminal.end()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.long)])
def test_however_a_console_ends_its_terminal_is_whole_and_five_engines_run_on(tmp_path: Path, times: int) -> None:
    stage = Stage(tmp_path / "runs")
    runs = [stage.started() for _ in range(5)]
    try:
        for ending in ENDINGS * times:
            terminal = Terminal(tmp_path)
            try:
                terminal.drain_until(lambda terminal=terminal: b"starting" in terminal.output)
                assert end(terminal, ending) == CODES[ending], ending
                assert is_restored(terminal), ending
            finally:
                terminal.close()
            assert all(stage.store.get(run.id).state.is_active for run in runs), ending
    finally:
        for run in runs:
            terminate(stage.store.get(run.id))
    for run in runs:
        wait_until(lambda run=run: not any(map(is_there, pids(run))))
        assert stage.store.get(run.id).state is State.STOPPED
        assert engines(run) == {"1": 1}

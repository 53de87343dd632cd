"""`labtui run … --until decided` when nobody follows it any more."""

from collections.abc import Callable
from pathlib import Path

import pytest

from labtui.cli import until
from labtui.cli.streams import ReaderGone
from tests.support.command_line import Answer
from tests.support.labs import make_lab

CATALOG = """
[defaults]
group = "Digits"
protocol = "standard"
data.name = "digits"
model.name = "cnn"
optimizer.name = "adam"
training.epochs = 3

[experiment.fast]
title = "Fast"
optimizer.lr = 0.003

[experiment.slow]
title = "Slow"
factor = ["optimizer.lr"]
baseline = "fast"
optimizer.lr = 0.0003
"""


def closed_terminal(driver: until.PlanDriver, _changed: object, wait: Callable[[float], bool]) -> None:
    """The plan's terminal is closed at its first pause."""
    import os
    import signal

    os.kill(os.getpid(), signal.SIGHUP)
    assert wait(1.0)


def closed_pipe(*_: object) -> None:
    raise ReaderGone


@pytest.mark.parametrize("leave", [closed_terminal, closed_pipe])
def test_a_plan_whose_terminal_or_pipe_is_closed_continues_in_the_background(
    cli: Callable[..., Answer], here: Path, monkeypatch: pytest.MonkeyPatch, leave: Callable[..., None]
) -> None:
    lab = make_lab(here, CATALOG)
    started: list[str] = []
    monkeypatch.setattr(until, "follow_plan", leave)
    monkeypatch.setattr(until, "start_in_background", lambda _lab, plan, *_: started.append(plan.id))
    answer = cli("run", "slow", "--until", "decided", "--max-seeds", "3")
    assert answer.code == 129, answer
    assert [path.stem for path in (lab.store.root / ".labtui" / "plans").glob("*.json")] == started

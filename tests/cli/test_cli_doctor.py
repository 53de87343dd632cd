"""What stands in the way is found, each with what to do about it."""

import errno
import fcntl
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labtui.api import Lab
from labtui.cli import checkup
from labtui.cli.checkup import Finding, check_disk, check_locks, check_torch
from labtui.cli.options import lab_from
from tests.support.command_line import Answer

Cli = Callable[..., Answer]


@pytest.fixture
def lab(here: Path) -> Lab:
    (here / "runs").mkdir()
    return lab_from(None, None, None)


@pytest.fixture
def stand_ins(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A torch and a torchvision that load at once, before the real ones."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "torch.py").write_text(
        "__version__ = '2.10'\nclass cuda:\n    is_available = staticmethod(lambda: False)\n"
    )
    (folder / "torchvision.py").write_text("__version__ = '0.25'\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def level(findings: "list[Finding]", topic: str) -> list[str]:
    return [finding.level for finding in findings if finding.topic == topic]


@pytest.mark.usefixtures("stand_ins")
def test_all_well_ends_with_0_and_everything_is_looked_at(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "LITTLE_DISK", 0)
    answer = cli("doctor")
    assert answer.code == 0, answer.out
    topics = ("labtui", "packages", "torch", "torchvision", "catalog", "runs", "locks", "device", "data", "queue")
    assert all(f"  {topic} " in answer.out for topic in topics)
    assert "labtui data get cifar10" in answer.out
    assert all(json.loads(line)["level"] != "problem" for line in cli("doctor", "--json").lines)


def test_a_torchvision_that_does_not_load_is_told_with_the_pip_line(cli: Cli, stand_ins: Path) -> None:
    (stand_ins / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    answer = cli("doctor")
    assert answer.code == 3
    assert "operator torchvision::nms does not exist" in answer.out
    assert "pip install --force-reinstall torchvision" in answer.out


def test_a_child_that_never_answers_is_given_up(lab: Lab, stand_ins: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (stand_ins / "torch.py").write_text("import signal\nsignal.pause()\n")
    monkeypatch.setattr(checkup, "CHILD_PATIENCE", 0.5)
    assert level(list(check_torch(lab)), "torch") == ["problem"]


def test_a_disk_without_locks_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert level(list(check_locks(lab)), "locks") == ["problem"]


def test_a_disk_that_lets_two_have_one_lock_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda _descriptor, _operation: None)
    assert level(list(check_locks(lab)), "locks") == ["problem"]


def test_looking_at_locks_leaves_nothing_behind(lab: Lab) -> None:
    assert level(list(check_locks(lab)), "locks") == ["ok"]
    assert list(lab.store.root.iterdir()) == []


def test_little_room_on_the_disk_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "LITTLE_DISK", 1 << 62)
    assert level(list(check_disk(lab)), "runs disk") == ["problem"]


def test_a_catalog_with_faults_is_a_problem(cli: Cli, here: Path, stand_ins: Path) -> None:
    (here / "experiments.toml").write_text("[experiment.x]\nnonsense = 1\n")
    answer = cli("doctor")
    assert answer.code == 3
    assert "labtui config validate" in answer.out

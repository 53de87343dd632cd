"""Problems of the installation and the environment are found, each with advice."""

import errno
import fcntl
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from labtui.api import Lab
from labtui.cli import doctor
from labtui.cli.doctor import CheckResult, check_disk, check_locks, check_torch
from labtui.cli.options import lab_from
from tests.support.command_line import Answer

Cli = Callable[..., Answer]


@pytest.fixture
def lab(here: Path) -> Lab:
    (here / "runs").mkdir()
    return lab_from(None, None, None)


@pytest.fixture
def fake_packages(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A torch and a torchvision that import at once, found before the real ones."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "torch.py").write_text(
        "__version__ = '2.10'\nclass cuda:\n    is_available = staticmethod(lambda: False)\n"
    )
    (folder / "torchvision.py").write_text("__version__ = '0.25'\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def levels(results: Iterable[CheckResult], topic: str) -> list[str]:
    return [result.level for result in results if result.topic == topic]


@pytest.mark.usefixtures("fake_packages")
def test_without_problems_it_exits_with_0_and_reports_every_check(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LOW_DISK", 0)
    answer = cli("doctor")
    assert answer.code == 0, answer.out
    topics = ("labtui", "packages", "torch", "torchvision", "catalog", "runs", "locks", "device", "data", "queue")
    assert all(f"  {topic} " in answer.out for topic in topics)
    assert "labtui data get cifar10" in answer.out
    assert all(json.loads(line)["level"] != "problem" for line in cli("doctor", "--json").lines)


def test_a_broken_torchvision_is_reported_with_the_pip_command(cli: Cli, fake_packages: Path) -> None:
    (fake_packages / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    answer = cli("doctor")
    assert answer.code == 3
    assert "operator torchvision::nms does not exist" in answer.out
    assert "pip install --force-reinstall torchvision" in answer.out


def test_a_child_that_hangs_is_a_problem(lab: Lab, fake_packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (fake_packages / "torch.py").write_text("import signal\nsignal.pause()\n")
    monkeypatch.setattr(doctor, "CHILD_PATIENCE", 0.5)
    assert levels(check_torch(lab), "torch") == ["problem"]


def test_a_disk_without_locks_is_reported(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert levels(check_locks(lab), "locks") == ["problem"]


def test_a_disk_that_grants_one_lock_twice_is_reported(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda _descriptor, _operation: None)
    assert levels(check_locks(lab), "locks") == ["problem"]


def test_the_check_of_locks_leaves_no_files(lab: Lab) -> None:
    assert levels(check_locks(lab), "locks") == ["ok"]
    assert list(lab.store.root.iterdir()) == []


def test_low_disk_space_is_reported(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LOW_DISK", 1 << 62)
    assert levels(check_disk(lab), "runs disk") == ["problem"]


def test_a_catalog_with_problems_is_a_problem(cli: Cli, here: Path, fake_packages: Path) -> None:
    (here / "experiments.toml").write_text("[experiment.x]\nnonsense = 1\n")
    answer = cli("doctor")
    assert answer.code == 3
    assert "labtui config validate" in answer.out

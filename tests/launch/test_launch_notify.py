"""Who is told when a run has ended: only by the user's own settings, whatever a runs folder says."""

import os
import sys
from pathlib import Path

import pytest

from labtui.errors import UsageError
from labtui.launch.notify import end_of, notify
from labtui.store.files import write_json
from labtui.store.notify_settings import NotifySettings, notify_path, read_notify_settings
from labtui.store.paths import RunPaths
from tests.support.launch.stage import Stage, wait_until
from tests.support.samples import make_launch, make_result, make_spec, write_run

WRITE = "import os, pathlib, sys; path = pathlib.Path(sys.argv[1]); path.with_suffix('.tmp').write_text("
WRITE += "sys.argv[2] + '|' + os.environ['LABTUI_NOTIFY_STATE']); path.with_suffix('.tmp').rename(path)"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of an own notify.toml, whose command writes its text and the state to a file `told`."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    path = notify_path()
    path.parent.mkdir(parents=True)
    path.write_text(f"command = {[sys.executable, '-I', '-c', WRITE, str(tmp_path / 'told')]!r}\n")
    return path


def ended(root: Path, name: str = "s0-x", outcome: str = "finished", reason: str = "") -> RunPaths:
    folder = root / "Cifar" / "Dropout" / name
    return write_run(folder, spec=make_spec(), result=make_result(outcome=outcome, reason=reason), attempt=1)


def test_the_supervisor_executes_the_users_command_as_its_last_act(
    stage: Stage, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.started("work")
    run.paths.attempt(1).stop_request.touch()
    stage.ended(run)
    assert not (tmp_path / "told").exists(), "a run that was stopped on request tells nobody"
    config.write_text(config.read_text() + 'states = ["stopped"]\n')
    run = stage.started("work")
    run.paths.attempt(1).stop_request.touch()
    wait_until((tmp_path / "told").exists)
    text, state = (tmp_path / "told").read_text().split("|")
    assert (text.startswith(f"{run.display_title} seed 0: stopped"), state) == (True, "stopped"), text


def test_a_run_folder_decides_nothing_about_what_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "empty"))
    paths = ended(tmp_path / "runs")
    for folder in (paths.folder, tmp_path / "runs", tmp_path):
        (folder / "notify.toml").write_text(f'command = ["touch", "{tmp_path / "executed"}"]')
    monkeypatch.chdir(paths.folder)
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("it was executed"))
    notify(RunPaths(Path()), 1)


def test_the_text_is_one_argument_without_control_characters_whatever_a_reason_contains(tmp_path: Path) -> None:
    paths = ended(tmp_path / "runs", outcome="failed", reason="$(reboot); `x`\x1b[2J\n\u202e")
    end = end_of(paths, 1)
    assert (end.outcome, end.text.isprintable()) == ("failed", True)
    assert end.text.startswith("Dropout seed 0: failed ($(reboot); `x`")
    assert end_of(paths, 2).outcome == "failed", "an attempt without a result of its own has failed"


def test_with_last_only_the_run_after_which_nothing_waits_or_trains_tells(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(config.read_text() + 'when = "last"\n')
    told: list[str] = []
    monkeypatch.setattr("subprocess.Popen", lambda command, **_: told.append(command[-1]))
    paths = ended(tmp_path / "runs")
    other = write_run(tmp_path / "runs" / "Cifar" / "Dropout" / "s1-x", spec=make_spec(seed=1), launch=make_launch())
    notify(paths, 1)
    assert told == [], "another run trains"
    write_json(other.result, make_result())
    notify(paths, 1)
    assert told == ["Dropout seed 0: finished"]


@pytest.mark.parametrize("content", ["command = 1", "commnd = []", 'terminal = ["horn"]', "[", 'command = [""]'])
def test_a_damaged_file_is_named_and_not_used(config: Path, content: str, tmp_path: Path, capsys) -> None:
    config.write_text(content)
    with pytest.raises(UsageError, match=r"notify\.toml is not used"):
        read_notify_settings()
    notify(ended(tmp_path / "runs"), 1)
    assert "[labtui] nobody was notified" in capsys.readouterr().err


def test_a_file_that_others_can_write_is_not_used(config: Path) -> None:
    config.chmod(0o666)
    with pytest.raises(UsageError, match="others can write it"):
        read_notify_settings()
    config.chmod(0o644)
    assert read_notify_settings().command[0] == sys.executable
    config.unlink()
    assert read_notify_settings() == NotifySettings()
    assert os.environ["XDG_CONFIG_HOME"] in str(notify_path())

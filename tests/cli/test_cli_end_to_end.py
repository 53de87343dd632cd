"""One epoch on the embedded digits, with real processes and the real engine."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Answer
from tests.support.processes import environment, labtui_command

Cli = Callable[..., Answer]

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer]:
    """`labtui --headless run dropout --epochs 1` in an empty folder without a network, and its output."""
    folder = tmp_path_factory.mktemp("first")
    state = {name: str(folder / name.lower()) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    done = subprocess.run(
        labtui_command("--headless", "run", "dropout", "--epochs", "1"),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**environment(), **state, "LABTUI_DATA": "/dev/null/data"},
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    return folder, Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def at(ran: tuple[Path, Answer], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the run, as the current folder."""
    monkeypatch.chdir(ran[0])
    monkeypatch.setenv("LABTUI_DATA", "/dev/null/data")
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    monkeypatch.delenv("LABTUI_CATALOG", raising=False)
    return ran[0]


@pytest.fixture
def ask(at: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """A command line in this process, beside the run."""
    from labtui.cli.exits import main

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(arguments)
        return Answer(code, *capsys.readouterr())

    return run


def test_the_first_command_succeeds_with_the_table_on_stdout(ran: tuple[Path, Answer]) -> None:
    _, answer = ran
    assert answer.code == 0, answer.err
    assert "Dropout [epochs=1]" in answer.out
    assert "test/accuracy" in answer.out


def test_the_fallback_is_one_line(ran: tuple[Path, Answer]) -> None:
    (line,) = [line for line in ran[1].err.splitlines() if "CIFAR-10 is not available" in line]
    assert "runs/Digits" in line
    assert "not comparable" in line


def test_off_a_terminal_there_is_a_line_per_epoch_and_no_control_character(ran: tuple[Path, Answer]) -> None:
    _, answer = ran
    assert [line for line in answer.err.splitlines() if "epoch 1/1" in line and "Test accuracy" in line]
    assert not CONTROL.search(answer.out + answer.err)


def test_the_run_folder_is_named_as_documented(ran: tuple[Path, Answer]) -> None:
    (folder,) = (ran[0] / "runs" / "Digits" / "Dropout").iterdir()
    assert re.fullmatch(r"s0-\d{8}-\d{6}", folder.name)
    assert {"spec.json", "result.json", "predictions.npz", "attempts"} <= {path.name for path in folder.iterdir()}


def test_published_figures_are_hidden_on_other_images(ran: tuple[Path, Answer]) -> None:
    assert "61.04" not in ran[1].out


def test_every_view_of_the_run_shows_the_same_result(ask: Cli) -> None:
    (listed,) = [json.loads(line) for line in ask("ps", "--json").lines]
    compared = json.loads(ask("compare", "--json", "dropout").out)
    (row,) = [row for row in compared["rows"] if row["n"]]
    logged = ask("logs", "last").out
    assert listed["state"] == "finished"
    assert row["title"] == "Dropout [epochs=1]"
    assert f"{row['mean']:.2f} %" in logged


def test_the_last_lines_of_a_log_are_those_of_the_whole_log(ask: Cli) -> None:
    whole = ask("logs", "last").lines
    assert ask("logs", "last", "-n", "1").lines == whole[-1:]
    assert ask("logs", "last", "-f").lines == whole
    assert ask("logs", "last", "--attempt", "2").code == 2


@pytest.mark.parametrize("form", ["--csv", "--md", "--tex"])
def test_the_table_comes_in_other_forms(ask: Cli, form: str) -> None:
    answer = ask("compare", form)
    assert (answer.code, "Dropout" in answer.out) == (0, True)


def test_an_assertion_that_does_not_hold_exits_with_4(ask: Cli) -> None:
    answer = ask("compare", "--assert", "dropout > network")
    assert (answer.code, answer.out) == (4, "")
    assert "network" in answer.err


def test_a_plan_shows_finished_runs_and_the_estimated_time(ask: Cli) -> None:
    answer = ask("run", "dropout", "--epochs", "1", "--dataset", "digits", "--dry-run", "--json")
    (planned,) = [json.loads(line) for line in answer.lines]
    assert planned["run_name"] == "Digits/Dropout"
    assert planned["images"] == 1_437
    assert planned["finished"].startswith("Digits/Dropout/s0-")
    assert planned["estimate"] > 0
    assert "has already finished" in answer.err


def test_verify_finds_the_first_epoch_bit_exact(ask: Cli) -> None:
    answer = ask("verify", "last", "--json")
    verified = json.loads(answer.out)
    assert (answer.code, verified["grade"], verified["unequal"]) == (0, "bit-exact", 0), answer.err
    assert verified["points"] >= 4


def test_a_finished_run_is_not_resumed_and_not_removed_without_confirmation(ask: Cli, at: Path) -> None:
    assert ask("resume", "last").code == 2
    answer = ask("rm", "last")
    assert (answer.code, "--yes" in answer.err) == (2, True)
    assert ask("stop", "last").code == 0
    assert list((at / "runs" / "Digits" / "Dropout").iterdir())

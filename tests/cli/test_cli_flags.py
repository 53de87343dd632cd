"""Invalid command lines: each gets its exit code and a message that says what to do."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Answer
from tests.support.processes import environment, labtui_command

Cli = Callable[..., Answer]

INVALID = [
    ("", 2, "labtui --headless run NAME"),
    ("--headless", 2, "needs a command"),
    ("rnu", 2, "Did you mean run"),
    ("nonsense", 2, "labtui --help"),
    ("--dry-run devices", 2, "`labtui devices` has no --dry-run"),
    ("--quiet ls", 2, "has no --quiet"),
    ("run", 2, "Name at least one experiment"),
    ("run dropout --all", 2, "leave out the names"),
    ("run dropot", 2, "Did you mean dropout"),
    ("run Dropout", 2, "dropout"),
    ("run adam@0.1", 2, "adam@0.01"),
    ("run dropout@1", 2, "no variants"),
    ("run dropout --epochs 0", 2, "--epochs"),
    ("run dropout --epochs ten", 2, "--epochs"),
    ("run dropout --seed -1", 2, "--seed"),
    ("run dropout --seeds many", 2, "0-4"),
    ("run dropout --seeds 0", 2, "0-0"),
    ("run dropout --seeds 4-0", 2, "0-4"),
    ("run dropout --seeds 2 --seed 1", 2, "not both"),
    ("run dropout --set optimizer", 2, "key=value"),
    ("run dropout --set optimizer.learning_rate=1", 2, "optimizer.lr"),
    ("run dropout --set optimizer.lr=fast", 2, "optimizer.lr"),
    ("run dropout --set optimizer.lr=nan", 2, "optimizer.lr"),
    ("run dropout --set model.dropout=[0.5,1.5]", 2, "model.dropout"),
    ("run dropout --dataset cifar", 2, "Did you mean cifar10"),
    ("run dropout --dataset cifar10", 3, "--data DIR"),
    ("run dropout --device tpu", 2, "auto, cpu, cuda"),
    ("run dropout --device cuda:99", 3, "labtui devices"),
    ("run dropout -j 0", 2, "auto"),
    ("run dropout -j several", 2, "auto"),
    ("show dropot", 2, "Did you mean dropout"),
    ("logs last", 2, "labtui run NAME"),
    ("stop", 2, "labtui ps"),
    ("rm", 2, "RUN"),
    ("resume last", 2, "no runs"),
    ("verify last", 2, "no runs"),
    ("compare dropot", 2, "Did you mean dropout"),
    ("compare --json --csv", 2, "not both"),
    ("compare --assert dropout", 2, "dropout > network"),
    ("queue rm", 2, "labtui queue ls"),
    ("queue rm x", 2, "labtui queue ls"),
    ("data get imagenet", 2, "fashion-mnist"),
    ("data stats digit", 2, "Did you mean digits"),
    ("tb", 2, "labtui run NAME"),
    ("--catalog nowhere.toml ls", 2, "nowhere.toml"),
    ("config validate nowhere.toml", 2, "nowhere.toml"),
    ("completion tcsh", 2, "bash"),
]


@pytest.mark.parametrize(("line", "code", "message"), INVALID, ids=[line or "labtui" for line, _, _ in INVALID])
def test_an_invalid_line_is_answered_on_stderr_only(cli: Cli, line: str, code: int, message: str) -> None:
    answer = cli(*line.split())
    assert answer.code == code
    assert message in answer.err
    assert answer.out == ""
    assert "Traceback" not in answer.err


def test_a_dumb_terminal_gets_the_headless_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    answer = cli()
    assert (answer.code, "labtui --headless run NAME" in answer.err) == (2, True)


def test_an_internal_error_is_a_sentence_and_a_file(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from labtui.store.store import Store

    def fail(_: Store) -> None:
        raise ZeroDivisionError("by \x1b[31mnothing")

    monkeypatch.setattr(Store, "scan", fail)
    answer = cli("ps")
    assert answer.code == 1
    assert "internal error: ZeroDivisionError" in answer.err
    assert "last-traceback.txt" in answer.err
    assert "\x1b" not in answer.err


def test_typed_text_is_quoted_without_escape_codes(cli: Cli) -> None:
    for line in (["run", "--\x1b[2J"], ["\x1b[2J"], ["run", "dropout", "--epochs", "\x1b[2J"], ["logs", "\x1b[2J"]):
        answer = cli(*line)
        assert (answer.code, "\x1b" in answer.err) == (2, False)


def test_a_closed_pipe_is_not_an_error(here: Path) -> None:
    line = f"{shlex.join(labtui_command('--dry-run', '--json'))} | true"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


def test_a_file_system_error_exits_with_3(cli: Cli) -> None:
    answer = cli("init", "/dev/null/experiments.toml")
    assert answer.code == 3
    assert "/dev/null" in answer.err

"""Forty hostile strings in six places, through every command that shows runs."""

from collections.abc import Callable
from pathlib import Path

from tests.support.command_line import Answer
from tests.support.hostile import FORBIDDEN, HOSTILE, plant

Cli = Callable[..., Answer]


def shown(answer: Answer) -> str:
    assert "Traceback" not in answer.err
    return answer.out + answer.err


def test_no_hostile_string_reaches_the_terminal(cli: Cli, here: Path) -> None:
    names = plant(here, HOSTILE)
    output = {
        command: shown(cli(*command.split()))
        for command in ("ls", "ps --all", "ps --all --json", "compare", "queue ls", "config validate", "ls --json")
    }
    for number, name in enumerate(names):
        output[f"logs {name}"] = shown(cli("logs", name))
        output[f"show run{number}"] = shown(cli("show", f"run{number}"))
        output[f"show bad{number}"] = shown(cli("show", f"bad{number}"))
        output[f"resume {name} {HOSTILE[number]}"] = shown(cli("resume", f"{name} {HOSTILE[number]}"))
    for command, text in output.items():
        found = FORBIDDEN.search(text)
        assert not found, (command, text[max(0, found.start() - 40) : found.end() + 40])
    assert output["ps --all"].count("error ") == len(HOSTILE), "all of them were shown"
    assert all(output[f"logs {name}"].count("log ") >= 3 for name in names)
    assert all("value " in output[f"show run{number}"] for number in range(len(names)))

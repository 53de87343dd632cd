"""K14: 40 hostile strings in six places, through every command that shows runs."""

from collections.abc import Callable
from pathlib import Path

from tests.support.command_line import Answer
from tests.support.hostile import FORBIDDEN, HOSTILE, plant

Cli = Callable[..., Answer]


def shown(answer: Answer) -> str:
    assert "Traceback" not in answer.err
    return answer.out + answer.err


def test_nothing_hostile_in_six_places_reaches_a_terminal_through_a_command(cli: Cli, here: Path) -> None:
    names = plant(here, HOSTILE)
    said = {
        command: shown(cli(*command.split()))
        for command in ("ls", "ps --all", "ps --all --json", "compare", "queue ls", "config validate", "ls --json")
    }
    for number, name in enumerate(names):
        said[f"logs {name}"] = shown(cli("logs", name))
        said[f"show run{number}"] = shown(cli("show", f"run{number}"))
        said[f"show bad{number}"] = shown(cli("show", f"bad{number}"))
        said[f"resume {name} {HOSTILE[number]}"] = shown(cli("resume", f"{name} {HOSTILE[number]}"))
    for command, text in said.items():
        found = FORBIDDEN.search(text)
        assert not found, (command, text[max(0, found.start() - 40) : found.end() + 40])
    assert said["ps --all"].count("error ") == len(HOSTILE), "all of them were shown"
    assert all(said[f"logs {name}"].count("log ") >= 3 for name in names)
    assert all("value " in said[f"show run{number}"] for number in range(len(names)))

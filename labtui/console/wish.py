"""What somebody wants to have run: the answer of the launch dialog, and what it begins with. Pure."""

import shlex
from dataclasses import dataclass

from labtui.spec import RunSpec


@dataclass(frozen=True, slots=True)
class Wish:
    """Experiments with seeds and changes, and where they are to run."""

    names: tuple[str, ...] = ()
    seeds: str = ""
    """As typed: `3`, `0-4`, `0,7`; empty means the catalog's own."""
    changes: tuple[str, ...] = ()
    """`key=value`."""
    device: str = "auto"
    at_once: int = 1
    """Runs that share the device."""


def wish_of_command(command: str) -> Wish | None:
    """What a `labtui run …` line of ours asks for; None for another command."""
    words = shlex.split(command)
    if words[:2] != ["labtui", "run"]:
        return None
    names: list[str] = []
    options: dict[str, list[str]] = {"--seeds": [], "--set": [], "--epochs": []}
    rest = iter(words[2:])
    for word in rest:
        if word in options:
            options[word].append(next(rest, ""))
        elif word.startswith("-"):
            return None
        else:
            names.append(word)
    changes = (*options["--set"], *(f"epochs={count}" for count in options["--epochs"]))
    return Wish(tuple(names), next(iter(options["--seeds"]), ""), changes)


def wish_of_run(spec: RunSpec, changes: tuple[str, ...]) -> Wish:
    """The same run again, to be changed before it starts."""
    return Wish((spec.name,), str_of_seed(spec.seed), changes)


def str_of_seed(seed: int) -> str:
    """One seed as the seeds field reads it: a bare number there is a count."""
    return f"{seed},"

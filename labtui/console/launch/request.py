"""What somebody wants to have run: the answer of the launch dialog, and what it begins with. Pure."""

import shlex
from dataclasses import dataclass
from typing import Any

import msgspec

from labtui.catalog import fields
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


_KEYS = {"--epochs": "training.epochs", "--dataset": "data.name"}
"""Options of the command line that stand for a key."""


def wishes_of(commands: str) -> tuple[Wish, ...]:
    """What `labtui run … && labtui run …` asks for, in our own proposals; nothing for anything else."""
    words = shlex.split(commands)
    ends = [index for index, word in enumerate(words) if word == "&&"]
    parts = [words[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(words)], strict=True)]
    found = [_wish(part[2:]) for part in parts if part[:2] == ["labtui", "run"]]
    return tuple(wish for wish in found if wish) if len(found) == len(parts) and all(found) else ()


def _wish(words: list[str]) -> Wish | None:
    names: list[str] = []
    changes: list[str] = []
    seeds = ""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            names.append(word)
        elif word == "--set":
            changes.append(next(rest, ""))
        elif word in _KEYS:
            changes.append(f"{_KEYS[word]}={next(rest, '')}")
        elif word in ("--seed", "--seeds"):
            seeds = next(rest, "") + ("," if word == "--seed" else "")
        else:
            return None
    return Wish(tuple(names), seeds, tuple(changes))


def wish_of_run(spec: RunSpec) -> Wish:
    """The same run again, to be changed before it starts: its seed, and what was changed by hand."""
    texts = {field.key: field.text for field in fields(spec)}
    changes = tuple(f"{key}={texts.get(key) or _plain(value)}" for key, value in spec.overrides.items())
    return Wish((spec.name,), f"{spec.seed},", changes)


def _plain(value: Any) -> str:
    """A whole table, which is no field of the dialog."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

"""Commands to copy: what the next step looks like on a command line."""

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from labtui.text.numbers import seed_ranges

if TYPE_CHECKING:
    from labtui.compare.cells import Cell
    from labtui.spec import RunSpec

_NO_SETTINGS: Mapping[str, Any] = {}


def run_command(cells: "Sequence[Cell]", seeds: tuple[int, ...], settings: Mapping[str, Any] = _NO_SETTINGS) -> str:
    """`labtui run dropout adam@0.001 --seeds 0-2`; cells with other settings get commands of their own.

    `settings` are set on top of the cells' own overrides.
    """
    groups: dict[tuple[str, ...], dict[str, None]] = {}
    for cell in cells:
        groups.setdefault(_options(cell.spec, settings), {})[cell.name] = None
    commands = [" ".join(("labtui run", *names, *options, seeds_option(seeds))) for options, names in groups.items()]
    return " && ".join(commands)


def seeds_option(seeds: tuple[int, ...]) -> str:
    """Seeds as one types them: `--seed 4`, `--seeds 0-2`. (`--seeds 4` would mean four seeds.)"""
    return f"--seed {seeds[0]}" if len(seeds) == 1 else f"--seeds {seed_ranges(seeds)}"


def _options(spec: "RunSpec", settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What sets a spec apart from its experiment's definition."""
    options = tuple(_option(key, value) for key, value in {**spec.overrides, **settings}.items())
    return (*options, f"--dataset {shlex.quote(spec.data.name)}") if spec.fallback_from else options


def _option(key: str, value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else value if isinstance(value, str) else _json(value)
    flags = {"training.epochs": f"--epochs {text}", "data.name": f"--dataset {shlex.quote(text)}"}
    return flags.get(key) or f"--set {shlex.quote(f'{key}={text}')}"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()

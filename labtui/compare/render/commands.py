"""Proposed runs as commands to copy."""

import shlex
from typing import TYPE_CHECKING, Any

import msgspec

from labtui.text.numbers import seed_ranges

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labtui.compare.model import Remedy, RunRequest

_OPTIONS = {"training.epochs": "--epochs", "data.name": "--dataset"}
"""Keys that have an option of their own."""


def remedy_text(remedy: "Remedy | None") -> str:
    """What to do about a finding: `matched baseline: labtui run …`, or advice without a command; empty without one."""
    if remedy is None:
        return ""
    return f"{remedy.text}: {run_command(remedy.runs)}" if remedy.runs else remedy.text


def run_command(requests: "Iterable[RunRequest]") -> str:
    """The command of these requests: `labtui run dropout adam@0.001 --seeds 0-2`; several are joined by `&&`."""
    return " && ".join(
        " ".join(("labtui run", *map(shlex.quote, request.names), *_options(request), _seeds(request)))
        for request in requests
    )


def joined_plans(requests: "Iterable[RunRequest]") -> "tuple[RunRequest, ...]":
    """The plans among these requests, those with one baseline and equal overrides as a single plan: its rows share the
    chance of a false claim.
    """
    plans: dict[str, RunRequest] = {}
    for request in requests:
        if request.until:
            key = repr((request.baseline, request.overrides))
            names = (*(plans[key].names if key in plans else ()), *request.names)
            plans[key] = msgspec.structs.replace(request, names=tuple(dict.fromkeys(names)))
    return tuple(plans.values())


def _seeds(request: "RunRequest") -> str:
    if not request.until:
        return seeds_option(request.seeds)
    baseline = f"--baseline {shlex.quote(request.baseline)} " if request.baseline else ""
    return f"{baseline}--until decided"


def seeds_option(seeds: tuple[int, ...]) -> str:
    """Seeds as an option: `--seed 4`, `--seeds 0-2`. (`--seeds 4` would mean four seeds.)"""
    return f"--seed {seeds[0]}" if len(seeds) == 1 else f"--seeds {seed_ranges(seeds)}"


def override_text(value: Any) -> str:
    """The value of an override as `--set` takes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return msgspec.json.encode(value).decode()


def _options(request: "RunRequest") -> list[str]:
    options = []
    for key, value in request.overrides.items():
        text = override_text(value)
        options.append(
            f"{_OPTIONS[key]} {shlex.quote(text)}" if key in _OPTIONS else f"--set {shlex.quote(f'{key}={text}')}"
        )
    return options

"""Inheritance: [defaults], the entries named by `extends`, and the entry itself, one over the other.

Tables merge key by key, anything else replaces what it covers. A registry's table (`model`, `optimizer`, `scheduler`)
is replaced as a whole where its `name` changes: Adam's betas mean nothing to SGD.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labtui.catalog.schema_types import REGISTRIES
from labtui.catalog.words import KeyPath

_DEEPEST = 8
"""Levels of tables that are merged; no key of a catalog lies deeper."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A table as it is written, and where it is written."""

    table: Mapping[str, Any]
    at: KeyPath
    one_value: bool = False
    """The table is a single value of a grid, written at `at` itself."""


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """The layers laid one over the other, the lowest first."""
    result: dict[str, Any] = {}
    for layer in layers:
        result = laid(result, layer.table)
    return result


def laid(under: Mapping[str, Any], over: Mapping[str, Any], level: int = 0) -> dict[str, Any]:
    """One table over another, as a new one."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        if not isinstance(value, dict) or not isinstance(below, dict) or level == _DEEPEST:
            result[key] = value
        else:
            replaced = level == 0 and key in REGISTRIES and _renamed(below, value)
            result[key] = value if replaced else laid(below, value, level + 1)
    return result


def written_at(layers: Sequence[Layer], at: KeyPath) -> KeyPath:
    """Where the merged table's key is written: in the highest layer that has it, or has the table that lacks it."""
    for length in range(len(at), 0, -1):
        level = level_of(layers, at[:length])
        if level >= 0:
            layer = layers[level]
            return layer.at if layer.one_value else (*layer.at, *at)
    return (*layers[-1].at, *at)


def level_of(layers: Sequence[Layer], at: KeyPath) -> int:
    """The place of the highest layer that has a key; -1 where none has it."""
    return max((level for level, layer in enumerate(layers) if _holds(layer.table, at)), default=-1)


def nested(key: str, value: Any) -> dict[str, Any]:
    """A dotted key with its value as nested tables."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


def _renamed(below: Mapping[str, Any], over: Mapping[str, Any]) -> bool:
    return "name" in over and "name" in below and over["name"] != below["name"]


def _holds(value: Any, at: KeyPath) -> bool:
    for part in at:
        if isinstance(part, int):
            if not isinstance(value, list) or part >= len(value):
                return False
        elif not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True

"""Inheritance: an entry overrides the entries that it extends, and these override [defaults].

Tables are merged key by key, anything else replaces the inherited value. A registry's table (`model`, `optimizer`,
`scheduler`) is replaced as a whole where its `name` changes: Adam's betas mean nothing to SGD.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labtui.catalog.problems import KeyProblem
from labtui.catalog.schema_types import INHERITED_KEYS, NONE, REGISTRIES
from labtui.catalog.words import KeyPath, did_you_mean, kind_of, shown, shown_all

_DEEPEST = 8
"""Levels of tables that are merged; no key of a catalog is deeper."""

_LONGEST_CHAIN = 16


@dataclass(frozen=True, slots=True)
class Layer:
    """A table as it is written, and where it is written."""

    table: Mapping[str, Any]
    at: KeyPath
    one_value: bool = False
    """The table is a single value of a grid, written at `at` itself."""


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """The layers merged into one table, the lowest first."""
    result: dict[str, Any] = {}
    for layer in layers:
        result = overlaid(result, layer.table)
    return result


def overlaid(under: Mapping[str, Any], over: Mapping[str, Any], level: int = 0) -> dict[str, Any]:
    """A new table: `under`, with what `over` adds or replaces."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        if not isinstance(value, dict) or not isinstance(below, dict) or level == _DEEPEST:
            result[key] = value
        else:
            replaced = level == 0 and key in REGISTRIES and _renamed(below, value)
            result[key] = value if replaced else overlaid(below, value, level + 1)
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
    """The index of the highest layer that has a key; -1 where none has it."""
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


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a file from which entries are built."""

    defaults: Mapping[str, Any]
    entries: Mapping[str, Any]
    lost: Mapping[str, int | None]
    """The entries with a syntax error, each with its line."""

    def inheritance(self, name: str) -> tuple[list[Layer], list[KeyProblem]]:
        """The layers of an entry, [defaults] at the bottom, and where its chain of `extends` breaks."""
        names, problems = self._chain(name)
        layers = [Layer(self.defaults, ("defaults",))]
        for entry in reversed(names):
            inheritable = {key: value for key, value in self.entries[entry].items() if key in INHERITED_KEYS}
            layers.append(Layer(inheritable, ("experiment", entry)))
        return layers, problems

    def _chain(self, name: str) -> tuple[list[str], list[KeyProblem]]:
        """The entry, the one that it extends, the one that that one extends, and so on."""
        names = [name]
        while True:
            parent = self.entries[names[-1]].get("extends", NONE)
            if parent == NONE or not isinstance(parent, str):
                return names, []
            if parent in names:
                circle = " -> ".join(shown(one) for one in [*names[names.index(parent) :], parent][:8])
                message = f"circular inheritance: {circle}. Remove one of them."
                return names, [KeyProblem(("experiment", parent, "extends"), message)]
            if message := self._broken_link(names, parent):
                return names, [KeyProblem(("experiment", names[-1], "extends"), message)]
            names.append(parent)

    def _broken_link(self, names: Sequence[str], parent: str) -> str:
        if parent in self.lost:
            where = f" (line {self.lost[parent]})" if self.lost[parent] else ""
            return f"{shown(parent)} has a syntax error{where}: fix that first."
        if parent not in self.entries:
            others = [one for one in self.entries if one not in names]
            hint = did_you_mean(parent, others)
            return f"there is no entry {shown(parent)}.{hint} Entries: {shown_all(others[:20])}."
        if not isinstance(self.entries[parent], dict):
            what = f"{shown(parent)} is {kind_of(self.entries[parent])}, not an entry"
            return f"{what}: an entry is a table, with a header such as [experiment.my_dropout]."
        return f"this is a chain of more than {_LONGEST_CHAIN} entries." if len(names) == _LONGEST_CHAIN else ""

"""From whom an entry inherits: itself, the entry that it extends, the one that that one extends, and so on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labtui.catalog.extends import Layer
from labtui.catalog.schema_types import INHERITED_KEYS
from labtui.catalog.type_checks import NONE
from labtui.catalog.words import Problem, did_you_mean, kind_of, listed, shown

_LONGEST = 16
_HEADER = "an entry is a table, with a header such as [experiment.my_dropout]."


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a file from which entries are laid together."""

    defaults: Mapping[str, Any]
    entries: Mapping[str, Any]
    lost: Mapping[str, int | None]
    """The entries that a fault of syntax cost, each with its line."""

    def inheritance(self, name: str) -> tuple[list[Layer], list[Problem]]:
        """What an entry is laid together from, [defaults] at the bottom, and where the chain of `extends` breaks."""
        names, problems = self._chain(name)
        found = [Layer(self.defaults, ("defaults",))]
        for one in reversed(names):
            inheritable = {key: value for key, value in self.entries[one].items() if key in INHERITED_KEYS}
            found.append(Layer(inheritable, ("experiment", one)))
        return found, problems

    def _chain(self, name: str) -> tuple[list[str], list[Problem]]:
        names = [name]
        while True:
            parent = self.entries[names[-1]].get("extends", NONE)
            if parent == NONE or not isinstance(parent, str):
                return names, []
            if parent in names:
                circle = " -> ".join(shown(one) for one in [*names[names.index(parent) :], parent][:8])
                message = f"extending goes in a circle: {circle}. Take one of them out."
                return names, [Problem(("experiment", parent, "extends"), message)]
            broken = _broken_link(names, parent, self.entries, self.lost)
            if broken is not None:
                return names, [Problem(("experiment", names[-1], "extends"), broken)]
            names.append(parent)


def _broken_link(
    names: list[str], parent: str, entries: Mapping[str, Any], lost: Mapping[str, int | None]
) -> str | None:
    if parent in lost:
        where = f" (line {lost[parent]})" if lost[parent] else ""
        return f"{shown(parent)} has a fault of syntax{where}: mend that first."
    if parent not in entries:
        others = [one for one in entries if one not in names]
        there_are = listed((shown(one) for one in others[:20]), "and")
        return f"there is no entry {shown(parent)}.{did_you_mean(parent, others)} There are: {there_are}."
    if not isinstance(entries[parent], dict):
        return f"{shown(parent)} is {kind_of(entries[parent])}, not an entry: {_HEADER}"
    if len(names) == _LONGEST:
        return f"this is a chain of more than {_LONGEST} entries."
    return None

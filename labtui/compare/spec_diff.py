"""Recipes side by side: what differs between two, and what of it an experiment declares."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from labtui.spec import RunSpec, flatten, recipe
from labtui.text.words import value_text

_ABSENT = object()


class Change(Struct, frozen=True, kw_only=True):
    """One key in which two recipes differ."""

    key: str
    here: Any
    there: Any

    def told(self, there_title: str) -> str:
        """`data.train_fraction: 0.5 in Network, 1 here`."""
        return f"{self.key}: {self.sides(there_title)}"

    def sides(self, there_title: str) -> str:
        """`0.5 in Network, 1 here`."""
        return f"{value_text(self.there)} in {there_title}, {value_text(self.here)} here"


def flat_recipe(spec: RunSpec) -> dict[str, Any]:
    """The recipe as one flat dict of dotted keys."""
    return flatten(recipe(spec))


def covers(factor: tuple[str, ...], key: str) -> bool:
    """Whether a factor names this key, a part above it, or something inside it."""
    return any(key == part or key.startswith(f"{part}.") or part.startswith(f"{key}.") for part in factor)


def changes(here: RunSpec, there: RunSpec) -> tuple[Change, ...]:
    """Where two recipes differ.

    A part that one side lacks altogether is one change, not one per key; when a name differs (Adam, SGD), the arguments
    that only one of the two has go without saying.
    """
    left, right = recipe(here), recipe(there)
    return tuple(_changes("", left, right))


def undeclared(here: RunSpec, there: RunSpec, factor: tuple[str, ...]) -> tuple[Change, ...]:
    """What differs beyond the factor.

    Without a declared factor, what differs is taken for the factor where it lies in one part of the recipe (model,
    optimizer, …), and for a confound where it lies in several.
    """
    found = changes(here, there)
    if factor:
        return tuple(change for change in found if not covers(factor, change.key))
    return found if len({change.key.partition(".")[0] for change in found}) > 1 else ()


def matched_recipe(here: Mapping[str, Any], there: Mapping[str, Any], factor: tuple[str, ...]) -> dict[str, Any]:
    """The flat recipe that differs from `here` in the factor alone, where it is as `there` has it.

    A part that one side lacks altogether (no penalty) belongs to the factor as a whole.
    """
    lacking = {key for side in (here, there) for key, value in side.items() if value is None}
    parts = {*factor, *(key for key in lacking if any(part.startswith(f"{key}.") for part in factor))}
    own = {key: value for key, value in here.items() if not _within(parts, key)}
    return own | {key: value for key, value in there.items() if _within(parts, key)}


def draws_alike(here: RunSpec, there: RunSpec) -> bool:
    """Whether one seed means the same data order and the same initial weights in both."""
    return _draws(here) == _draws(there)


def _draws(spec: RunSpec) -> tuple[object, ...]:
    appends = spec.data.augment is not None and spec.data.augment.mode == "append"
    data = spec.data.name, spec.data.train_fraction, appends
    return (spec.protocol, *data, spec.training.batch_size, type(spec.model))


def _within(parts: Iterable[str], key: str) -> bool:
    return any(key == part or key.startswith(f"{part}.") for part in parts)


def _changes(prefix: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> list[Change]:
    renamed = "name" in here and "name" in there and here["name"] != there["name"]
    found: list[Change] = []
    for name in [*here, *(name for name in there if name not in here)]:
        left, right = here.get(name, _ABSENT), there.get(name, _ABSENT)
        key = f"{prefix}.{name}" if prefix else name
        if left == right or (renamed and (left is _ABSENT or right is _ABSENT)):
            continue
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found += _changes(key, left, right)
        else:
            found.append(Change(key=key, here=_known(left), there=_known(right)))
    return found


def _known(value: Any) -> Any:
    return None if value is _ABSENT else value

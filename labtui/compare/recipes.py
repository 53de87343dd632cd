"""Recipes side by side: what differs between two, and what of it an experiment declares."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from labtui.compare import notation
from labtui.spec import RunSpec, flatten, recipe

_ABSENT = object()


class Change(Struct, frozen=True, kw_only=True):
    """One key in which two recipes differ."""

    key: str
    here: Any
    there: Any

    def told(self, there_title: str) -> str:
        """`data.train_fraction: 0.5 in Network, 1 here`."""
        return f"{self.key}: {notation.value(self.there)} in {there_title}, {notation.value(self.here)} here"


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


def matched_recipe(here: RunSpec, there: RunSpec, factor: tuple[str, ...]) -> dict[str, Any]:
    """The flat recipe that differs from `here` in the factor alone, where it is as `there` has it."""
    left, right = flat_recipe(here), flat_recipe(there)
    kept = {key: value for key, value in left.items() if not _declared(factor, key, left, right)}
    return kept | {key: value for key, value in right.items() if _declared(factor, key, left, right)}


def draws_alike(here: RunSpec, there: RunSpec) -> bool:
    """Whether one seed means the same data order and the same initial weights in both."""
    keys = ("protocol", "data.name", "data.train_fraction", "training.batch_size", "model.name")
    left, right = flat_recipe(here), flat_recipe(there)
    return all(left.get(key) == right.get(key) for key in keys) and _appends(here) == _appends(there)


def _appends(spec: RunSpec) -> bool:
    return spec.data.augment is not None and spec.data.augment.mode == "append"


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


def _declared(factor: tuple[str, ...], key: str, left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Whether a flat key belongs to the factor; a part that one side lacks belongs to it as a whole."""
    if any(key == part or key.startswith(f"{part}.") for part in factor):
        return True
    lacking = {one for side in (left, right) for one, value in side.items() if value is None}
    tops = {one for one in lacking if any(part.startswith(f"{one}.") for part in factor)}
    return any(key == top or key.startswith(f"{top}.") for top in tops)

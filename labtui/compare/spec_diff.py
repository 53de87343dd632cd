"""The difference of two recipes, and which part of it an experiment declares."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from labtui.spec import RunSpec, Spec, flatten, recipe
from labtui.text.words import value_text

_ABSENT = object()


class Change(Struct, frozen=True, kw_only=True):
    """One key in which two recipes differ."""

    key: str
    here: Any
    there: Any

    def text(self, there_title: str) -> str:
        """`data.train_fraction: 0.5 in Network, 1 here`."""
        return f"{self.key}: {self.sides(there_title)}"

    def sides(self, there_title: str) -> str:
        """`0.5 in Network, 1 here`."""
        return f"{value_text(self.there)} in {there_title}, {value_text(self.here)} here"


def flat_recipe(spec: Spec) -> dict[str, Any]:
    """The recipe as one flat dict of dotted keys."""
    return flatten(recipe(spec))


def covers(factor: tuple[str, ...], key: str) -> bool:
    """Whether a factor names this key, a part above it, or something inside it."""
    return any(key == part or key.startswith(f"{part}.") or part.startswith(f"{key}.") for part in factor)


def changes(here: Spec, there: Spec) -> tuple[Change, ...]:
    """The keys in which two recipes differ.

    A part that only one side has is one change, not one per key. If a name differs (Adam, SGD), arguments that only
    one of the two has are left out.
    """
    left, right = recipe(here), recipe(there)
    return tuple(_changes("", left, right))


def undeclared(here: Spec, there: Spec, factor: tuple[str, ...]) -> tuple[Change, ...]:
    """What differs beyond the factor.

    Without a declared factor, differences in one part of the recipe (model, optimizer, …; of a program each parameter)
    count as the factor; differences in several parts are all undeclared.
    """
    differences = changes(here, there)
    if factor:
        return tuple(change for change in differences if not covers(factor, change.key))
    parts = {_part(change.key) for change in differences}
    return differences if len(parts) > 1 else ()


def _part(key: str) -> str:
    first, _, rest = key.partition(".")
    return f"{first}.{rest.partition('.')[0]}" if first == "param" else first


def matched_recipe(here: Mapping[str, Any], there: Mapping[str, Any], factor: tuple[str, ...]) -> dict[str, Any]:
    """The flat recipe of `here` with the factor as `there` has it.

    A part that only one side has (a penalty) belongs to the factor as a whole.
    """
    absent = {key for side in (here, there) for key, value in side.items() if value is None}
    parts = {*factor, *(key for key in absent if any(part.startswith(f"{key}.") for part in factor))}
    rest = {key: value for key, value in here.items() if not _within(parts, key)}
    return rest | {key: value for key, value in there.items() if _within(parts, key)}


def draws_alike(here: Spec, there: Spec) -> bool:
    """Whether one seed means the same data order and the same initial weights in both; not known of programs."""
    return isinstance(here, RunSpec) and isinstance(there, RunSpec) and _draws(here) == _draws(there)


_PARTS_OF_THE_PATH = ("optimizer", "scheduler")
"""Parts of a recipe that lead weights along another path from the first step on.

Over the seeds of real runs the two sides correlate by 0.25 and -0.09 for two learning rates (0.69 for dropout): pairs
would cost degrees of freedom and gain nothing."""


def pairs_by_seed(here: Spec, there: Spec) -> bool:
    """Whether seeds are compared in pairs: one means the same draws, and the factor is of a kind that keeps them alike.

    The recipes decide that, before there is any value.
    """
    path = any(change.key.partition(".")[0] in _PARTS_OF_THE_PATH for change in changes(here, there))
    return draws_alike(here, there) and not path


def _draws(spec: RunSpec) -> tuple[object, ...]:
    appends = spec.data.augment is not None and spec.data.augment.mode == "append"
    data = spec.dataset, spec.data.train_fraction, appends
    return (spec.protocol, *data, spec.training.batch_size, type(spec.model))


def _within(parts: Iterable[str], key: str) -> bool:
    return any(key == part or key.startswith(f"{part}.") for part in parts)


def _changes(prefix: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> list[Change]:
    renamed = "name" in here and "name" in there and here["name"] != there["name"]
    differences: list[Change] = []
    for name in [*here, *(name for name in there if name not in here)]:
        left, right = here.get(name, _ABSENT), there.get(name, _ABSENT)
        key = f"{prefix}.{name}" if prefix else name
        if left == right or (renamed and (left is _ABSENT or right is _ABSENT)):
            continue
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            differences += _changes(key, left, right)
        else:
            differences.append(Change(key=key, here=_none_if_absent(left), there=_none_if_absent(right)))
    return differences


def _none_if_absent(value: Any) -> Any:
    return None if value is _ABSENT else value

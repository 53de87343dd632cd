"""A grid: one variant for each value of a key, or for each combination of values of several keys."""

import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labtui.catalog.extends import Layer, nested
from labtui.catalog.problems import KeyProblem
from labtui.catalog.schema_types import RECIPE_PATHS
from labtui.catalog.words import KeyPath, did_you_mean, kind_of, shown

MOST_VARIANTS = 200
"""Runs that one grid can make."""

_DEEPEST = 4
_EXAMPLE = "Example: grid.optimizer.lr = [0.1, 0.01]"
_LABEL = re.compile(r"[A-Za-z0-9_.-]+\Z")


@dataclass(frozen=True, slots=True)
class GridPoint:
    """One point of a grid: what it changes in the entry, and the label of each value."""

    layers: tuple[Layer, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """`0.01`, as in `adam@0.01`; empty for an entry without a grid."""
        return "_".join(self.labels)


def axes(grid: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a grid varies, by dotted key; `grid.optimizer.lr` and `grid."optimizer.lr"` mean the same."""
    return {".".join(at): values for at, values in _leaves(grid or {}, ())}


def _leaves(table: Mapping[str, Any], at: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and value and len(at) < _DEEPEST:
            yield from _leaves(value, (*at, key))
        else:
            yield (*at, key), value


def grid_points(varied: Mapping[str, Sequence[Any]], places: Mapping[str, KeyPath]) -> tuple[GridPoint, ...]:
    """The points of a grid without problems, in the order of its keys and values; the last key varies fastest.

    `places` says for each key where its values are written.
    """
    points = itertools.product(*(_values(key, values, places[key]) for key, values in varied.items()))
    return tuple(GridPoint(tuple(layer for layer, _ in point), tuple(text for _, text in point)) for point in points)


def _values(key: str, values: Sequence[Any], at: KeyPath) -> list[tuple[Layer, str]]:
    return [
        (Layer(nested(key, value), (*at, index), one_value=True), label(key, value))
        for index, value in enumerate(values)
    ]


def grid_problems(varied: Mapping[str, Any], keys: Collection[str] = RECIPE_PATHS) -> Iterator[KeyProblem]:
    """Keys that no recipe has, values that cannot name a variant, two variants of one name, too many variants."""
    count = 1
    for key, values in varied.items():
        at = tuple(key.split("."))
        if key not in keys:
            message = f"{shown(key)} is not a key of a recipe.{did_you_mean(key, keys, quote=False)}"
            yield KeyProblem(at, f"{message} {_EXAMPLE}")
        if not isinstance(values, list) or not 1 <= len(values) <= MOST_VARIANTS:
            message = f"{shown(values)} is not allowed. Allowed: a list of 1 to {MOST_VARIANTS} values."
            yield KeyProblem(at, f"{message} {_EXAMPLE}")
            continue
        count *= len(values)
        yield from _label_problems(key, values, at)
    if count > MOST_VARIANTS:
        yield KeyProblem((), f"this grid makes {count:,} runs: at most {MOST_VARIANTS} are allowed.")


def _label_problems(key: str, values: Sequence[Any], at: KeyPath) -> Iterator[KeyProblem]:
    seen: dict[str, int] = {}
    for index, value in enumerate(values):
        text = label(key, value)
        if not _LABEL.match(text):
            message = f"{shown(value)} is {kind_of(value)} and cannot be part of a run's name. Allowed: "
            yield KeyProblem((*at, index), message + "numbers, plain words, true and false, and lists of these.")
        elif text in seen:
            yield KeyProblem((*at, index), f"{shown(value)} makes a second run named {text}. Give each value once.")
        seen[text] = index


def label(key: str, value: Any) -> str:
    """How a value names its variant: `0.01`, `bf16`, `nesterov` or `no-nesterov`, `0.3-0.2` for a list."""
    match value:
        case bool():
            leaf = key.rpartition(".")[2]
            return leaf if value else f"no-{leaf}"
        case str():
            return value
        case int() | float():
            return str(value).replace("+", "")
        case list() if value:
            return "-".join(label(key, item) for item in value)
        case _:
            return ""

"""Conditions on hyperparameters, such as `lr=0.1` or `dropout>0.2`, by which lists and comparisons are filtered."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from labtui.errors import UsageError
from labtui.store.plain_yaml import scalar

_FORM = re.compile(r"\s*(?P<key>[^\s=!<>][^=!<>]*?)\s*(?P<sign>>=|<=|!=|=|<|>)\s*(?P<value>.*?)\s*\Z")

_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda here, wanted: here < wanted,
    ">": lambda here, wanted: here > wanted,
    "<=": lambda here, wanted: here <= wanted,
    ">=": lambda here, wanted: here >= wanted,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What a hyperparameter must be."""

    key: str
    sign: str
    value: Any

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it holds for the hyperparameters of a run. One that a run lacks is no value: only != holds."""
        key = full_key(self.key, values)
        here = values[key] if key is not None else None
        if self.sign in ("=", "!="):
            return (_text(here) == _text(self.value)) is (self.sign == "=")
        if not (_is_number(here) and _is_number(self.value)):
            return False
        return _SIGNS[self.sign](here, self.value)


def parse_condition(text: str) -> Condition:
    """`lr=0.1`, `model.name!=cnn`, `dropout>=0.2`. Raises UsageError for anything else."""
    match = _FORM.match(text)
    if match is None or (match["sign"] in _SIGNS and not _is_number(scalar(match["value"]))):
        raise UsageError(
            f"{text!r} is no condition on a hyperparameter.",
            advice="Write a name, =, !=, <, <=, > or >=, and a value: lr=0.1, or dropout>0.2 (quoted in a shell).",
        )
    return Condition(match["key"], match["sign"], scalar(match["value"]))


def full_key(name: str, keys: Iterable[str]) -> str | None:
    """The dotted key that a user means by a name: the key itself, or the only one that ends with it."""
    known = tuple(keys)
    if name in known:
        return name
    ends = [key for key in known if key.endswith(f".{name}")]
    return ends[0] if len(ends) == 1 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if _is_number(value):
        return repr(float(value))
    return str(value).casefold()

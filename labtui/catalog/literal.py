"""Values as people type them: `--set model.dropout=0.3,0.2` and the fields of the launch dialog, there and back."""

import contextlib
import json
from typing import Any

import tomli
from msgspec.inspect import BoolType, FloatType, TupleType, Type, VarTupleType

from labtui.catalog import type_messages
from labtui.catalog.type_checks import NONE

_LONGEST = 10_000


def read_value(kind: Type, text: str) -> Any:
    """What typed text means for a key: TOML, or one of the looser forms that people write; text where it is neither.

    `0.3, 0.2` is a list where one is allowed, `.01` a number, `True` a truth value. Whether the value is allowed is not
    looked at here.
    """
    text = text.strip()
    alternatives = [type_messages.bare(one) for one in type_messages.alternatives(kind)]
    if len(text) > _LONGEST:
        return text
    if text.lower() in ("true", "false") and any(isinstance(one, BoolType) for one in alternatives):
        return text.lower() == "true"
    with contextlib.suppress(ValueError, RecursionError):
        table = tomli.loads(f"value = {text}")
        if list(table) == ["value"]:
            return table["value"]
    if any(isinstance(one, FloatType) for one in alternatives):
        with contextlib.suppress(ValueError):
            return float(text)
    for one in alternatives:
        if isinstance(one, VarTupleType | TupleType) and "," in text:
            item = one.item_type if isinstance(one, VarTupleType) else one.item_types[0]
            return [read_value(item, part) for part in text.split(",")]
    return text


def written(kind: Type, value: Any) -> str:
    """A value as one would type it for a key: `read_value(kind, written(kind, value))` gives it back."""
    if value is None:
        return NONE
    if isinstance(value, str):
        return value if read_value(kind, value) == value else json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple) and value and not any(isinstance(item, dict | list | tuple) for item in value):
        plain = ", ".join(inline(item) for item in value)
        return plain if len(value) > 1 else f"[{plain}]"
    return inline(value)


def inline(value: Any) -> str:
    """A value as TOML in one line; keys that are None are left out."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict():
            return f"{{ {', '.join(f'{key} = {inline(item)}' for key, item in value.items() if item is not None)} }}"
        case list() | tuple():
            return f"[{', '.join(inline(item) for item in value)}]"
        case _:
            return str(value)

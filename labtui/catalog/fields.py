"""The keys of one run's recipe with their values as people type them, for `--set` and the launch dialog."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import tomli
from msgspec.inspect import AnyType, BoolType, FloatType, LiteralType, StructType, TupleType, Type, VarTupleType

from labtui.catalog.schema_types import (
    MEANINGS,
    NONE,
    RECIPE,
    RECIPE_KEYS,
    alternatives,
    is_optional,
    tables,
    tags,
    unwrapped,
)
from labtui.catalog.type_messages import described
from labtui.lab_code import NO_CODE, LabCode
from labtui.spec import LabModel, RunSpec, as_written, with_defaults

_WITHOUT_ZERO = re.compile(r"(?<![\w.])(?=\.\d)")
"""Before the point of a number that has no digit there."""

_LONGEST = 10_000

_FILLED_IN_DATA = ("data.fingerprint", "data.source")
_PATH_KEYS = {"npz": ("data.size",), "folder": ()}
"""Keys that a data set at a path does not have; all others have neither a path nor a size."""

_FILLED_IN = ("source", "weights_fingerprint")
"""Keys of a model of the user's own that are not typed."""


@dataclass(frozen=True, slots=True)
class Field:
    """One key that can be changed before a launch, for a dialog."""

    key: str
    type_text: str
    """What is allowed, in words."""
    value: Any
    """As plain data: a number, text, a boolean, a list, None."""
    text: str
    """The value as one would type it; `override` reads it back."""
    choices: tuple[str, ...] = ()
    """All texts that are allowed, where they can be counted."""
    meaning: str = ""


def recipe_fields(spec: RunSpec, code: LabCode = NO_CODE) -> list[Field]:
    """The keys of a spec's recipe in catalog order; a table that is absent is one field, `none`.

    Keys that are filled in are left out, and those of other kinds of data sets. `code` has the types of parameters of
    the user's own models.
    """
    plain = plain_recipe(spec)
    kinds = assignable(plain) | _parameter_kinds(spec, code)
    absent = _PATH_KEYS.get(spec.data.name, ("data.path", "data.size"))
    return [
        _field(key, kind, value_at(plain, key))
        for key, kind in kinds.items()
        if _is_leaf(plain, key) and key not in (*absent, *_FILLED_IN_DATA)
    ]


def _parameter_kinds(spec: RunSpec, code: LabCode) -> dict[str, Type]:
    definition = code.find("models", spec.model.use) if isinstance(spec.model, LabModel) else None
    parameters = definition.parameters if definition else ()
    return {f"model.{one.name}": msgspec.inspect.type_info(one.hint) for one in parameters}


def plain_recipe(spec: RunSpec) -> dict[str, Any]:
    """The whole recipe as nested dicts and lists, `training.log_every` included."""
    plain = {key: with_defaults(getattr(spec, key)) for key in RECIPE_KEYS}
    return as_written(plain)


def assignable(plain: Mapping[str, Any]) -> dict[str, Type]:
    """Every key that has a meaning in a recipe, tables and the keys of absent tables included, with its type."""
    found: dict[str, Type] = {}
    for field in RECIPE.fields:
        found.update(_walk(field.name, field.type, plain.get(field.name)))
    return found


def value_at(plain: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key; None where a table on the way is absent."""
    value: Any = plain
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _walk(key: str, kind: Type, value: Any) -> Iterator[tuple[str, Type]]:
    yield key, kind
    registry = tags(kind)
    table: StructType | None = next(iter(tables(kind)), None)
    if registry:
        yield f"{key}.{next(iter(registry.values())).tag_field}", LiteralType(values=tuple(registry))
        table = registry.get(value.get("name", "")) if isinstance(value, dict) else None
    if table is None and isinstance(value, dict):
        yield from ((f"{key}.{name}", AnyType()) for name in value if name not in ("name", *_FILLED_IN))
    for field in table.fields if table else ():
        yield from _walk(f"{key}.{field.name}", field.type, value.get(field.name) if isinstance(value, dict) else None)


def _is_leaf(plain: Mapping[str, Any], key: str) -> bool:
    parent, _, _ = key.rpartition(".")
    return not isinstance(value_at(plain, key), dict) and (not parent or isinstance(value_at(plain, parent), dict))


def _field(key: str, kind: Type, value: Any) -> Field:
    choices = _choices(kind)
    return Field(key, described(kind), value, written(kind, value), choices, MEANINGS.get(key, ""))


def _choices(kind: Type) -> tuple[str, ...]:
    options = [unwrapped(one) for one in alternatives(kind)]
    none = (NONE,) if is_optional(kind) else ()
    match options:
        case [LiteralType(values=values)]:
            return (*(str(value) for value in values), *none)
        case [BoolType()]:
            return ("true", "false", *none)
        case _:
            return ()


def read_value(kind: Type, text: str) -> Any:
    """What typed text means for a key: TOML, or one of the looser forms that people write, or else the text itself.

    `0.3, 0.2` is a list where one is allowed, `.01` a number, `True` a boolean. Whether the value is allowed is not
    checked here.
    """
    text = text.strip()
    options = [unwrapped(one) for one in alternatives(kind)]
    if len(text) > _LONGEST:
        return text
    if text.lower() in ("true", "false") and any(isinstance(one, BoolType) for one in options):
        return text.lower() == "true"
    for written in (text, _WITHOUT_ZERO.sub("0", text)):
        with contextlib.suppress(ValueError, RecursionError):
            table = tomli.loads(f"value = {written}")
            if list(table) == ["value"]:
                return table["value"]
    if any(isinstance(one, FloatType) for one in options):
        with contextlib.suppress(ValueError):
            return float(text)
    for one in options:
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

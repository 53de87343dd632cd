"""The keys of one run's recipe, as they stand for its model, its optimizer and so on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.inspect import BoolType, LiteralType, StructType, Type

from labtui.catalog import type_messages
from labtui.catalog.literal import written
from labtui.catalog.schema_types import MEANINGS, RECIPE, RECIPE_KEYS
from labtui.catalog.type_checks import NONE
from labtui.spec import RunSpec


@dataclass(frozen=True, slots=True)
class Field:
    """One key that can be changed before a launch, for a dialog."""

    key: str
    type_text: str
    """What is allowed, in words."""
    value: Any
    """As plain data: a number, text, a truth value, a list, None."""
    text: str
    """The value as one would type it; `override` reads it back."""
    choices: tuple[str, ...] = ()
    """All texts that are allowed, where they can be counted."""
    meaning: str = ""


def fields(spec: RunSpec) -> list[Field]:
    """The keys of a spec's recipe in catalog order; a table that is absent is one field, `none`."""
    plain = plain_recipe(spec)
    return [_field(key, kind, value_at(plain, key)) for key, kind in assignable(plain).items() if _is_leaf(plain, key)]


def plain_recipe(spec: RunSpec) -> dict[str, Any]:
    """The whole recipe as nested dicts and lists, `training.log_every` included."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({key: getattr(spec, key) for key in RECIPE_KEYS}))
    return plain


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
    registry = type_messages.tags(kind)
    table: StructType | None = next(iter(type_messages.tables(kind)), None)
    if registry:
        yield f"{key}.{next(iter(registry.values())).tag_field}", LiteralType(values=tuple(registry))
        table = registry.get(value.get("name", "")) if isinstance(value, dict) else None
    for field in table.fields if table else ():
        yield from _walk(f"{key}.{field.name}", field.type, value.get(field.name) if isinstance(value, dict) else None)


def _is_leaf(plain: Mapping[str, Any], key: str) -> bool:
    parent, _, _ = key.rpartition(".")
    return not isinstance(value_at(plain, key), dict) and (not parent or isinstance(value_at(plain, parent), dict))


def _field(key: str, kind: Type, value: Any) -> Field:
    choices = _choices(kind)
    return Field(key, type_messages.described(kind), value, written(kind, value), choices, MEANINGS.get(key, ""))


def _choices(kind: Type) -> tuple[str, ...]:
    alternatives = [type_messages.bare(one) for one in type_messages.alternatives(kind)]
    none = (NONE,) if type_messages.optional(kind) else ()
    match alternatives:
        case [LiteralType(values=values)]:
            return (*(str(value) for value in values), *none)
        case [BoolType()]:
            return ("true", "false", *none)
        case _:
            return ()

"""Every problem of a table with the types of its keys.

msgspec judges each value, but stops at the first one that it refuses. So tables and lists are walked here, and msgspec
is asked item by item.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct
from msgspec.inspect import DictType, StructType, TupleType, Type, VarTupleType, type_info

from labtui.catalog import type_messages
from labtui.catalog.problems import KeyProblem
from labtui.catalog.schema_types import NONE, alternatives, is_optional, tables, tags, unwrapped
from labtui.catalog.words import KeyPath, shown
from labtui.text.clean import clean
from labtui.text.words import enumeration

_MOST_UNKNOWN_KEYS = 10
_MOST_PROBLEMS = 100

T = TypeVar("T", bound=Struct)


def convert(table: Mapping[str, Any], to: type[T]) -> tuple[T | None, list[KeyProblem]]:
    """The table as a struct, and all problems with it; None where it has some."""
    checker = _Checker(complete=True)
    plain = checker.fields(to, table, ())
    return (None if checker.problems else msgspec.convert(plain, to)), checker.problems


def checked_value(hint: Any, value: Any, at: KeyPath) -> tuple[Any, list[KeyProblem]]:
    """A single value as an annotation asks for it, and all problems with it."""
    checker = _Checker(complete=True)
    plain = checker.value(hint, value, at)
    return plain, checker.problems


def partial_problems(table: Mapping[str, Any], of: type[Struct]) -> list[KeyProblem]:
    """The problems of a table that holds only a part of a struct's keys, such as [defaults]."""
    checker = _Checker(complete=False)
    checker.fields(of, table, ())
    return checker.problems


def unknown_keys(
    table: Mapping[str, Any], known: Sequence[str], at: KeyPath = (), owners: Mapping[str, str] | None = None
) -> list[KeyProblem]:
    """A problem for each key that is not known, with the nearest key that is; `owners` says whose a key is."""
    unknown = [key for key in table if key not in known]
    problems = [
        KeyProblem((*at, key), type_messages.unknown_key(key, known, owners or {}))
        for key in unknown[:_MOST_UNKNOWN_KEYS]
    ]
    if len(unknown) > _MOST_UNKNOWN_KEYS:
        more = len(unknown) - _MOST_UNKNOWN_KEYS
        problems.append(KeyProblem(at, f"this table has {more:,} more unknown keys."))
    return problems


class _Checker:
    """Walks over values and collects `problems`. Its methods return values as `msgspec.convert` takes them."""

    def __init__(self, *, complete: bool) -> None:
        self.problems: list[KeyProblem] = []
        self._complete = complete

    def _add(self, *problems: KeyProblem) -> None:
        self.problems.extend(problems[: _MOST_PROBLEMS - len(self.problems)])

    def fields(
        self, of: type[Struct], table: Mapping[str, Any], at: KeyPath, registry: Mapping[str, StructType] | None = None
    ) -> dict[str, Any]:
        """A table's fields, each checked; unknown and missing keys are problems."""
        kind, hints = _described(of)
        tag = (str(kind.tag_field),) if kind.tag_field is not None else ()
        known = (*tag, *(field.name for field in kind.fields))
        self._add(*unknown_keys(table, known, at, type_messages.owners(kind, registry)))
        plain: dict[str, Any] = {}
        for field in kind.fields:
            if field.name in table:
                plain[field.name] = self._value(hints[field.name], table[field.name], (*at, field.name))
            elif field.required and self._complete:
                self._missing(field.type, (*at, field.name))
        return plain

    def value(self, hint: Any, value: Any, at: KeyPath) -> Any:
        """A value that an annotation may allow."""
        return self._value(hint, value, at)

    def _value(self, hint: Any, value: Any, at: KeyPath) -> Any:
        kind = _type_of(hint)
        if (value is None or value == NONE) and is_optional(kind):
            return None
        if isinstance(value, dict) and tables(kind):
            return self._table(kind, value, at)
        if isinstance(value, dict) and (items := _item_hints(hint, kind, value)):
            return {key: self._value(item, value[key], (*at, key)) for key, item in zip(value, items, strict=True)}
        if isinstance(value, list | tuple) and (items := _item_hints(hint, kind, value)):
            return [self._value(item, value[index], (*at, index)) for index, item in enumerate(items)]
        try:
            msgspec.convert(value, hint)
        except msgspec.ValidationError:
            self._add(KeyProblem(at, type_messages.refusal(kind, value, at)))
        else:
            self._add(*(KeyProblem(at, message) for message in _unprintable(value)))
        return value

    def _table(self, kind: Type, table: dict[str, Any], at: KeyPath) -> dict[str, Any]:
        registry = tags(kind)
        if not registry:
            return self.fields(tables(kind)[0].cls, table, at)
        tag_field = str(tables(kind)[0].tag_field)
        tag = table.get(tag_field)
        if isinstance(tag, str) and tag in registry:
            return {tag_field: tag} | self.fields(registry[tag].cls, table, at, registry)
        if tag_field in table:
            allowed = type_messages.named(registry)
            self._add(KeyProblem((*at, tag_field), type_messages.unknown_choice(tag, tuple(registry), allowed)))
        elif self._complete:
            self._missing(kind, at)
        else:
            known = {field.name for one in registry.values() for field in one.fields}
            self._add(*unknown_keys(table, sorted(known), at))
        return table

    def _missing(self, kind: Type, at: KeyPath) -> None:
        """Say which key is missing; of a missing table, the ones that it would need."""
        if registry := tags(kind):
            tag_field = str(tables(kind)[0].tag_field)
            self._add(KeyProblem((*at, tag_field), type_messages.missing(type_messages.named(registry))))
        elif structs := tables(kind):
            for field in structs[0].fields:
                if field.required:
                    self._missing(field.type, (*at, field.name))
        else:
            self._add(KeyProblem(at, type_messages.missing(type_messages.described(kind))))


_type_of = cache(type_info)


@cache
def _described(of: type[Struct]) -> tuple[StructType, dict[str, Any]]:
    """A struct's description, and the annotation of each of its fields."""
    kind = type_info(of)
    assert isinstance(kind, StructType)
    return kind, get_type_hints(of, include_extras=True)


def _options(hint: Any) -> list[Any]:
    """The annotations that a union allows, without descriptions around them."""
    if get_origin(hint) is Annotated:
        return _options(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return [one for part in get_args(hint) for one in _options(part)]
    return [hint]


def _item_hints(hint: Any, kind: Type, items: Collection[Any]) -> Sequence[Any]:
    """The annotation of each item of a list or table; nothing where none of that length is allowed."""
    count, of = len(items), dict if isinstance(items, dict) else tuple
    hints = next((get_args(one) for one in _options(hint) if get_origin(one) is of), ())
    for one in map(unwrapped, alternatives(kind)):
        if of is tuple and isinstance(one, TupleType) and len(one.item_types) == count:
            return hints
        if isinstance(one, VarTupleType if of is tuple else DictType):
            item = hints[0] if of is tuple else hints[1]
            return [item] * count if (one.min_length or 0) <= count <= (one.max_length or count) else ()
    return ()


def _unprintable(value: Any) -> list[str]:
    """What msgspec takes and a run cannot use: numbers that are not finite, text with control characters."""
    if isinstance(value, float) and not math.isfinite(value):
        return [f"{shown(value)} is not a finite number."]
    if isinstance(value, str) and clean(value) != value:
        codes = sorted({f"U+{ord(letter):04X}" for letter in value if clean(letter) != letter})
        return [f"{shown(value)} contains {enumeration(codes[:3])}: control characters are not allowed."]
    return []

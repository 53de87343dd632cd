"""What a key may hold, in words, and what is said of a value that it may not hold."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.inspect import (
    BoolType,
    DictType,
    FloatType,
    IntType,
    LiteralType,
    Metadata,
    StrType,
    StructType,
    TupleType,
    Type,
    UnionType,
    VarTupleType,
)

from labtui.catalog.schema_types import (
    NONE,
    RECIPE_KEYS,
    alternatives,
    field_of,
    is_optional,
    tables,
    tags,
    unwrapped,
)
from labtui.catalog.words import (
    KeyPath,
    did_you_mean,
    dotted,
    foreign_letters,
    kind_of,
    nearest,
    shown,
    shown_all,
    value_and_kind,
)
from labtui.text.words import enumeration, plural

_NUMBER_WORDS = {2: "two", 3: "three", 4: "four"}
_NOUNS: dict[type[Type], str] = {
    BoolType: "a boolean",
    IntType: "a number",
    FloatType: "a number",
    StrType: "text",
    LiteralType: "text",
    TupleType: "a list",
    VarTupleType: "a list",
    StructType: "a table",
    DictType: "a table",
}
"""What `kind_of` calls the values of a type."""


def described(kind: Type) -> str:
    """What is allowed, in words: `a number above 0 and at most 1,000`."""
    if isinstance(kind, Metadata) and kind.extra_json_schema and "description" in kind.extra_json_schema:
        return str(kind.extra_json_schema["description"])
    words = [_words(one) for one in _without_repeats(kind)]
    if is_optional(kind):
        words.append(shown(NONE))
    return ", ".join(words[:-1]) + f", or {words[-1]}" if len(words) > 1 else words[0]


def _without_repeats(kind: Type) -> Iterator[Type]:
    """The alternatives, tables last and a registry's many tables as one."""
    yield from (one for one in alternatives(kind) if not isinstance(unwrapped(one), StructType))
    if registry := tags(kind):
        yield UnionType(types=tuple(registry.values()))
    else:
        yield from tables(kind)


def _words(kind: Type) -> str:
    match kind:
        case Metadata():
            return described(kind)
        case BoolType():
            return "true or false"
        case IntType() | FloatType():
            return _number_words(kind)
        case StrType(max_length=None):
            return "text"
        case StrType(min_length=least, max_length=most):
            return f"text of {f'{least} to' if least else 'at most'} {most:,} characters"
        case LiteralType(values=values):
            return shown_all(values, "or")
        case TupleType(item_types=items):
            return f"a list of {_NUMBER_WORDS.get(len(items), len(items))}, each {described(items[0])}"
        case VarTupleType(item_type=item):
            return f"a list, each item {described(item)}"
        case DictType(value_type=value):
            return f"a table, each value {described(value)}"
        case StructType() | UnionType():
            return _table_words(kind)
        case _:
            return "any value"


def _number_words(kind: IntType | FloatType) -> str:
    """`a number from 0 to below 1`, `a whole number of at least 1`, `a number above 0 and at most 1,000`."""
    noun = "a whole number" if isinstance(kind, IntType) else "a number"
    highest = f"at most {kind.le:,}" if kind.le is not None else f"below {kind.lt:,}" if kind.lt is not None else ""
    if kind.ge is not None:
        to = highest.removeprefix("at most ")
        return f"{noun} from {kind.ge:,} to {to}" if to else f"{noun} of at least {kind.ge:,}"
    lowest = f"above {kind.gt:,}" if kind.gt is not None else ""
    return " ".join((noun, " and ".join(filter(None, (lowest, highest))))).strip()


def _table_words(kind: Type) -> str:
    if registry := tags(kind):
        return f"a table whose name is {named(registry)}"
    return f"a table of {enumeration([field.name for table in tables(kind) for field in table.fields])}"


def named(registry: Mapping[str, StructType]) -> str:
    """The names of a registry: `"adam", "adamw" or "sgd"`."""
    return shown_all(registry, "or")


def missing(allowed: str) -> str:
    """What to say of a key that is required and not given."""
    return f"this key is missing. Allowed: {allowed}."


def refusal(kind: Type, value: Any, at: KeyPath) -> str:
    """What to say of a value that a type does not allow, with what was probably meant."""
    allowed, options = described(kind), [unwrapped(one) for one in alternatives(kind)]
    choices = [str(choice) for one in options if isinstance(one, LiteralType) for choice in one.values]
    if kind_of(value) not in {_NOUNS.get(type(one)) for one in options}:
        return _wrong_kind(kind, value, at)
    match value:
        case float() if value.is_integer() and not any(isinstance(one, FloatType) for one in options):
            return f"{shown(value)} has a decimal point. Allowed: {allowed}. Write {shown(int(value))}."
        case str() if choices:
            return unknown_choice(value, [*choices, *([NONE] if is_optional(kind) else [])], allowed)
        case str() if any(isinstance(one, StrType) and one.pattern is None for one in options):
            return f"{shown(value)} ({len(value):,} characters) is not allowed. Allowed: {allowed}."
        case list() | tuple():
            return f"a list of {plural(len(value), 'item')} is not allowed. Allowed: {_limits(options, allowed)}."
        case dict():
            return f"a table of {plural(len(value), 'key')} is not allowed. Allowed: {_limits(options, allowed)}."
        case _:
            return f"{shown(value)} is not allowed. Allowed: {allowed}."


def _limits(options: Sequence[Type], allowed: str) -> str:
    """How many items or keys a list or table may have; what is allowed at all where that is not limited."""
    for one in options:
        if isinstance(one, VarTupleType | DictType) and one.max_length is not None:
            return f"{one.min_length or 0} to {one.max_length:,}"
    return allowed


def _wrong_kind(kind: Type, value: Any, at: KeyPath) -> str:
    allowed = described(kind)
    takes_numbers = any(isinstance(unwrapped(one), IntType | FloatType) for one in alternatives(kind))
    match value:
        case str() if takes_numbers and _is_number(value):
            return f"{shown(value)} is text. Allowed: {allowed}. Write it without quotes."
        case str() if tags(kind):
            return f"{shown(value)} is text. Allowed: {allowed}. Write {_by_name(kind, value, at)}."
        case list() if takes_numbers and at and at[0] in RECIPE_KEYS:
            hint = f"To run each of its values, write grid.{dotted(at)} = {shown(value)}."
            return f"{value_and_kind(value)}. Allowed: {allowed}. {hint}"
        case _:
            return f"{value_and_kind(value)}. Allowed: {allowed}."


def _by_name(kind: Type, value: str, at: KeyPath) -> str:
    name = next(iter(nearest(value, tuple(tags(kind)))), next(iter(tags(kind))))
    return f"{dotted(at)}.name = {shown(name)}" if at else f"{{ name = {shown(name)} }}"


def _is_number(text: str) -> bool:
    with contextlib.suppress(ValueError):
        float(text)
        return True
    return False


def unknown_choice(value: Any, choices: Sequence[str], allowed: str) -> str:
    """What to say of a value that is none of the names to choose from."""
    if not isinstance(value, str):
        return f"{value_and_kind(value)}. Allowed: {allowed}."
    return f"{shown(value)} is unknown.{did_you_mean(value, choices)}{foreign_letters(value)} Allowed: {allowed}."


def unknown_key(key: str, known: Sequence[str], owners: Mapping[str, str]) -> str:
    """What to say of a key that a table does not have; `owners` says whose it is."""
    if key in owners:
        return f"this key belongs to {owners[key]}. Keys here: {enumeration(known)}."
    hint = did_you_mean(key, known, quote=False) + foreign_letters(key)
    return f"unknown key.{hint} Keys here: {enumeration(known)}."


def owners(kind: StructType, registry: Mapping[str, StructType] | None) -> dict[str, str]:
    """For the keys of a registry's other entries, whose they are: `"sgd", not to "adam"`."""
    tags_of: dict[str, list[str]] = {}
    for tag, other in (registry or {}).items():
        for field in other.fields:
            if field_of(kind, field.name) is None:
                tags_of.setdefault(field.name, []).append(shown(tag))
    return {key: f"{enumeration(tags)}, not to {shown(kind.tag)}" for key, tags in tags_of.items()}

"""What to say of a value that is not allowed: what was found, what is allowed, and what was probably meant."""

from collections.abc import Mapping
from typing import Any

from msgspec.inspect import FloatType, IntType, StructType, Type

from labtui.catalog import type_messages
from labtui.catalog.schema_types import RECIPE_KEYS
from labtui.catalog.words import KeyPath, did_you_mean, dotted, foreign_letters, listed, nearest, shown, told_kind


def mismatch(kind: Type, value: Any, at: KeyPath) -> str:
    """What to say of a value of the wrong sort, with the way to write what was probably meant."""
    allowed = type_messages.described(kind)
    numbers = [
        one for one in map(type_messages.bare, type_messages.alternatives(kind)) if isinstance(one, IntType | FloatType)
    ]
    match value:
        case float() if value.is_integer() and numbers:
            return f"{shown(value)} has a decimal point. Allowed: {allowed}. Write {shown(int(value))}."
        case float() if numbers:
            return f"{shown(value)} is not allowed: {allowed}."
        case str() if numbers and _is_number(value):
            return f"{shown(value)} is text. Allowed: {allowed}. Write it without quotes."
        case str() if type_messages.tags(kind):
            return f"{shown(value)} is text. Allowed: {allowed}. Write {_by_name(kind, value, at)}."
        case list() if numbers and at and at[0] in RECIPE_KEYS:
            hint = f"To run each of its values, write grid.{dotted(at)} = {shown(value)}."
            return f"{told_kind(value)}. Allowed: {allowed}. {hint}"
        case _:
            return f"{told_kind(value)}. Allowed: {allowed}."


def _by_name(kind: Type, value: str, at: KeyPath) -> str:
    name = next(iter(nearest(value, tuple(type_messages.tags(kind)))), next(iter(type_messages.tags(kind))))
    return f"{dotted(at)}.name = {shown(name)}" if at else f"{{ name = {shown(name)} }}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def unknown_choice(value: Any, choices: tuple[str, ...], allowed: str) -> str:
    """What to say of a value that is none of the names to choose from."""
    if not isinstance(value, str):
        return f"{told_kind(value)}. Allowed: {allowed}."
    return f"{shown(value)} is not known.{did_you_mean(value, choices)}{foreign_letters(value)} Allowed: {allowed}."


def unknown_key(key: str, known: tuple[str, ...], elsewhere: Mapping[str, str]) -> str:
    """What to say of a key that a table does not have; `elsewhere` says whose it is."""
    if key in elsewhere:
        return f"this key belongs to {elsewhere[key]}. Keys here: {listed(known, 'and')}."
    hint = did_you_mean(key, known, quote=False) + foreign_letters(key)
    return f"there is no such key.{hint} Keys here: {listed(known, 'and')}."


def elsewhere(kind: StructType, registry: Mapping[str, StructType] | None) -> dict[str, str]:
    """For the keys of a registry's other entries, whose they are and what this one is."""
    owners: dict[str, list[str]] = {}
    for tag, other in (registry or {}).items():
        for field in other.fields:
            if type_messages.own_field(kind, field.name) is None:
                owners.setdefault(field.name, []).append(shown(tag))
    return {key: f"{listed(tags, 'and')}, not to {shown(kind.tag)}" for key, tags in owners.items()}


def named(registry: Mapping[str, StructType]) -> str:
    """The names of a registry: `"adam", "adamw" or "sgd"`."""
    return listed(shown(tag) for tag in registry)

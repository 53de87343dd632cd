"""Every fault of a value against its type, at once.

msgspec stops at the first fault, takes `nan` for a number in range and speaks of JSON; here each key is looked at, and
the result is what `msgspec.convert` then takes without complaint.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.inspect import (
    BoolType,
    DictType,
    FloatType,
    IntType,
    LiteralType,
    StrType,
    StructType,
    TupleType,
    Type,
    VarTupleType,
)

from labtui.catalog import type_messages, wording
from labtui.catalog.words import KeyPath, Problem, counted, dotted, listed, shown
from labtui.text.clean import clean

NONE = "none"
"""How a file says that an inherited key is to be absent; TOML has no null."""

_MOST_UNKNOWN_KEYS = 10
_MOST_PROBLEMS = 100
_LARGEST_NUMBER = 2**63


class Checker:
    """Looks at values one by one and collects what is wrong in `problems`.

    With `complete = False`, a table may lack keys: [defaults] says only a part.
    """

    def __init__(self, *, complete: bool = True) -> None:
        self.problems: list[Problem] = []
        self._complete = complete

    def value(self, kind: Type, value: Any, at: KeyPath) -> Any:
        """The value as `msgspec.convert` takes it; where it has problems, they are noted and it is of no use."""
        if (value is None or value == NONE) and type_messages.optional(kind):
            return None
        alternatives = type_messages.alternatives(kind)
        fitting = [one for one in map(type_messages.bare, alternatives) if _takes(one, value)]
        if not fitting:
            self.note(at, wording.mismatch(kind, value, at))
            return None
        chosen = fitting[0]
        if isinstance(chosen, StructType):
            return self._table(kind, value, at)
        check = _CHECKS.get(type(chosen))
        return check(self, chosen, value, at, kind) if check else value

    def note(self, at: KeyPath, message: str) -> None:
        """Add a problem; beyond a hundred in one place nobody reads on."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(at, message))

    def _table(self, kind: Type, table: dict[str, Any], at: KeyPath) -> dict[str, Any] | None:
        registry = type_messages.tags(kind)
        if not registry:
            return self.fields(type_messages.tables(kind)[0], table, at)
        tag_field = str(next(iter(registry.values())).tag_field)
        if tag_field not in table:
            self._nameless(registry, tag_field, table, at)
            return None
        tag = table[tag_field]
        if not isinstance(tag, str) or tag not in registry:
            self.note((*at, tag_field), wording.unknown_choice(tag, tuple(registry), wording.named(registry)))
            return None
        return {tag_field: tag} | self.fields(registry[tag], table, at, registry)

    def _nameless(self, registry: Mapping[str, StructType], tag_field: str, table: dict[str, Any], at: KeyPath) -> None:
        if self._complete:
            self.note((*at, tag_field), f"this key is missing. Allowed: {wording.named(registry)}.")
            return
        known = {field.name for one in registry.values() for field in one.fields}
        self.unknown_keys(table, (tag_field, *sorted(known)), at)

    def fields(
        self, kind: StructType, table: dict[str, Any], at: KeyPath, registry: Mapping[str, StructType] | None = None
    ) -> dict[str, Any]:
        """A table's fields, each checked; unknown keys and missing ones are problems."""
        tag = (str(kind.tag_field),) if kind.tag_field is not None else ()
        self.unknown_keys(table, (*tag, *(field.name for field in kind.fields)), at, wording.elsewhere(kind, registry))
        cleaned: dict[str, Any] = {}
        for field in kind.fields:
            if field.name in table:
                cleaned[field.name] = self.value(field.type, table[field.name], (*at, field.name))
            elif field.required and self._complete:
                self.missing(field.type, (*at, field.name))
        return cleaned

    def missing(self, kind: Type, at: KeyPath) -> None:
        """Say which key is missing: of a missing table, the ones that it would need."""
        registry = type_messages.tags(kind)
        tables = type_messages.tables(kind)
        if registry:
            tag_field = str(tables[0].tag_field)
            self.note((*at, tag_field), f"this key is missing. Allowed: {wording.named(registry)}.")
        elif tables:
            for field in tables[0].fields:
                if field.required:
                    self.missing(field.type, (*at, field.name))
        else:
            self.note(at, f"this key is missing. Allowed: {type_messages.described(kind)}.")

    def unknown_keys(
        self, table: Mapping[str, Any], known: tuple[str, ...], at: KeyPath, elsewhere: Mapping[str, str] | None = None
    ) -> None:
        """Note the keys that are not known, each with the nearest that is."""
        unknown = [key for key in table if key not in known]
        for key in unknown[:_MOST_UNKNOWN_KEYS]:
            self.note((*at, key), wording.unknown_key(key, known, elsewhere or {}))
        if len(unknown) > _MOST_UNKNOWN_KEYS:
            self.note(at, f"this table holds {len(unknown) - _MOST_UNKNOWN_KEYS:,} more keys that are not known.")

    def _number(self, kind: IntType | FloatType, value: Any, at: KeyPath, whole: Type) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            self.note(at, f"{shown(value)} is no number to work with. Allowed: {type_messages.described(whole)}.")
        elif not type_messages.in_range(kind, value) or abs(value) >= _LARGEST_NUMBER:
            self.note(at, f"{shown(value)} is not allowed: {type_messages.described(whole)}.")
        return value

    def _text(self, kind: StrType, value: str, at: KeyPath, whole: Type) -> str:
        if not type_messages.matches(kind, value):
            found = f"{shown(value)} ({len(value):,} characters)" if kind.pattern is None else shown(value)
            self.note(at, f"{found} is not allowed: {type_messages.described(whole)}.")
        elif clean(value) != value:
            codes = {f"U+{ord(letter):04X}" for letter in value if clean(letter) != letter}
            self.note(
                at, f"{shown(value)} holds {listed(sorted(codes)[:3], 'and')}: control characters are not allowed."
            )
        return value

    def _choice(self, kind: LiteralType, value: Any, at: KeyPath, whole: Type) -> Any:
        if value not in kind.values:
            choices = (*(str(choice) for choice in kind.values), *((NONE,) if type_messages.optional(whole) else ()))
            self.note(at, wording.unknown_choice(value, choices, type_messages.described(whole)))
        return value

    def _list(self, kind: VarTupleType, values: list[Any], at: KeyPath, _whole: Type) -> list[Any]:
        least, most = kind.min_length or 0, kind.max_length
        if len(values) < least or (most is not None and len(values) > most):
            bounds = f"{least} to {most}" if most is not None else f"at least {least}"
            self.note(at, f"{counted(len(values), 'item')}: {bounds} are allowed.")
            return values
        return [self.value(kind.item_type, value, (*at, index)) for index, value in enumerate(values)]

    def _pair(self, kind: TupleType, values: list[Any], at: KeyPath, whole: Type) -> list[Any]:
        if len(values) != len(kind.item_types):
            self.note(at, f"{counted(len(values), 'item')} are not allowed: {type_messages.described(whole)}.")
            return values
        return [
            self.value(one, value, (*at, index))
            for index, (one, value) in enumerate(zip(kind.item_types, values, strict=True))
        ]

    def _mapping(self, kind: DictType, table: dict[str, Any], at: KeyPath, _whole: Type) -> dict[str, Any]:
        if kind.max_length is not None and len(table) > kind.max_length:
            self.note(at, f"{counted(len(table), 'key')}: at most {kind.max_length} are allowed.")
            return table
        return {key: self.value(kind.value_type, value, (*at, key)) for key, value in table.items()}


_CHECKS: dict[type[Type], Callable[[Checker, Any, Any, KeyPath, Type], Any]] = {
    IntType: Checker._number,
    FloatType: Checker._number,
    StrType: Checker._text,
    LiteralType: Checker._choice,
    VarTupleType: Checker._list,
    TupleType: Checker._pair,
    DictType: Checker._mapping,
}


def _takes(kind: Type, value: Any) -> bool:
    """Whether a value is of a kind's sort at all, right or wrong in detail. `true` is no number, 1 is a float."""
    match kind:
        case BoolType():
            return isinstance(value, bool)
        case IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case StrType() | LiteralType():
            return isinstance(value, str)
        case VarTupleType() | TupleType():
            return isinstance(value, list | tuple)
        case StructType() | DictType():
            return isinstance(value, dict)
        case _:
            return True


def told(problems: list[Problem]) -> list[str]:
    """Problems as lines of text, each with its key."""
    return [f"{dotted(problem.at)}: {problem.message}" if problem.at else problem.message for problem in problems]

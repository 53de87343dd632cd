"""What a key may hold, read off the types in spec.py and put into words."""

import re
from collections.abc import Iterator

from msgspec.inspect import (
    BoolType,
    DictType,
    Field,
    FloatType,
    IntType,
    LiteralType,
    Metadata,
    NoneType,
    StrType,
    StructType,
    TupleType,
    Type,
    UnionType,
    VarTupleType,
)

from labtui.catalog.words import listed, shown

_NUMBER_WORDS = {2: "two", 3: "three", 4: "four"}


def bare(kind: Type) -> Type:
    """The kind without the description that may be wrapped around it."""
    while isinstance(kind, Metadata):
        kind = kind.type
    return kind


def alternatives(kind: Type) -> tuple[Type, ...]:
    """The kinds that a union allows, None left out; a kind that is no union is its own only one."""
    kind = bare(kind)
    kinds = kind.types if isinstance(kind, UnionType) else (kind,)
    return tuple(one for one in kinds if not isinstance(one, NoneType))


def optional(kind: Type) -> bool:
    """Whether the key may be absent altogether, written "none"."""
    kind = bare(kind)
    return isinstance(kind, UnionType) and any(isinstance(one, NoneType) for one in kind.types)


def tables(kind: Type) -> tuple[StructType, ...]:
    """The tables among the alternatives: one, or one per name of a registry."""
    return tuple(one for one in map(bare, alternatives(kind)) if isinstance(one, StructType))


def tags(kind: Type) -> dict[str, StructType]:
    """The tables of a registry by their `name`; empty where the kind is no registry."""
    return {str(one.tag): one for one in tables(kind) if one.tag_field is not None}


def own_field(table: StructType, key: str) -> Field | None:
    """The field of a table by its key."""
    return next((field for field in table.fields if field.name == key), None)


def described(kind: Type) -> str:
    """What is allowed, in words: `a number above 0 and at most 1000`."""
    if isinstance(kind, Metadata) and kind.extra_json_schema and "description" in kind.extra_json_schema:
        return str(kind.extra_json_schema["description"])
    words = [_words(one) for one in _without_repeats(kind)]
    if optional(kind):
        words.append('"none"')
    return ", ".join(words[:-1]) + f", or {words[-1]}" if len(words) > 1 else words[0]


def _without_repeats(kind: Type) -> Iterator[Type]:
    """The alternatives, tables last and a registry's many tables as one."""
    yield from (one for one in alternatives(kind) if not isinstance(bare(one), StructType))
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
        case StrType():
            return _text_words(kind)
        case LiteralType():
            return listed(shown(value) for value in kind.values)
        case TupleType():
            return _pair_words(kind)
        case VarTupleType():
            return f"a list, each item {described(kind.item_type)}"
        case DictType():
            return f"a table, each value {described(kind.value_type)}"
        case StructType() | UnionType():
            return _table_words(kind)
        case _:
            return "any value"


def _text_words(kind: StrType) -> str:
    if kind.max_length is None:
        return "text"
    return f"text of {f'{kind.min_length} to' if kind.min_length else 'at most'} {kind.max_length} characters"


def _number_words(kind: IntType | FloatType) -> str:
    noun = "a whole number" if isinstance(kind, IntType) else "a number"
    lower, upper = kind.ge if kind.ge is not None else kind.gt, kind.le if kind.le is not None else kind.lt
    if lower is None and upper is None:
        return noun
    if kind.ge is not None:
        low = f"from {shown(lower)}"
        high = f"to {shown(upper)}" if kind.le is not None else f"to below {shown(upper)}"
        return f"{noun} {low} {high}" if upper is not None else f"{noun} of at least {shown(lower)}"
    high = f"at most {shown(upper)}" if kind.le is not None else f"below {shown(upper)}"
    if lower is None:
        return f"{noun} {high}"
    return f"{noun} above {shown(lower)} and {high}" if upper is not None else f"{noun} above {shown(lower)}"


def _pair_words(kind: TupleType) -> str:
    count = len(kind.item_types)
    item = described(kind.item_types[0])
    return f"a list of {_NUMBER_WORDS.get(count, count)}, each {item}"


def _table_words(kind: Type) -> str:
    registry = tags(kind)
    if registry:
        return f"a table whose name is {listed(shown(tag) for tag in registry)}"
    keys = [field.name for table in tables(kind) for field in table.fields]
    return f"a table of {listed(keys, 'and')}"


def in_range(kind: IntType | FloatType, value: float) -> bool:
    """Whether a finite number keeps within the bounds."""
    return (
        (kind.gt is None or value > kind.gt)
        and (kind.ge is None or value >= kind.ge)
        and (kind.lt is None or value < kind.lt)
        and (kind.le is None or value <= kind.le)
    )


def matches(kind: StrType, text: str) -> bool:
    """Whether text has the allowed length and form."""
    return (
        (kind.min_length is None or len(text) >= kind.min_length)
        and (kind.max_length is None or len(text) <= kind.max_length)
        and (kind.pattern is None or re.search(kind.pattern, text) is not None)
    )

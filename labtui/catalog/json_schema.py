"""The catalog as a JSON Schema, for editors that complete and check TOML while it is written."""

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

from labtui.catalog.schema_types import (
    MEANINGS,
    METRIC_TERMS,
    NONE,
    OWN,
    PROGRAM,
    RECIPE,
    SHARED_TERMS,
    TERMS,
    alternatives,
    is_optional,
    tables,
    takes_own_code,
    unwrapped,
)


def schema() -> dict[str, Any]:
    """A JSON Schema (2020-12) of a catalog file. Nothing is required in it, since an entry inherits what it leaves out.

    It knows keys, types and ranges. `labtui config validate` also checks names of entries and keys that must fit.
    """
    shared = _properties(SHARED_TERMS) | _properties(RECIPE)
    entry = _properties(OWN) | _properties(TERMS) | _properties(RECIPE) | _properties(PROGRAM)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "labtui catalog",
        **_object(
            {
                "defaults": _object(shared),
                "experiment": {"type": "object", "additionalProperties": _object(entry)},
                "metric": {
                    "type": "object",
                    "additionalProperties": _object(_properties(METRIC_TERMS, prefix="metric.")),
                },
            }
        ),
    }


def _properties(*structs: Any, prefix: str = "") -> dict[str, Any]:
    """The keys of some tables. The entries of a registry are merged: a key of any of them is allowed."""
    found: dict[str, Any] = {}
    for table in structs:
        if table.tag_field is not None:
            tag_field = str(table.tag_field)
            found.setdefault(tag_field, {"description": MEANINGS[prefix + tag_field], "enum": []})
            found[tag_field]["enum"].append(table.tag)
        for field in table.fields:
            key = f"{prefix}{field.name}"
            meaning = {"description": MEANINGS[key]} if key in MEANINGS else {}
            found[field.name] = meaning | _schema_of(field.type, f"{key}.")
    return found


def _schema_of(kind: Type, prefix: str) -> dict[str, Any]:
    plain = [one for one in map(unwrapped, alternatives(kind)) if not isinstance(one, StructType)]
    found = [_plain(one, prefix) for one in plain]
    if structs := tables(kind):
        table = _object(_properties(*structs, prefix=prefix))
        found.append(_with_own_names(table) if takes_own_code(kind) else table)
    if is_optional(kind):
        found.append({"const": NONE})
    return found[0] if len(found) == 1 else {"anyOf": found}


def _with_own_names(table: dict[str, Any]) -> dict[str, Any]:
    """A registry's table that also takes names of the user's own code, with their parameters."""
    name = table["properties"]["name"]
    allowed = {"anyOf": [{"enum": name.pop("enum")}, {"type": "string"}]}
    return table | {"properties": table["properties"] | {"name": name | allowed}, "additionalProperties": True}


def _plain(kind: Type, prefix: str) -> dict[str, Any]:
    match kind:
        case BoolType():
            return {"type": "boolean"}
        case IntType() | FloatType():
            bounds = {"exclusiveMinimum": kind.gt, "minimum": kind.ge, "exclusiveMaximum": kind.lt, "maximum": kind.le}
            return {"type": "integer" if isinstance(kind, IntType) else "number"} | _given(bounds)
        case StrType():
            bounds = {"minLength": kind.min_length, "maxLength": kind.max_length}
            return {"type": "string"} | _given(bounds | {"pattern": kind.pattern and kind.pattern.replace(r"\Z", "$")})
        case LiteralType():
            return {"enum": list(kind.values)}
        case TupleType():
            size = len(kind.item_types)
            return {
                "type": "array",
                "minItems": size,
                "maxItems": size,
                "items": _schema_of(kind.item_types[0], prefix),
            }
        case VarTupleType():
            bounds = {"minItems": kind.min_length, "maxItems": kind.max_length}
            return {"type": "array", "items": _schema_of(kind.item_type, prefix)} | _given(bounds)
        case DictType():
            return {"type": "object", "additionalProperties": _schema_of(kind.value_type, prefix)}
        case _:
            return {}


def _given(bounds: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in bounds.items() if value is not None}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}

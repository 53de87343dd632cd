"""Overrides: changed keys of one run's recipe, from `--set optimizer.lr=0.01`, the launch dialog and `--epochs`."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from labtui.catalog.fields import Field, assignable, plain_recipe, read_value, recipe_fields, value_at
from labtui.catalog.own_code import convert_recipe
from labtui.catalog.programs import override_parameters, parameter_fields
from labtui.catalog.schema_types import INHERITED_KEYS, OWN_KEYS, RECIPE, REGISTRIES, Recipe, tags
from labtui.catalog.semantic_checks import contradictions
from labtui.catalog.words import did_you_mean, quoted, shown_all
from labtui.errors import UsageError
from labtui.lab_code import NO_CODE, LabCode
from labtui.spec import ProgramSpec, RunSpec, Spec
from labtui.text.words import enumeration

_TAGS = tuple(f"{registry}.name" for registry in REGISTRIES)


def fields(spec: Spec, code: LabCode = NO_CODE) -> list[Field]:
    """The keys that can be changed before a launch, for a dialog: those of the recipe, or a program's parameters."""
    return parameter_fields(spec) if isinstance(spec, ProgramSpec) else recipe_fields(spec, code)


def override(spec: Spec, assignments: Mapping[str, Any] | Sequence[str], code: LabCode = NO_CODE) -> Spec:
    """The spec with keys of its recipe changed: `["lr=0.01", "training.epochs=3"]`, or the same as a mapping.

    The end of a key is enough where only one key ends so. A new `name` of a model, optimizer or scheduler brings its
    own defaults. `code` holds the user's own classes that the spec may name. Of a program only parameters can be
    changed. What then differs is stored in `overrides`. Raises UsageError with everything that is wrong.
    """
    if isinstance(spec, ProgramSpec):
        return override_parameters(spec, _pairs(assignments))
    return _override_recipe(spec, assignments, code)


def _override_recipe(spec: RunSpec, assignments: Mapping[str, Any] | Sequence[str], code: LabCode) -> RunSpec:
    table = plain_recipe(spec)
    assigned: list[str] = []
    wrong: list[str] = []
    for key, value in _tags_first(_pairs(assignments)):
        try:
            whole = _whole_key(key, table)
        except UsageError as error:
            wrong.append(error.message)
            continue
        if whole in assigned:
            wrong.append(f"{whole} is set twice.")
            continue
        kind = assignable(table)[whole]
        table = _with(table, whole.split("."), read_value(kind, value) if isinstance(value, str) else value)
        assigned.append(whole)
    recipe, problems = convert_recipe(table, code)
    problems.extend(contradictions(recipe) if recipe else ())
    if recipe is None or problems or wrong:
        raise UsageError("\n".join((*wrong, *map(str, problems))))
    return _recorded(spec, recipe, assigned)


def _pairs(assignments: Mapping[str, Any] | Sequence[str]) -> list[tuple[str, Any]]:
    if isinstance(assignments, Mapping):
        return list(assignments.items())
    pairs: list[tuple[str, Any]] = []
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{quoted(text)} sets nothing. Write key=value, as in: --set optimizer.lr=0.01")
        pairs.append((key.strip(), value))
    return pairs


def _tags_first(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """A new optimizer brings its own keys, which other assignments may set: so names come first."""
    return sorted(pairs, key=lambda pair: pair[0] not in _TAGS)


def _whole_key(key: str, table: Mapping[str, Any]) -> str:
    known = assignable(table)
    if key in known:
        return key
    ending = [one for one in known if one.endswith(f".{key}")]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise UsageError(f"{quoted(key)} can be {enumeration(ending, 'or')}: write the whole key.")
    raise UsageError(_unknown_key(key, tuple(known)))


def _unknown_key(key: str, known: Sequence[str]) -> str:
    if owners := _owners(key):
        registry, names = owners
        return f"{quoted(key)} belongs to {shown_all(names)}: set {registry}.name={names[0]} too."
    if key in ("seed", "seeds"):
        return f"{quoted(key)} is not a key of a recipe: seeds are chosen with --seeds."
    if key in (*OWN_KEYS, *INHERITED_KEYS):
        return f"{quoted(key)} is not a key of a recipe: it can only be set in the catalog."
    return f"{quoted(key)} is not a key of a recipe.{did_you_mean(key, known, quote=False)} Keys: {_leading(known)}."


def _owners(key: str) -> tuple[str, list[str]] | None:
    """The registry, and the names in it, that have a key which this run's own choice lacks."""
    for field in RECIPE.fields:
        names = [
            tag
            for tag, table in tags(field.type).items()
            for one in table.fields
            if key in (one.name, f"{field.name}.{one.name}")
        ]
        if names:
            return field.name, names
    return None


def _leading(known: Sequence[str]) -> str:
    """The keys that hold values, without the tables around them."""
    return enumeration([one for one in known if not any(other.startswith(f"{one}.") for other in known)])


def _with(table: Mapping[str, Any], at: Sequence[str], value: Any) -> dict[str, Any]:
    """The table with one value set; absent tables on the way are created."""
    key, *rest = at
    below = table.get(key)
    if rest == ["name"] and key in REGISTRIES and isinstance(below, dict) and below.get("name") != value:
        return {**table, key: {"name": value}}
    if rest:
        value = _with(below if isinstance(below, dict) else {}, rest, value)
    return {**table, key: value}


def _recorded(spec: RunSpec, recipe: Recipe, assigned: Sequence[str]) -> RunSpec:
    """The spec with its new recipe; `overrides` holds the values, as checked, of all keys that were ever changed."""
    before = plain_recipe(spec)
    changed = msgspec.structs.replace(spec, **{key: getattr(recipe, key) for key in Recipe.__struct_fields__})
    after = plain_recipe(changed)
    keys = [*spec.overrides, *(key for key in assigned if value_at(after, key) != value_at(before, key))]
    overrides = {key: value_at(after, key) for key in keys if key in assignable(after)}
    return msgspec.structs.replace(changed, overrides=overrides)

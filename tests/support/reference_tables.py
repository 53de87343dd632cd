"""The tables of docs/catalog.md, made from the types that the loader checks against.

`python -m tests.support.reference_tables` writes them into the page; a test checks that the page matches them.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import inspect
from msgspec.inspect import Field, StructType, Type

from labtui.catalog.fields import inline
from labtui.catalog.schema_types import (
    ENTRY_KEYS,
    MEANINGS,
    OWN,
    PROGRAM,
    RECIPE,
    TERMS,
    alternatives,
    field_of,
    is_optional,
    tags,
    unwrapped,
)
from labtui.catalog.schema_types import tables as tables_of
from labtui.catalog.type_messages import described
from labtui.catalog.words import shown, shown_all
from labtui.spec import Reference
from tests.support.processes import ROOT

PAGE = ROOT / "docs" / "catalog.md"
_MARK = re.compile(r"(<!-- table: (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_TRANSFORMS = "data.augment.transforms"
_MIX = "training.mix"


def tables() -> dict[str, str]:
    """Each table of the page as Markdown, by the name in its mark."""
    reference = inspect.type_info(Reference)
    assert isinstance(reference, StructType)
    return {
        "entry": table(entry_rows()),
        "reference": table(struct_rows(reference, "reference.")),
        "metric": table(struct_rows(tables_of(field(TERMS, "metric").type)[0], "metric.")),
        "data": table(kind_rows(field(RECIPE, "data"), "data")),
        "transforms": table(kind_rows(transforms(), _TRANSFORMS), registry=True),
        "model": table(kind_rows(field(RECIPE, "model"), "model"), registry=True),
        "penalty": table(kind_rows(field(RECIPE, "penalty"), "penalty")),
        "optimizer": table(kind_rows(field(RECIPE, "optimizer"), "optimizer"), registry=True),
        "scheduler": table(kind_rows(field(RECIPE, "scheduler"), "scheduler"), registry=True),
        "training": table(kind_rows(field(RECIPE, "training"), "training")),
        "mix": table(kind_rows(mixes(), _MIX), registry=True),
        "program": table(struct_rows(PROGRAM, "")),
    }


Row = tuple[str, str, str, str, str]
"""Key, whose it is, what is allowed, default, meaning."""


def table(rows: Iterable[Row], *, registry: bool = False) -> str:
    """Markdown of some rows; the column of owners only for a registry."""
    header = ("Key", "Of", "Allowed", "Default", "Meaning")
    shown = [0, 1, 2, 3, 4] if registry else [0, 2, 3, 4]
    lines = [[header[column] for column in shown], ["---"] * len(shown)]
    lines += [[row[column] for column in shown] for row in rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def entry_rows() -> list[Row]:
    """The keys of an entry beside its recipe, in the order in which messages list them."""
    rows = [*struct_rows(OWN, ""), *struct_rows(TERMS, ""), row(field(RECIPE, "protocol"), "protocol", "")]
    return sorted(rows, key=lambda one: ENTRY_KEYS.index(one[0].strip("`")))


def kind_rows(of: Field, key: str) -> Iterator[Row]:
    """The keys of a table, or of all entries of a registry, equal ones of several entries in one row."""
    registry = tags(of.type)
    if not registry:
        if is_optional(of.type):
            yield row(of, key, "")
        yield from struct_rows(tables_of(of.type)[0], f"{key}.")
        return
    names = shown_all(registry, "or")
    default = "required" if of.required else f"`{shown(of.default.__struct_config__.tag)}`"
    yield (f"`{key}.name`", "all", names, default, MEANINGS[f"{key}.name"])
    grouped: dict[tuple[str, str, str, str], list[str]] = {}
    for tag, struct in registry.items():
        for name, _, allowed, default, meaning in struct_rows(struct, f"{key}."):
            grouped.setdefault((name, allowed, default, meaning), []).append(f"`{tag}`")
    for (name, allowed, default, meaning), owners in grouped.items():
        yield (name, ", ".join(owners), allowed, default, meaning)


def struct_rows(struct: StructType, prefix: str) -> Iterator[Row]:
    """The keys of one table and of the tables below it."""
    for one in struct.fields:
        key = f"{prefix}{one.name}"
        yield row(one, key, "")
        for below in tables_of(one.type):
            if prefix.startswith("data.") or struct is PROGRAM or (prefix == "training." and below.tag_field is None):
                yield from struct_rows(below, f"{key}.")


def row(of: Field, key: str, owner: str) -> Row:
    allowed = described(of.type)
    if key == "grid":
        allowed = "a table of lists, each of 1 to 200 values"
    return (f"`{key}`", owner, allowed.replace("|", "\\|"), default_text(of), MEANINGS[key])


def default_text(of: Field) -> str:
    if of.required:
        return "required"
    if of.name == "title":
        return "the entry's name"
    value = of.default if of.default_factory is inspect.NODEFAULT else of.default_factory()
    plain = msgspec.to_builtins(value)
    return "–" if plain in (None, "", (), [], {}) else f"`{inline(plain)}`"


def field(struct: StructType, name: str) -> Field:
    found = field_of(struct, name)
    assert found is not None
    return found


def transforms() -> Field:
    """The registry of transforms, as if it were a table of its own."""
    augment = tables_of(field(tables_of(field(RECIPE, "data").type)[0], "augment").type)[0]
    listed: Type = unwrapped(field(augment, "transforms").type)
    assert isinstance(listed, inspect.VarTupleType)
    return Field(name="transforms", encode_name="transforms", type=listed.item_type, required=True)


def mixes() -> Field:
    """The registry of ways to mix a batch, as if it were a table of its own."""
    mix = field(tables_of(field(RECIPE, "training").type)[0], "mix")
    listed = next(unwrapped(one) for one in alternatives(mix.type))
    assert isinstance(listed, inspect.VarTupleType)
    return Field(name="mix", encode_name="mix", type=listed.item_type, required=True)


def filled(page: str) -> str:
    """The page with its tables as they must be."""
    made = tables()
    return _MARK.sub(lambda match: f"{match[1]}{made[match['name']]}{match[3]}", page)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")

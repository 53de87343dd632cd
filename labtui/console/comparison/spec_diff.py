"""Specs side by side: only the keys in which they differ. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from labtui.compare.spec_diff import changes, covers
from labtui.console.experiments.entry import Entry
from labtui.console.ui.glyphs import Glyphs
from labtui.spec import RunSpec, Variant, recipe
from labtui.text.spans import Line, Span, fit, shorten, text_width
from labtui.text.words import value_text

NARROWEST = 6
WIDEST = 26
"""Cells of a value."""


def contrast_lines(
    specs: Sequence[tuple[str, RunSpec]], factor: tuple[str, ...], room: int, glyphs: Glyphs
) -> list[Line]:
    """A column per titled spec, a line per key in which any differs from the first.

    Keys outside the declared factor stand out; without a declared factor none does.
    """
    keys = differing([spec for _, spec in specs])
    if not keys:
        return [(Span("the same recipe: nothing differs but the seed", "muted"),)]
    left = min(max(text_width(key) for key in keys), max(12, room * 2 // 5)) + 3
    across = min(WIDEST, max(NARROWEST, (room - left) // len(specs) - 2))
    outside = [key for key in keys if factor and not covers(factor, key)]
    head = [Span("  what differs", "title")]
    lines = [_line(head, [Span(title, "muted") for title, _ in specs], left, across, glyphs)]
    tables = [recipe(spec) for _, spec in specs]
    for key in keys:
        beyond = key in outside
        name = [Span("! " if beyond else "  ", "warn"), Span(key, "warn" if beyond else "muted")]
        lines.append(_line(name, _values(tables, key), left, across, glyphs))
    if outside:
        lines += [(), (Span(f"! beyond the declared factor, {', '.join(factor)}", "warn"),)]
    return [shorten(line, room, glyphs.ellipsis) for line in lines]


def _line(name: Sequence[Span], values: Sequence[Span], left: int, across: int, glyphs: Glyphs) -> Line:
    spans = [*fit(name, left - 1, ellipsis=glyphs.ellipsis), Span(" ")]
    for value in values:
        spans += [*fit((value,), across, ellipsis=glyphs.ellipsis), Span("  ")]
    return tuple(spans)


def _values(tables: Sequence[Mapping[str, Any]], key: str) -> list[Span]:
    """A key's value in each spec; muted where it is the first one's."""
    texts = [_value(table, key) for table in tables]
    return [Span(text, "muted" if index and text == texts[0] else "") for index, text in enumerate(texts)]


def differing(specs: Sequence[RunSpec]) -> tuple[str, ...]:
    """The keys in which any spec differs from the first, in the order of the recipe."""
    first, *others = specs
    return tuple(dict.fromkeys(change.key for other in others for change in changes(first, other)))


def _value(table: Mapping[str, Any], key: str) -> str:
    value: Any = table
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value_text(value)


def specs_of(
    entries: Sequence[Entry], variants: Sequence[Variant]
) -> tuple[list[tuple[str, RunSpec]], tuple[str, ...]]:
    """The specs of entries of the list, and of one alone with its declared baseline's; and what it declares to change.

    `variants` are the catalog's, resolved: one that names its data set's own figures differs from no run that has them.
    """
    found = [(entry.title, spec) for entry in entries if (spec := _spec(entry, variants))]
    if len(found) != 1:
        return found, ()
    spec = found[0][1]
    baseline = _variant(spec.baseline or "", spec.data.name, variants)
    return [*found, *([(baseline.display_title, baseline)] if baseline else [])], spec.factor


def _spec(entry: Entry, variants: Sequence[Variant]) -> RunSpec | None:
    if entry.run is not None and entry.run.spec is not None:
        return entry.run.spec
    return _variant(entry.variant.spec.name, entry.variant.spec.data.name, variants) if entry.variant else None


def _variant(name: str, data: str, variants: Sequence[Variant]) -> RunSpec | None:
    return next(
        (
            variant.spec
            for variant in variants
            if name in (variant.spec.name, variant.spec.experiment) and variant.spec.data.name == data
        ),
        None,
    )

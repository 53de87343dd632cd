"""Specs side by side: only the keys in which they differ, as lines and in a box over the screen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from labtui.compare.foreign import spec_of_run
from labtui.compare.spec_diff import changes, covers
from labtui.console.experiments.entry import ListEntry
from labtui.console.ui.glyphs import Glyphs
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.text_panel import TextPanel
from labtui.spec import Spec, Variant, flatten, recipe
from labtui.text.spans import Line, Span, fit, shorten, text_width
from labtui.text.words import value_text

NARROWEST, WIDEST = 6, 26
"""Cells of a column of values."""

FRAME = 2
"""Lines of the border of the box."""


def diff_lines(specs: Sequence[tuple[str, Spec]], factor: tuple[str, ...], width: int, glyphs: Glyphs) -> list[Line]:
    """A column per titled spec and a line per key in which any differs from the first, at most `width` cells wide.

    Keys outside the declared factor are marked, if there is one.
    """
    keys = differing_keys([spec for _, spec in specs])
    if not keys:
        return [(Span("the same recipe: only the seed differs", "muted"),)]
    left = min(max(text_width(key) for key in keys), max(12, width * 2 // 5)) + 3
    across = min(WIDEST, max(NARROWEST, (width - left) // len(specs) - 2))
    outside = [key for key in keys if factor and not covers(factor, key)]
    head = [Span("  what differs", "title")]
    lines = [_line(head, [Span(title, "muted") for title, _ in specs], left, across, glyphs)]
    tables = [recipe(spec) for _, spec in specs]
    for key in keys:
        beyond = key in outside
        name = [Span("! " if beyond else "  ", "warn"), Span(key, "warn" if beyond else "muted")]
        lines.append(_line(name, _values(tables, key), left, across, glyphs))
    if outside:
        lines += [(), (Span(f"! beyond the declared factor: {', '.join(factor)}", "warn"),)]
    return [shorten(line, width, glyphs.ellipsis) for line in lines]


def _line(name: Sequence[Span], values: Sequence[Span], left: int, across: int, glyphs: Glyphs) -> Line:
    spans = [*fit(name, left - 1, ellipsis=glyphs.ellipsis), Span(" ")]
    for value in values:
        spans += [*fit((value,), across, ellipsis=glyphs.ellipsis), Span("  ")]
    return tuple(spans)


def _values(tables: Sequence[Mapping[str, Any]], key: str) -> list[Span]:
    """A key's value in each spec; muted where it is the first one's."""
    texts = [_value(table, key) for table in tables]
    return [Span(text, "muted" if index and text == texts[0] else "") for index, text in enumerate(texts)]


def differing_keys(specs: Sequence[Spec]) -> tuple[str, ...]:
    """The keys in which any spec differs from the first, in the order of the recipe."""
    first, *others = specs
    return tuple(dict.fromkeys(change.key for other in others for change in changes(first, other)))


def _value(table: Mapping[str, Any], key: str) -> str:
    flat = flatten(table)
    if key in flat:  # a parameter's name may have dots of its own
        return value_text(flat[key])
    value: Any = table
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value_text(value)


def specs_of(
    entries: Sequence[ListEntry], variants: Sequence[Variant]
) -> tuple[list[tuple[str, Spec]], tuple[str, ...]]:
    """The titled specs of entries, for one entry with its declared baseline's, and the factor that it declares.

    `variants` are the catalog's variants as they would run.
    """
    specs = [(entry.title, spec) for entry in entries if (spec := _spec(entry, variants))]
    if len(specs) != 1:
        return specs, ()
    spec = specs[0][1]
    baseline = _variant(spec.baseline or "", spec.dataset, variants)
    return [*specs, *([(baseline.display_title, baseline)] if baseline else [])], spec.factor


def _spec(entry: ListEntry, variants: Sequence[Variant]) -> Spec | None:
    if entry.run is not None and entry.run.spec is not None:
        return entry.run.spec
    if entry.run is not None and entry.run.foreign:
        return spec_of_run(entry.run)
    return _variant(entry.variant.spec.name, entry.variant.spec.dataset, variants) if entry.variant else None


def _variant(name: str, data: str, variants: Sequence[Variant]) -> Spec | None:
    return next(
        (
            variant.spec
            for variant in variants
            if name in (variant.spec.name, variant.spec.experiment) and variant.spec.dataset == data
        ),
        None,
    )


class DiffScreen(ModalScreen[None]):
    """The differences of titled specs in a box; the key that opened it closes it."""

    CSS_PATH = Path(__file__).parents[1] / "ui" / "pages.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,d,q,enter", "close", "Close", show=False)]

    def __init__(self, specs: Sequence[tuple[str, Spec]], factor: tuple[str, ...]) -> None:
        super().__init__()
        self._specs, self._factor = specs, factor

    def compose(self) -> ComposeResult:
        """A box of lines."""
        yield TextPanel(id="differences")

    def on_mount(self) -> None:
        """Show the differences."""
        panel, glyphs = self.query_one(TextPanel), glyphs_of(self)
        panel.show(lambda width: diff_lines(self._specs, self._factor, width, glyphs))
        panel.styles.height = len(diff_lines(self._specs, self._factor, 80, glyphs)) + FRAME
        factor = f"declared factor: {', '.join(self._factor)}" if self._factor else ""
        entitle(panel, " and ".join(title for title, _ in self._specs[:3]), factor)

    def action_close(self) -> None:
        """Close the box."""
        self.dismiss(None)

"""The fields of the launch dialog: what can be changed, what was typed, whether it can be meant. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from labtui.catalog import fields, override, parse_seeds
from labtui.console.draw.spans import Line, Span, cells, fit, shorten
from labtui.console.launch.request import Wish
from labtui.console.ui.glyphs import Glyphs
from labtui.datasets import known_datasets
from labtui.errors import UsageError
from labtui.spec import RunSpec, Variant
from labtui.text.clean import clean_line

SEEDS, DEVICE, AT_ONCE = "seeds", "device", "at once"
FIRST = ("training.epochs", "optimizer.lr")
"""Recipe keys that stand first: they are changed most."""

DIFFERS = "differs"
"""In place of a default that the chosen experiments do not share."""

AUTO = "the least busy GPU with room, else the CPU"

MOST_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Box:
    """One field."""

    key: str
    default: str
    allowed: str
    """In words."""
    choices: tuple[str, ...] = ()
    meaning: str = ""
    typed: str | None = None
    """None where nothing was changed."""
    fault: str = ""

    @property
    def text(self) -> str:
        """What stands in it."""
        return self.default if self.typed is None else self.typed

    @property
    def is_changed(self) -> bool:
        """Whether it says something else than before."""
        return self.typed is not None and self.typed != self.default

    def with_character(self, character: str) -> "Box":
        """One more character; the first one takes the default's place."""
        return replace(self, typed=clean_line((self.typed or "") + character))

    def without_last(self) -> "Box":
        """One character less."""
        return replace(self, typed=self.text[:-1] if self.text != DIFFERS else "")

    def turned(self, by: int) -> "Box":
        """The next or previous choice; a field without choices stays as it is."""
        if not self.choices:
            return self
        here = self.choices.index(self.text) if self.text in self.choices else -1 if by > 0 else 0
        return replace(self, typed=self.choices[(here + by) % len(self.choices)])


def boxes(
    variants: Sequence[Variant], seeds: Iterable[int], devices: Mapping[str, str], typed: Mapping[str, str]
) -> tuple[Box, ...]:
    """All fields for the chosen variants, with what was typed checked.

    Only keys that all chosen variants have can be changed; `seeds` are those that the catalog names, `devices` maps
    device names to what there is to say about them.
    """
    numbers = ",".join(map(str, seeds))
    common = [
        Box(SEEDS, numbers, "a count such as 3, or 0,4,7, or 0-4", meaning="one run of each experiment per seed"),
        Box(DEVICE, "auto", devices.get(typed.get(DEVICE, ""), AUTO), ("auto", *devices), "where the runs train"),
        Box(AT_ONCE, "1", f"1 to {MOST_AT_ONCE}", meaning="runs that share the device"),
    ]
    all_boxes = [*common, *(_recipe_boxes(variants, typed) if variants else [])]
    return tuple(_checked(replace(box, typed=typed.get(box.key)), variants) for box in all_boxes)


def typed_by(wish: Wish, variants: Sequence[Variant]) -> dict[str, str]:
    """What stands in the fields when the dialog begins with a wish; short keys are written out."""
    keys = [field.key for field in fields(_tried(variants[0].spec, dict(_pairs(wish))))] if variants else []
    typed = {next((key for key in keys if key.endswith(f".{name}")), name): text for name, text in _pairs(wish)}
    typed |= {SEEDS: wish.seeds} if wish.seeds else {}
    typed |= {DEVICE: wish.device} if wish.device != "auto" else {}
    return typed | ({AT_ONCE: str(wish.at_once)} if wish.at_once != 1 else {})


def _pairs(wish: Wish) -> list[tuple[str, str]]:
    return [(name, text) for name, equals, text in (change.partition("=") for change in wish.changes) if equals]


def wished(found: Sequence[Box], names: tuple[str, ...]) -> Wish:
    """What the fields say, for these experiments."""
    texts = {box.key: box.text for box in found if box.is_changed}
    at_once = texts.get(AT_ONCE, "1")
    return Wish(
        names,
        texts.get(SEEDS, ""),
        changes(found),
        texts.get(DEVICE, "auto"),
        int(at_once) if at_once.isascii() and at_once.isdecimal() else 1,
    )


def changes(found: Iterable[Box]) -> tuple[str, ...]:
    """The recipe keys that were changed, as `key=value`."""
    return tuple(
        f"{box.key}={box.typed}" for box in found if box.is_changed and box.key not in (SEEDS, DEVICE, AT_ONCE)
    )


def _recipe_boxes(variants: Sequence[Variant], typed: Mapping[str, str]) -> list[Box]:
    usual = [{field.key: field.text for field in fields(variant.spec)} for variant in variants]
    tables = [{field.key: field for field in fields(_tried(variant.spec, typed))} for variant in variants]
    found = []
    for key, field in tables[0].items():
        if not all(key in table for table in tables):
            continue
        # A key that only came with another optimizer has no usual text: its own default stands there.
        texts = {own.get(key, table[key].text) for own, table in zip(usual, tables, strict=True)}
        default = texts.pop() if len(texts) == 1 else DIFFERS
        choices = tuple(known_datasets()) if key == "data.name" else field.choices
        found.append(Box(key, default, field.type_text, choices, field.meaning))
    return sorted(found, key=lambda box: FIRST.index(box.key) if box.key in FIRST else len(FIRST))


def _tried(spec: RunSpec, typed: Mapping[str, str]) -> RunSpec:
    """The spec with whatever of the typed texts it takes: another optimizer brings other keys."""
    for key, text in sorted(typed.items(), key=lambda pair: not pair[0].endswith(".name")):
        if key not in (SEEDS, DEVICE, AT_ONCE):
            try:
                spec = override(spec, [f"{key}={text}"])
            except UsageError:  # the field itself tells what is wrong
                continue
    return spec


def _checked(box: Box, variants: Sequence[Variant]) -> Box:
    if not box.is_changed:
        return box
    try:
        if box.key == SEEDS:
            parse_seeds(box.text)
        elif box.key == AT_ONCE:
            _count(box.text)
        elif box.key == DEVICE:
            return box if box.text in box.choices else replace(box, fault="no such device here")
        else:
            for variant in variants:
                override(_tried(variant.spec, {}), [f"{box.key}={box.text}"])
    except UsageError as fault:
        return replace(box, fault=clean_line(fault.message.partition("\n")[0]))
    return box


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_AT_ONCE):
        raise UsageError(f"a whole number from 1 to {MOST_AT_ONCE}")
    return int(text)


# --- Lines --------------------------------------------------------------------------------------------------------

VALUE = 18
ROOMY = 64
"""Cells from which a field has room for what is allowed beside it."""


def box_line(box: Box, room: int, glyphs: Glyphs, *, key_room: int, current: bool, focused: bool) -> Line:
    """One field: its key, what stands in it, and what is allowed or what is wrong."""
    ink = "bad" if box.fault else "accent" if box.is_changed else "muted" if box.text == DIFFERS else ""
    mark = Span(glyphs.cursor if focused else " ", "accent")
    value = (Span(box.text, ink), mark) if current else (Span(box.text, ink),)
    arrows = Span("< > " if glyphs.ascii else "‹ › ", "muted") if box.choices and current else Span("")
    hint = box.fault or (_hint(box, current=current) if room >= ROOMY else "")
    return shorten(
        (
            *fit((Span(box.key, "strong" if current else "muted"),), key_room, ellipsis=glyphs.ellipsis),
            *fit(value, min(VALUE, max(6, room - key_room))),
            Span(" "),
            arrows,
            Span(hint, "bad" if box.fault else "muted"),
        ),
        room,
        glyphs.ellipsis,
    )


def told(box: Box, *, brief: bool = False) -> str:
    """What the field means and what is allowed in it, in a sentence; in brief, what is wrong or allowed alone."""
    allowed = " ".join(box.choices) or box.allowed
    if brief:
        return box.fault.removeprefix(f"{box.key}: ") or allowed or box.meaning
    return f"{box.meaning.rstrip('.')}: {allowed}" if box.meaning and allowed else box.meaning or allowed


def _hint(box: Box, *, current: bool) -> str:
    """The choices of the field under the cursor, in words what others take; of a device how busy it is."""
    return " ".join(box.choices) if box.choices and current and box.key != DEVICE else box.allowed


def key_room(found: Iterable[Box], room: int) -> int:
    """Cells of the keys."""
    longest = max((cells(box.key) for box in found), default=8) + 2
    return min(longest, max(10, room // 2 - 4))

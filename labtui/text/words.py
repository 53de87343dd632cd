"""Words and sentences made from values."""

from collections.abc import Sequence
from typing import Any

import msgspec

from labtui.text.clean import clean_line


def plural(count: int, noun: str, nouns: str = "") -> str:
    """A count with its noun: `1 run`, `3 runs`; `nouns` is a plural that does not just add an s."""
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"


def ordinal(number: int) -> str:
    """`first`, `second`, …, `tenth`; then `11th`, `12th`, `21st`."""
    words = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
    if 1 <= number <= len(words):
        return words[number - 1]
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def enumeration(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; `last` is the word before the last one. Nothing where there are no words."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def with_full_stop(text: str) -> str:
    """The text, ended by a full stop unless it has a mark of its own."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def sentence(text: str) -> str:
    """The text with a capital in front and a full stop at the end; not for text that begins with a key."""
    return f"{text[:1].upper()}{with_full_stop(text[1:])}"


def value_text(value: Any, longest: int = 80) -> str:
    """A value of a spec, cleaned and cut: `0.5`, `none`, `adam`, `0.3, 0.2`, `resize, horizontal_flip`."""
    return clean_line(_value_text(value), longest)


def _value_text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        if "name" in value:
            return str(value["name"])
        return ", ".join(f"{key} {_value_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_value_text, value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

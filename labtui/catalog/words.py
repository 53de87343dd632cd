"""Keys and values as messages show them, and what was probably meant by a word that is unknown."""

import contextlib
import datetime
import difflib
import json
import math
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from labtui.text.clean import clean_line
from labtui.text.words import enumeration

KeyPath = tuple[str | int, ...]
"""Where a value is in a parsed TOML document: keys of tables, and indices of lists."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_LONGEST_SHOWN = 60


def shown_path(path: Path) -> str:
    """A path for people: relative to the current folder if it is below it."""
    with contextlib.suppress(ValueError, OSError):
        path = path.relative_to(Path.cwd())
    return clean_line(str(path))


def dotted(at: KeyPath) -> str:
    """A key path as one would write it: `experiment.adam.member."0.01"`, `data.augment.transforms[2]`."""
    text = ""
    for part in at:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE_KEY.match(part) else quoted(part))
    return clean_line(text, 200)


def quoted(text: str) -> str:
    """Text in the quotes that it has in the file, cut to a readable length."""
    return f'"{clean_line(text, _LONGEST_SHOWN)}"'


def shown(value: Any) -> str:
    """A value as it is written in TOML, or what it is where it is too large to show."""
    match value:
        case str():
            return quoted(value)
        case bool():
            return "true" if value else "false"
        case float() if not math.isfinite(value):
            return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
        case int() | float():
            return clean_line(str(value), _LONGEST_SHOWN)
        case list() | tuple():
            plain = len(value) <= 4 and not any(isinstance(one, list | tuple | dict) for one in value)
            return f"[{', '.join(map(shown, value))}]" if plain else f"a list of {len(value)}"
        case dict():
            return "a table"
        case _:
            return clean_line(str(value), _LONGEST_SHOWN)


def shown_all(values: Iterable[Any], last: str = "and") -> str:
    """Values as a phrase: `"adam", "adamw" and "sgd"`."""
    return enumeration([shown(value) for value in values], last)


def value_and_kind(value: Any) -> str:
    """`"x" is text`, `3 is a number`, `this is a table`: what stands where something else is needed."""
    large = isinstance(value, dict) or (isinstance(value, list | tuple) and not shown(value).startswith("["))
    return f"this is {kind_of(value)}" if large else f"{shown(value)} is {kind_of(value)}"


def kind_of(value: Any) -> str:
    """What sort of value it is, in words."""
    match value:
        case str():
            return "text"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
        case datetime.date() | datetime.time():
            return "a date or time"
        case _:
            return "of an unknown kind"


def nearest(word: str, options: Collection[str]) -> tuple[str, ...]:
    """The options most like a word, whatever its case; of dotted keys the last part counts too. At most three."""
    by_folded: dict[str, str] = {}
    for option in options:
        by_folded.setdefault(option.casefold(), option)
        by_folded.setdefault(option.rpartition(".")[2].casefold(), option)
    folded = word[:_LONGEST_SHOWN].casefold()
    matches = difflib.get_close_matches(folded, by_folded, n=3, cutoff=0.6)
    return tuple(dict.fromkeys(by_folded[match] for match in matches))


def did_you_mean(word: str, options: Collection[str], *, quote: bool = True) -> str:
    """` Did you mean "x"?` with its leading space, or nothing where no option is like the word."""
    matches = [json.dumps(match) if quote else match for match in nearest(word, options)]
    return f" Did you mean {enumeration(matches, 'or')}?" if matches else ""


def foreign_letters(word: str) -> str:
    """A sentence where a word holds letters that may only look like plain ones, else nothing."""
    codes = [f"U+{ord(letter):04X}" for letter in word[:_LONGEST_SHOWN] if not letter.isascii()]
    return f" It contains {enumeration(codes[:3])}, which may look like a plain letter." if codes else ""

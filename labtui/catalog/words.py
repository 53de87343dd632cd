"""What is wrong in a catalog, where, and in words that help a newcomer to mend it."""

import contextlib
import datetime
import difflib
import json
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labtui.text.clean import clean_line

KeyPath = tuple[str | int, ...]
"""Where a value stands in a parsed TOML document: table keys, and places in lists from 0."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one value, before it is known in which line of which file the value stands."""

    at: KeyPath
    message: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a catalog. `str(fault)` is the whole of it in one readable text."""

    path: Path
    line: int | None
    column: int | None
    """From 1; known for faults of syntax only."""
    key: str
    """The dotted key as it is written in the file; empty where the fault is of no one key."""
    message: str
    experiment: str | None
    """The entry in which it is written; None for [defaults] and for the file as a whole."""
    entries: tuple[str, ...] = ()
    """The entries that cannot run because of it: the one in which it is written, and its heirs."""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (shown_path(self.path), self.line, self.column) if part is not None)
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


def shown_path(path: Path) -> str:
    """A path for people: relative to the current folder where it lies below it."""
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
            return shown_list(value)
        case dict():
            return "a table"
        case _:
            return clean_line(str(value), _LONGEST_SHOWN)


def shown_list(values: Sequence[Any]) -> str:
    """A short list of plain values as it is written, any other by its length."""
    if len(values) <= 4 and not any(isinstance(value, list | tuple | dict) for value in values):
        return f"[{', '.join(shown(value) for value in values)}]"
    return f"a list of {len(values)}"


def told_kind(value: Any) -> str:
    """`"x" is text`, `3 is a number`, `this is a table`: what was found where something else is needed."""
    large = isinstance(value, dict) or (isinstance(value, list | tuple) and not shown(value).startswith("["))
    return f"this is {kind_of(value)}" if large else f"{shown(value)} is {kind_of(value)}"


def kind_of(value: Any) -> str:
    """What sort of value it is, in a newcomer's words."""
    match value:
        case str():
            return "text"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case list() | tuple():
            return "a list"
        case dict():
            return "a table"
        case datetime.date() | datetime.time():
            return "a date or time"
        case _:
            return "nothing that is known here"


def counted(count: int, noun: str) -> str:
    """`1 item`, `3 items`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    words = list(words)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


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
    matches = nearest(word, options)
    if not matches:
        return ""
    return f" Did you mean {listed(json.dumps(match) if quote else match for match in matches)}?"


def foreign_letters(word: str) -> str:
    """A sentence where a word holds letters that may only look like plain ones, else nothing."""
    letters = [letter for letter in word[:_LONGEST_SHOWN] if not letter.isascii()]
    if not letters:
        return ""
    return f" It holds {listed(f'U+{ord(letter):04X}' for letter in letters[:3])}, which may look like a plain letter."

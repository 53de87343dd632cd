"""Textual's driver of this terminal, writing fewer bytes: of colours and attributes only what changes.

Textual writes each piece of a line with all its colours and a reset behind it, some fifty bytes for a border's one
character. What reaches the screen is the same.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from textual.driver import Driver

_LOOKS = re.compile(r"\x1b\[([0-9;]*)m")
_SIMPLE = {str(number) for number in (1, 2, 3, 4, 5, 7, 9)}
"""Attributes that are switched on one by one; taking one away starts from nothing."""

_SEEN_ON_BLANKS = frozenset("479")
"""Underline, reverse, strike: with these a blank shows its colour."""


class Look(NamedTuple):
    """How characters are drawn."""

    attributes: frozenset[str] = frozenset()
    front: str = ""
    back: str = ""
    """As the terminal is told; empty for its own colours."""


PLAIN = Look()
UNKNOWN = Look(frozenset("?"))
"""After something that Textual does not write: the next look begins from nothing."""


class Thrift:
    """Rewrites what is written to one terminal; remembers how that draws now."""

    def __init__(self) -> None:
        self._now = PLAIN
        self._wanted = PLAIN

    def thin(self, written: str) -> str:
        """The same picture in fewer bytes."""
        pieces = _LOOKS.split(written)
        parts = [self._text(pieces[0])]
        for parameters, text in zip(pieces[1::2], pieces[2::2], strict=True):
            wanted = read(parameters)
            if wanted is None:
                parts += [self._become(self._wanted), f"\x1b[{parameters}m"]
                self._now = wanted = UNKNOWN
            self._wanted = wanted
            parts.append(self._text(text))
        return "".join(parts)

    def _text(self, text: str) -> str:
        if not text:
            return ""
        wanted = self._wanted
        if text.isspace() and text.isprintable() and not _SEEN_ON_BLANKS & (wanted.attributes | self._now.attributes):
            wanted = Look(self._now.attributes, self._now.front, wanted.back)
        return self._become(wanted) + text

    def _become(self, wanted: Look) -> str:
        before, self._now = self._now, wanted
        return "" if before == wanted else step(before, wanted)


@lru_cache(4_096)
def read(parameters: str) -> Look | None:
    """What a whole look says, as Rich writes it: from nothing on. None for anything else."""
    attributes: set[str] = set()
    front = back = ""
    words = parameters.split(";")
    at = 0
    while at < len(words):
        word = words[at]
        size = {"5": 3, "2": 5}.get("".join(words[at + 1 : at + 2]), 0) if word in ("38", "48") else 1
        if not size or at + size > len(words):
            return None
        whole = ";".join(words[at : at + size])
        if word in ("", "0"):
            attributes, front, back = set(), "", ""
        elif word in _SIMPLE:
            attributes.add(word)
        elif _is_colour(word, "3", "9"):
            front = whole
        elif _is_colour(word, "4", "10"):
            back = whole
        else:
            return None
        at += size
    return Look(frozenset(attributes), front, back)


def _is_colour(word: str, usual: str, bright: str) -> bool:
    """Whether a word begins a colour: 30 to 38 and 90 to 97, or 40 to 48 and 100 to 107."""
    head, last = word[:-1], word[-1]
    return (head == usual and last in "012345678") or (head == bright and last in "01234567")


@lru_cache(4_096)
def step(before: Look, wanted: Look) -> str:
    """What turns one look into another."""
    if wanted == PLAIN:
        return "\x1b[m"
    if before.attributes - wanted.attributes:
        before, words = PLAIN, ["0"]
    else:
        words = []
    words += sorted(wanted.attributes - before.attributes)
    if wanted.front != before.front:
        words.append(wanted.front or "39")
    if wanted.back != before.back:
        words.append(wanted.back or "49")
    return f"\x1b[{';'.join(words)}m"


def thrifty(driver: type[Driver]) -> type[Driver]:
    """The same driver, with what it writes thinned."""

    class ThriftyDriver(driver):  # type: ignore[misc, valid-type]  # which driver fits is found out at run time
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            self._thrift = Thrift()
            super().__init__(*arguments, **settings)

        def start_application_mode(self) -> None:
            """Begin, or begin again after Ctrl-Z: who knows how the terminal draws now."""
            self._thrift = Thrift()
            super().start_application_mode()

        def write(self, data: str) -> None:
            """Write it in fewer bytes."""
            super().write(self._thrift.thin(data))

    return ThriftyDriver

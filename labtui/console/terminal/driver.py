"""Textual's driver of this terminal, writing fewer bytes: only those colours and attributes that change.

Textual writes each piece of a line with all its colours and a reset behind it, some fifty bytes for a border's one
character. What reaches the screen is the same.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from textual.driver import Driver

_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_SIMPLE = {str(number) for number in (1, 2, 3, 4, 5, 7, 9)}
"""Attributes that are set one by one; to remove one, all are reset."""

_VISIBLE_ON_BLANKS = frozenset("479")
"""Underline, reverse, strike: with these a blank shows its foreground colour."""


class SgrState(NamedTuple):
    """Attributes and colours of the text that a terminal draws ("select graphic rendition")."""

    attributes: frozenset[str] = frozenset()
    front: str = ""
    back: str = ""
    """As in the escape code; empty for the terminal's own colour."""


PLAIN = SgrState()
UNKNOWN = SgrState(frozenset("?"))
"""After a code that Textual does not write: the next change resets all attributes."""


class SgrWriter:
    """Shortens what is written to one terminal; remembers the state of the terminal."""

    def __init__(self) -> None:
        self._state = PLAIN
        self._next = PLAIN

    def shorten(self, output: str) -> str:
        """Output that draws the same with fewer bytes."""
        pieces = _SGR.split(output)
        parts = [self._text(pieces[0])]
        for parameters, text in zip(pieces[1::2], pieces[2::2], strict=True):
            wanted = parse_sgr(parameters)
            if wanted is None:
                parts += [self._change_to(self._next), f"\x1b[{parameters}m"]
                self._state = wanted = UNKNOWN
            self._next = wanted
            parts.append(self._text(text))
        return "".join(parts)

    def _text(self, text: str) -> str:
        if not text:
            return ""
        wanted = self._next
        visible = _VISIBLE_ON_BLANKS & (wanted.attributes | self._state.attributes)
        if text.isspace() and text.isprintable() and not visible:
            blank = SgrState(self._state.attributes, self._state.front, wanted.back)
            wanted = PLAIN if wanted == PLAIN and blank != self._state else blank  # the reset is the shortest code
        return self._change_to(wanted) + text

    def _change_to(self, wanted: SgrState) -> str:
        before, self._state = self._state, wanted
        return "" if before == wanted else sgr_change(before, wanted)


@lru_cache(4_096)
def parse_sgr(parameters: str) -> SgrState | None:
    """The state that an escape code of Rich sets, beginning with no attributes. None for any other code."""
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
    return SgrState(frozenset(attributes), front, back)


def _is_colour(word: str, normal: str, bright: str) -> bool:
    """Whether a number begins a colour: 30 to 38 and 90 to 97, or 40 to 48 and 100 to 107."""
    head, last = word[:-1], word[-1]
    return (head == normal and last in "012345678") or (head == bright and last in "01234567")


@lru_cache(4_096)
def sgr_change(before: SgrState, after: SgrState) -> str:
    """The escape code for the change from one state to another."""
    if after == PLAIN:
        return "\x1b[m"
    if before.attributes - after.attributes:
        before, words = PLAIN, ["0"]
    else:
        words = []
    words += sorted(after.attributes - before.attributes)
    if after.front != before.front:
        words.append(after.front or "39")
    if after.back != before.back:
        words.append(after.back or "49")
    return f"\x1b[{';'.join(words)}m"


def compact_driver(driver: type[Driver]) -> type[Driver]:
    """The same driver with shorter output."""

    class CompactDriver(driver):  # type: ignore[misc, valid-type]  # Textual chooses the driver at run time
        def __init__(self, *arguments: Any, **settings: Any) -> None:
            self._sgr = SgrWriter()
            super().__init__(*arguments, **settings)

        def start_application_mode(self) -> None:
            """Start, at first or after Ctrl-Z: the state of the terminal is unknown."""
            self._sgr = SgrWriter()
            super().start_application_mode()

        def write(self, data: str) -> None:
            """Write with fewer bytes."""
            super().write(self._sgr.shorten(data))

    return CompactDriver

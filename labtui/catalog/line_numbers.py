"""The line of each key of a TOML text; the parser does not provide it.

This reads what the parser has accepted (or the part before a syntax error), so it can be simple: it follows headers,
keys and brackets and skips values.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import tomli

from labtui.catalog.words import KeyPath

_TOKEN = re.compile(
    r'''
      (?P<comment> \#[^\n]* )
    | (?P<line> \n )
    | (?P<blank> [\ \t\r]+ )
    | (?P<text> """(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5} | \'\'\'(?:[^\']|\'{1,2}(?!\'))*+\'{3,5}
              | "(?!"")(?:[^"\\\n]|\\.)*+" | \'(?!\'\')[^\'\n]*+\' )
    | (?P<open> """ | \'\'\' | " | \' )
    | (?P<mark> [\[\]{}=,.] )
    | (?P<word> [^\s\[\]{}=,.\#"\']+ )
    ''',
    re.VERBOSE | re.DOTALL,
)

_DEEPEST = 16
"""Parts of a key path that are followed. No key of a catalog is deeper; a hostile file may nest without end."""

_MOST_TOKENS = 200_000
"""Tokens that are read; the built-in catalog has 6,000. Keys beyond them have no line."""


class Token(NamedTuple):
    """A piece of TOML: its group in the pattern, its text, its start and its line."""

    kind: str
    text: str
    start: int
    line: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a text, with line ends, without blanks and comments; `open` is a quote that is never closed."""
    line = 1
    for match in islice(_TOKEN.finditer(text), _MOST_TOKENS):
        kind = match.lastgroup
        if kind not in ("comment", "blank"):
            yield Token(str(kind), match.group(), match.start(), line)
        if kind == "open":  # everything after it is inside that text; continuing would take quadratic time
            return
        line += match.group().count("\n") if kind in ("line", "text") else 0


def line_of(text: str, position: int) -> tuple[int, int]:
    """Line and column of a position in a text, both from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def first_lines(text: str) -> dict[KeyPath, int]:
    """The first line of each key, and of each item of a list."""
    lines: dict[KeyPath, int] = {}
    for at, line in occurrences(text):
        lines.setdefault(at, line)
    return lines


def line_for(lines: dict[KeyPath, int], at: KeyPath) -> int | None:
    """The line of a key, or of the nearest table around it that is in the file."""
    for length in range(len(at), 0, -1):
        if at[:length] in lines:
            return lines[at[:length]]
    return None


def occurrences(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Each header, key and list item with its line, in the order of the text, up to the first syntax error."""
    return _Walk(text).statements()


class _Walk:
    """One pass over the tokens of a text."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._now: Token | None = None
        self._counts: dict[KeyPath, int] = {}
        self._step()

    def _step(self) -> None:
        self._now = next(self._tokens, None)

    def _is(self, *texts: str) -> bool:
        return self._now is not None and self._now.kind in ("mark", "line") and self._now.text in texts

    def statements(self) -> Iterator[tuple[KeyPath, int]]:
        table: KeyPath = ()
        while self._now is not None:
            if self._is("\n"):
                self._step()
            elif self._is("["):
                line = self._now.line
                table = self._header()
                yield from ((table[:length], line) for length in range(1, len(table) + 1))
            else:
                before = self._now
                yield from self._pair(table)
                if self._now is before:
                    return

    def _header(self) -> KeyPath:
        self._step()
        is_list = self._is("[")
        if is_list:
            self._step()
        at: KeyPath = ()
        for part in self._key():
            at = (*at, part)
            if at in self._counts:
                at = (*at, self._counts[at] - 1)
        if is_list:
            at = at[:-1] if at and isinstance(at[-1], int) else at
            self._counts[at] = self._counts.get(at, 0) + 1
            at = (*at, self._counts[at] - 1)
        while self._now is not None and not self._is("\n"):
            self._step()
        return at

    def _key(self) -> KeyPath:
        parts: list[str | int] = []
        while self._now is not None and (self._now.kind in ("word", "text") or self._is(".")):
            if self._now.kind != "mark" and len(parts) < _DEEPEST:
                parts.append(_unquoted(self._now))
            self._step()
        return tuple(parts)

    def _pair(self, table: KeyPath) -> Iterator[tuple[KeyPath, int]]:
        line = self._now.line if self._now else 0
        key = self._key()
        yield from (((*table, *key[:length]), line) for length in range(1, len(key) + 1))
        if self._is("="):
            self._step()
            yield from self._value((*table, *key))

    def _value(self, at: KeyPath) -> Iterator[tuple[KeyPath, int]]:
        if self._is("[") and len(at) < _DEEPEST:
            yield from self._items(at)
        elif self._is("{") and len(at) < _DEEPEST:
            self._step()
            while self._now is not None and not self._is("}"):
                before = self._now
                if self._is(",", "\n"):
                    self._step()
                else:
                    yield from self._pair(at)
                if self._now is before:
                    return
            self._step()
        else:
            while self._now is not None and not self._is(",", "]", "}", "\n"):
                self._step()

    def _items(self, at: KeyPath) -> Iterator[tuple[KeyPath, int]]:
        self._step()
        index = 0
        while self._now is not None and not self._is("]"):
            if self._is(",", "\n"):
                self._step()
                continue
            before = self._now
            yield (*at, index), before.line
            yield from self._value((*at, index))
            if self._now is before:
                return
            index += 1
        self._step()


def _unquoted(token: Token) -> str:
    if token.kind != "text":
        return token.text
    if "\\" not in token.text:
        return token.text[1:-1]
    try:
        return str(tomli.loads(f"key = {token.text}")["key"])
    except tomli.TOMLDecodeError:
        return token.text

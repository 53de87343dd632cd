"""TOML to plain tables. A syntax error costs the entry in which it is, not the file.

The parser gives up at the first error. The lines of the entry around it are then emptied and the rest is parsed again,
so every other entry stays usable and the next error is found too. An error in [defaults], which every entry inherits,
or above the first header ends this.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import tomli

from labtui.catalog import line_numbers
from labtui.catalog.words import dotted, quoted
from labtui.text.clean import clean_line

_BUDGET = 1_500_000
"""Characters that are parsed in all, so that a large file with many errors takes no longer than a second or so."""

_HEADER = re.compile(
    r"""[ \t]*\[{1,2}[ \t]*(?P<root>[A-Za-z0-9_-]+)[ \t]*(?:\.[ \t]*(?P<entry>"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+))?"""
)
_DEEP = re.compile(r"(?:[\[{][\s,]*(?:[\w-]+\s*=\s*)?){100}|(?:[\w-]+[ \t]*\.[ \t]*){400}")
_LONG_NUMBER = re.compile(r"[+-]?[0-9](?:_?[0-9]){4299,}")

_UNTERMINATED = r"Unterminated string|Expected [\"']{2}"
_UNTERMINATED = r"Unterminated string|Expected [\"']{2}"
_HINTS = (
    (r"Invalid value\n[+-]?\.\d", "A number needs a digit before the point."),
    (r"Invalid value\n(?i:true|false)\b", "true and false are written in lower case."),
    (r"Invalid value\n(?i:none|null|nil)\b", 'Leave the key out, or write "none" to remove what is inherited.'),
    (r"Invalid value\n[A-Za-z]", "Text needs quotes."),
    (r"Invalid value\n[‘’“”„«»`]", 'Text needs plain quotes: "text".'),
    (r"Invalid statement|Expected '=' after", "Each line holds a key, = and a value, as in: lr = 0.001"),
    (r"Expected '\][^\n]*\n[^\x00-\x7f]", "Names have only the letters a-z and A-Z, digits, _ and -."),
    (r"Expected '\]", "Close the header, as in: [experiment.my_dropout]"),
    (r"Expected newline .*\n,\d", "Write a decimal number with a point: 0.5"),
    (r"Expected newline .*\n\r", "The lines end in a bare carriage return. Save the file with Unix line endings."),
    (r"Expected newline", "Each line holds one key, = and one value; text needs quotes."),
    (r"Illegal character '\\n'", "The last quote is missing on this line."),
    (_UNTERMINATED, "The text that begins here is never closed."),
    (r"Unclosed", "The bracket that opens here is not closed, or a comma is missing after one of its items."),
    (r"Unescaped", "In \"text\" write a backslash twice (\\\\), or use 'text'."),
)
"""What to do about some of the parser's messages; matched against the message, a newline and the text at the error."""


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """A place where the text is not TOML."""

    line: int | None
    column: int | None
    message: str
    entry: str | None = None
    """The entry that it costs; None where it costs the whole file."""


@dataclass(slots=True)
class Parsed:
    """What could be parsed: the tables without the entries that have a syntax error, and those errors."""

    tables: dict[str, Any]
    errors: list[SyntaxProblem] = field(default_factory=list)
    text: str = ""
    """What was parsed in the end: the file's text with those entries emptied, line for line."""
    unreadable: bool = True
    """Nothing could be parsed."""


def parse(text: str) -> Parsed:
    """Parse a catalog, without the entries that cannot be parsed; never raises."""
    parsed = Parsed({})
    budget = _BUDGET
    while budget > 0:
        budget -= len(text) + 1
        try:
            return Parsed(tomli.loads(text), parsed.errors, text, unreadable=False)
        except tomli.TOMLDecodeError as error:
            position, message = _explained(text, error.msg, error.pos)
        except RecursionError:
            position, message = _too_deep(text)
        except ValueError:  # Python's own limit on the digits of an integer
            position, message = _too_long(text)
        line, column = line_numbers.line_of(text, position)
        owner, emptied = _without_owner(text, line)
        entry = owner[1] if len(owner) == 2 else None
        if emptied == text:
            message = f"{message.rstrip('.')}. Nothing can be read until this is fixed."
        parsed.errors.append(SyntaxProblem(line, column, message, entry))
        if emptied == text:
            break
        text = emptied
    return parsed


def _without_owner(text: str, line: int) -> tuple[tuple[str, ...], str]:
    """The table to which a line belongs, and the text with all lines of that table empty; [defaults] is kept."""
    rows = text.split("\n")
    owners = _owners(rows)
    owner = owners[min(line, len(rows)) - 1]
    if owner in ((), ("defaults",)):
        return (), text
    return owner, "\n".join("" if one == owner else row for one, row in zip(owners, rows, strict=True))


def _owners(rows: Sequence[str]) -> list[tuple[str, ...]]:
    """For each line the table to which it belongs: `("experiment", name)`, another root alone, or nothing."""
    owners: list[tuple[str, ...]] = []
    owner: tuple[str, ...] = ()
    for row in rows:
        match = _HEADER.match(row)
        if match is not None:
            entry = (match["entry"] or "").strip("\"'") if match["root"] == "experiment" else ""
            owner = (match["root"], entry) if entry else (match["root"],)
        owners.append(owner)
    return owners


def _explained(text: str, message: str, position: int) -> tuple[int, str]:
    """Where the error really is, and the parser's message with the text at that place and what to do about it."""
    if (opener := _opener(text, message, position)) is not None:
        position = opener.start
        message = "Unclosed bracket" if opener.kind == "mark" and not message.startswith("Unclosed") else message
    rest = text[position : position + 80].split("\n")[0]
    if message.startswith(("Cannot overwrite", "Cannot declare", "Cannot mutate", "Cannot redefine")):
        hint = _repeated(text, position)
    else:
        hint = next((hint for pattern, hint in _HINTS if re.match(pattern, f"{message}\n{rest}")), "")
    place = quoted(rest.strip()) if rest.strip() else "the end of the line"
    return position, f"{clean_line(message)}, at {place}. {hint}".rstrip()


def _opener(text: str, message: str, position: int) -> line_numbers.Token | None:
    """The bracket or quote that is never closed, where the parser stumbled over what follows it."""
    opened: list[line_numbers.Token] = []
    for token in line_numbers.tokens(text[:position]):
        if token.kind == "open" and re.match(_UNTERMINATED, message):
            return token
        if token.kind == "mark" and token.text in "[{":
            if opened and _is_header(text, token.start):
                return opened[-1]
            opened.append(token)
        elif token.kind == "mark" and token.text in "]}" and opened:
            opened.pop()
    next_key = message == "Invalid value" and re.match(r"[\w.\"-]+\s*=", text[position:].split("\n")[0]) is not None
    return opened[-1] if opened and (next_key or message.startswith("Unclosed")) else None


def _is_header(text: str, position: int) -> bool:
    start = text.rfind("\n", 0, position) + 1
    return not text[start:position].strip() and _HEADER.match(text, start) is not None


def _repeated(text: str, position: int) -> str:
    """Where the key or header that is written a second time was written first."""
    line, _ = line_numbers.line_of(text, position)
    before = list(line_numbers.occurrences("\n".join(text.split("\n")[:line])))
    at = before[-1][0] if before else ()
    for length in range(len(at), 0, -1):
        first = next((number for other, number in before if other == at[:length] and number < line), None)
        if first is not None:
            return f"{dotted(at[:length])} is already on line {first}. Write each key and each header once."
    return f"{dotted(at)} is defined twice. Write each key and each header once."


def _too_deep(text: str) -> tuple[int, str]:
    match = _DEEP.search(text)
    message = "this is nested too deeply to be read: brackets within brackets, or a key with hundreds of dots."
    return match.start() if match else 0, message


def _too_long(text: str) -> tuple[int, str]:
    match = _LONG_NUMBER.search(text)
    digits = f"{len(match.group().replace('_', '')):,}" if match else "thousands of"
    return match.start() if match else 0, f"this number has {digits} digits. The largest allowed whole number has 19."

"""TOML to plain tables. A fault of syntax costs the entry in which it stands, not the file.

The parser gives up at the first fault. The entry around it is then blanked out, its lines kept, and the rest is parsed
again; so every other entry stays usable and the next fault is found too. A fault in [defaults], on which all entries
stand, or above the first header ends it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import tomli

from labtui.catalog import line_numbers
from labtui.catalog.words import dotted, quoted
from labtui.text.clean import clean_line

_BUDGET = 1_500_000
"""Characters that are parsed in all, so that a large file with many faults takes no longer than a second or so."""

_HEADER = re.compile(
    r"""[ \t]*\[{1,2}[ \t]*(?P<root>[A-Za-z0-9_-]+)[ \t]*(?:\.[ \t]*(?P<entry>"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+))?"""
)
_DEEP = re.compile(r"(?:[\[{][\s,]*(?:[\w-]+\s*=\s*)?){100}|(?:[\w-]+[ \t]*\.[ \t]*){400}")
_LONG_NUMBER = re.compile(r"[+-]?[0-9](?:_?[0-9]){4299,}")


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """A place where the text is no TOML."""

    line: int | None
    column: int | None
    message: str
    entry: str | None = None
    """The entry that it costs; None where it costs the whole file."""


@dataclass(slots=True)
class Parsed:
    """What could be parsed: tables without the entries that a fault of syntax cost, and those faults."""

    tables: dict[str, Any]
    faults: list[SyntaxFault] = field(default_factory=list)
    text: str = ""
    """What was parsed in the end: the file's text with those entries blanked out, line for line."""
    hopeless: bool = True
    """Nothing could be parsed."""


def parse(text: str) -> Parsed:
    """Parse a catalog, blanking tables out that cannot be parsed; never raises."""
    parsed = Parsed({})
    budget = _BUDGET
    while budget > 0:
        budget -= len(text) + 1
        fault, tables = _attempt(text)
        if fault is None:
            parsed.tables, parsed.text, parsed.hopeless = tables, text, False
            return parsed
        owner, blanked = _without_owner(text, fault.line)
        if blanked == text:
            parsed.faults.append(
                replace(fault, message=f"{fault.message.rstrip('.')}. Nothing can be read until this is mended.")
            )
            return parsed
        parsed.faults.append(replace(fault, entry=owner[1] if len(owner) == 2 else None))
        text = blanked
    return parsed


def _attempt(text: str) -> tuple[SyntaxFault | None, dict[str, Any]]:
    try:
        return None, tomli.loads(text)
    except tomli.TOMLDecodeError as fault:
        return _located(text, fault.msg, fault.pos), {}
    except RecursionError:
        return _too_deep(text), {}
    except ValueError:  # Python's own limit on the digits of an integer
        return _too_long(text), {}


def _without_owner(text: str, line: int | None) -> tuple[tuple[str, ...], str]:
    """The table to which a line belongs, and the text with all of that table's lines empty; [defaults] is kept."""
    if line is None:
        return (), text
    rows = text.split("\n")
    owners = _owners(rows)
    blamed = owners[min(line, len(rows)) - 1]
    if blamed in ((), ("defaults",)):
        return (), text
    return blamed, "\n".join("" if owner == blamed else row for owner, row in zip(owners, rows, strict=True))


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


def _located(text: str, message: str, position: int) -> SyntaxFault:
    if message.startswith(("Unterminated string", "Expected \"'''\"", 'Expected \'"""\'')):
        position = next((token.start for token in line_numbers.tokens(text) if token.kind == "open"), position)
    elif (opened := _left_open(text, message, position)) is not None:
        position, message = opened.start, "Unclosed"
    line, column = line_numbers.line_of(text, min(position, len(text)))
    return SyntaxFault(line, column, _explained(text, message, position))


def _left_open(text: str, message: str, position: int) -> line_numbers.Token | None:
    """The bracket that was never closed, where the parser stumbled over what follows it."""
    opened: list[line_numbers.Token] = []
    for token in line_numbers.tokens(text[:position]):
        if token.kind == "mark" and token.text in "[{":
            if opened and _is_header(text, token.start):
                return opened[-1]
            opened.append(token)
        elif token.kind == "mark" and token.text in "]}" and opened:
            opened.pop()
    rest = text[position:].split("\n")[0]
    next_key = message == "Invalid value" and re.match(r"[\w.\"-]+\s*=", rest) is not None
    return opened[-1] if opened and (next_key or message.startswith("Unclosed")) else None


def _is_header(text: str, position: int) -> bool:
    start = text.rfind("\n", 0, position) + 1
    return not text[start:position].strip() and _HEADER.match(text, start) is not None


def _too_deep(text: str) -> SyntaxFault:
    match = _DEEP.search(text)
    message = "this is nested too deeply to be read: brackets within brackets, or a key with hundreds of dots."
    line, column = line_numbers.line_of(text, match.start()) if match else (None, None)
    return SyntaxFault(line, column, message)


def _too_long(text: str) -> SyntaxFault:
    match = _LONG_NUMBER.search(text)
    found = (
        f"this number has {len(match.group().replace('_', '')):,} digits"
        if match
        else "a number has thousands of digits"
    )
    message = f"{found}. The largest whole number that is allowed has 19."
    line, column = line_numbers.line_of(text, match.start()) if match else (None, None)
    return SyntaxFault(line, column, message)


def _explained(text: str, message: str, position: int) -> str:
    """The parser's message in a newcomer's words, with what was found."""
    rest = text[position : position + 80].split("\n")[0].strip()
    found = quoted(rest) if rest else "the end of the line"
    match message:
        case "Invalid value":
            return _about_value(rest)
        case "Expected newline or end of document after a statement":
            return _about_rest(text, rest, position)
        case "Expected '=' after a key in a key/value pair":
            return f"{found} was found where = and a value are expected, as in: lr = 0.001"
        case "Invalid statement":
            return f"{found} was found where a key, = and a value are expected, as in: lr = 0.001"
        case "Expected ']' at the end of a table declaration" | "Expected ']]' at the end of an array declaration":
            return "this header is not closed. A header stands alone in its line, as in: [experiment.my_dropout]"
        case "Invalid initial character for a key part":
            return f"{found} was found where a key is expected: letters, digits, - and _, or any text in quotes."
        case "Unclosed":
            return f"the {text[position]} that opens here is not closed, or a comma is missing after one of its items."
        case "Unescaped '\\' in a string":
            return "in \"text\" a backslash is written twice (\\\\); in 'text' it stands for itself."
    if message.startswith(("Cannot overwrite", "Cannot declare", "Cannot mutate", "Cannot redefine", "Duplicate")):
        return _about_twice(text, position)
    if message.startswith(("Unterminated string", "Expected")) and text[position : position + 1] in ("'", '"'):
        return "the text that begins here is never closed: its last quotes are missing."
    if message.startswith(("Illegal character", "Found invalid character")):
        return _about_character(text, position)
    return f"this is no TOML: {clean_line(message)}. Found: {found}."


def _about_value(rest: str) -> str:
    word = re.split(r"[\s,\]}#]", rest)[0]
    if not word:
        return "the value is missing after the = sign."
    if word.casefold() in ("true", "false"):
        return f"{quoted(word)} is written in small letters: {word.casefold()}"
    if word.casefold() in ("none", "null", "nil"):
        return (
            f'{quoted(word)} is not known in TOML. Leave the key out, or write "none" to switch off what is inherited.'
        )
    if re.match(r"[+-]?\.[0-9]", word):
        return f"{quoted(word)} needs a digit before the point: {word.replace('.', '0.', 1)}"
    if word[0] in "‘’“”„«»`":
        return f'{quoted(word)} stands in quotes of another kind. Text stands in plain ones: "text"'
    if re.match(r"[A-Za-z][\w./@-]*\Z", word):
        return f"{quoted(word)} is text, and text stands in quotes. Numbers, true, false and [lists] do without."
    return f'{quoted(word)} is no value. A value is "text", a number, true, false, a [list] or a {{table}}.'


def _about_rest(text: str, rest: str, position: int) -> str:
    row = text[text.rfind("\n", 0, position) + 1 : position]
    if rest.startswith("\r") or text[position : position + 1] == "\r":
        return "the lines end in a bare carriage return, as on very old Macs. Save the file with Unix line ends."
    if re.search(r"=\s*[+-]?[0-9]+\Z", row) and re.match(r",[0-9]", rest):
        return "a decimal number is written with a point, as in 0.5"
    if re.search(r"=\s*[+-]?0\Z", row) and re.match(r"[0-9]", rest):
        return "a number does not begin with 0, unless a point follows."
    if re.search(r"[0-9]\Z", row) and rest.startswith("."):
        return "a number needs a digit after the point, as in 1.0"
    if row.lstrip().startswith("["):
        return f"{quoted(rest)} stands behind a header. Put it in a line of its own."
    return f"{quoted(rest)} stands behind the value. Each line holds one key, = and one value; text stands in quotes."


def _about_character(text: str, position: int) -> str:
    if text[position : position + 1] == "\n":
        return "the text in quotes is not closed in its line: the last quote is missing."
    code = f"U+{ord(text[position]):04X}" if position < len(text) else "the end of the file"
    return f"the character {code} is not allowed here."


def _about_twice(text: str, position: int) -> str:
    line = line_numbers.line_of(text, min(position, len(text)))[0]
    upto = list(line_numbers.occurrences("\n".join(text.split("\n")[:line])))
    at = upto[-1][0] if upto else ()
    for length in range(len(at), 0, -1):
        first = next((its_line for other, its_line in upto if other == at[:length] and its_line < line), None)
        if first is not None:
            return f"{dotted(at[:length])} is there already, in line {first}. Each key and each header stands once."
    return f"{dotted(at)} is there twice. Each key and each header stands once."

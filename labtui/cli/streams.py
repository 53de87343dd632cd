"""The two streams: stdout for the result, stderr for everything else. All text is cleaned here, just before writing."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

import click
import msgspec

from labtui.text.clean import clean, clean_line
from labtui.text.spans import Span, separated
from labtui.text.tables import Column, align
from labtui.text.terminals import is_terminal

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")

PLAIN_TERMINALS = ("dumb", "unknown")

_STYLES: Mapping[str, Mapping[str, Any]] = {
    "title": {"bold": True},
    "muted": {"dim": True},
    "accent": {"fg": "cyan"},
    "good": {"fg": "green"},
    "warn": {"fg": "yellow"},
    "bad": {"fg": "red"},
}

Part = str | Span
"""A piece of a line; a span is coloured where the stream shows colours."""


class ReaderGone(Exception):
    """The other end of the pipe is closed, as by `head`. Not an OSError, which click would turn into exit code 1."""


def put(*parts: Part) -> None:
    """Write one line (or several, with newlines in it) to stdout. Raises ReaderGone."""
    write(sys.stdout, *parts)


def say(*parts: Part) -> None:
    """Write a line to stderr. Raises ReaderGone."""
    write(sys.stderr, *parts)


def put_json(value: Any) -> None:
    """Write one value as one line of JSON to stdout. Raises ReaderGone."""
    text = msgspec.json.encode(value, enc_hook=str).decode()
    if (sys.stdout.encoding or "").lower() == "ascii":  # a terminal in the locale C: as JSON spells it
        text = _BEYOND_ASCII.sub(lambda match: json.dumps(match[0])[1:-1], text)
    write(sys.stdout, text)


def put_table(columns: Sequence[Column], rows: Iterable[Sequence[Part]]) -> None:
    """Write a table to stdout, one row per line; on a terminal the last column is cut to the width."""
    width = shutil.get_terminal_size().columns if shows_escapes(sys.stdout) else None
    cells = [[_cell(part) for part in row] for row in rows]
    for line in align(columns, cells, width=width):
        put(*line)


def write(stream: IO[str], *parts: Part) -> None:
    """Write cleaned parts and a newline, and flush. Raises ReaderGone."""
    try:
        stream.write("".join(_rendered(part, stream) for part in parts) + "\n")
        stream.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def shows_escapes(stream: IO[str]) -> bool:
    """Whether the stream is a terminal that understands escape codes."""
    return is_terminal(stream) and os.environ.get("TERM", "dumb") not in PLAIN_TERMINALS


def shows_colors(stream: IO[str]) -> bool:
    """Whether the stream is a terminal that may be written to in colour (https://no-color.org)."""
    return shows_escapes(stream) and not os.environ.get("NO_COLOR")


def is_interactive() -> bool:
    """Whether a person can be asked: stdin and stderr are terminals."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def _rendered(part: Part, stream: IO[str]) -> str:
    text, style = (part, "") if isinstance(part, str) else part
    text = clean(text, longest=len(text))
    if is_terminal(stream):
        text = separated(text)
    return click.style(text, **_STYLES[style]) if style and shows_colors(stream) else text


def _cell(part: Part) -> Span:
    text, style = (part, "") if isinstance(part, str) else part
    return Span(clean_line(text), style)

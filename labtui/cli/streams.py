"""The two streams: stdout for the answer, stderr for the talk. All text is cleaned here, at the last moment."""

import os
import sys
from typing import IO, Any, NamedTuple

import click
import msgspec

from labtui.text.clean import clean

PLAIN_TERMINALS = ("dumb", "unknown")


WEIGHTS = ("bold", "dim")


class Painted(NamedTuple):
    """Text with a colour (or `bold`, `dim`), which it keeps where colours are welcome."""

    text: str
    color: str


class NobodyReads(Exception):
    """The pipe's other end is closed, as by `head`; not an OSError, which click would answer with exit code 1."""


Piece = str | Painted


def put(*pieces: Piece) -> None:
    """Write one line of the answer (or several, with newlines in it) to stdout."""
    write(sys.stdout, *pieces)


def say(*pieces: Piece) -> None:
    """Write a line that is not the answer to stderr."""
    write(sys.stderr, *pieces)


def put_json(value: Any) -> None:
    """Write one value as one line of JSON to stdout."""
    line = msgspec.json.encode(value, enc_hook=str).decode()
    write(sys.stdout, line)


def write(stream: IO[str], *pieces: Piece) -> None:
    """Write cleaned pieces and a newline, and let them be seen at once. Raises NobodyReads."""
    try:
        stream.write("".join(_shown(piece, stream) for piece in pieces) + "\n")
        stream.flush()
    except BrokenPipeError as fault:
        raise NobodyReads from fault


def is_terminal(stream: IO[str]) -> bool:
    """Whether escape codes mean something there: a terminal, and not a dumb one."""
    try:
        return stream.isatty() and os.environ.get("TERM", "dumb") not in PLAIN_TERMINALS
    except ValueError:  # closed
        return False


def is_interactive() -> bool:
    """Whether a person can be asked: stdin and stderr are terminals."""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty()
    except ValueError:
        return False


def has_color(stream: IO[str]) -> bool:
    """Whether colour is welcome there (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def _shown(piece: Piece, stream: IO[str]) -> str:
    if isinstance(piece, str):
        return clean(piece, longest=len(piece))
    text = clean(piece.text, longest=len(piece.text))
    if not has_color(stream):
        return text
    return click.style(text, **{piece.color: True} if piece.color in WEIGHTS else {"fg": piece.color})

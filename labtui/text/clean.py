"""One cleaning for every string that comes from outside, before it meets a widget or stdout.

A terminal obeys what it is sent: an escape sequence in a run's name or log line could write the clipboard, retitle the
window or clear the screen. Textual passes such bytes on in all of its text widgets.
"""

import re

LONGEST = 4_000
"""Characters kept of one string; a log line longer than this is not read by anybody."""

# C0 except tab and newline, DEL, C1, bidirectional controls (they reorder what is read), line and paragraph
# separators, and lone surrogates (what `surrogateescape` leaves of bytes that are not UTF-8).
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LINE_BREAK = re.compile("[\t\n]")

_ASCII = str.maketrans(
    {"−": "-", "×": "x", "–": "-", "Δ": "d", "±": "+-", "→": "->", "²": "2", "…": "...", "·": ".", "“": '"', "”": '"'}
)


def clean(text: str, longest: int = LONGEST) -> str:
    """Replace every control character but tab and newline by U+FFFD and cut at `longest` characters."""
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def clean_line(text: str, longest: int = LONGEST) -> str:
    """Clean text that must stay on one line: tab and newline become spaces too."""
    return _LINE_BREAK.sub(" ", clean(text, longest))


def in_ascii(text: str) -> str:
    """The text with its signs spelled in ASCII; a character without a spelling becomes a question mark."""
    return text if text.isascii() else text.translate(_ASCII).encode("ascii", "replace").decode()

"""Whether a stream is a terminal, and which characters the user's locale has."""

from collections.abc import Mapping
from typing import IO

_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python sets LC_CTYPE to where the locale is C (PEP 538)."""


def is_terminal(stream: IO[str] | None) -> bool:
    """Whether a stream is there, open and a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def is_utf8_locale(environ: Mapping[str, str]) -> bool:
    """Whether the locale of characters is UTF-8, or none is set, as in most containers.

    Python's own encoding does not tell: it is UTF-8 in the locale C too (PEP 540).
    """
    characters, language = environ.get("LC_CTYPE", ""), environ.get("LANG", "")
    if characters in _COERCED and language in ("C", "POSIX"):
        characters = ""
    locale = environ.get("LC_ALL") or characters or language
    return not locale or "utf8" in locale.lower().replace("-", "")

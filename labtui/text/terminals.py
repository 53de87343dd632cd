"""Whether a stream is a terminal."""

from typing import IO


def is_terminal(stream: IO[str] | None) -> bool:
    """Whether a stream is there, open and a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False

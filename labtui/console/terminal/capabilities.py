"""Whether this terminal can show a console, and with which characters."""

import os
import sys
from collections.abc import Mapping


def obstacle(environ: Mapping[str, str]) -> str:
    """Why no console can be shown here; empty where one can. Textual draws on stderr."""
    if environ.get("TERM", "") == "dumb":
        return "TERM=dumb says that this one cannot move its cursor"
    for name, stream in (("standard input", sys.__stdin__), ("standard error", sys.__stderr__)):
        if stream is None or stream.closed or not os.isatty(stream.fileno()):
            return f"{name} is not one"
    return ""


FAR_FRAMES = 20
"""Pictures a second at most where bytes travel: a key that is held down must not send more than the line takes."""


def is_far(environ: Mapping[str, str]) -> bool:
    """Whether the terminal is on another machine."""
    return any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "MOSH_CONNECTION"))


def needs_ascii(environ: Mapping[str, str]) -> bool:
    """Whether only ASCII can be trusted to appear: another encoding than UTF-8, or the Linux console, whose font has
    no braille."""
    if environ.get("LABTUI_ASCII"):
        return True
    encoding = getattr(sys.__stderr__, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "") != "utf8" or environ.get("TERM", "") == "linux"

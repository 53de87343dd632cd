"""Whether this terminal can show the console, and with which characters."""

import sys
from collections.abc import Mapping

from labtui.text.terminals import is_terminal, is_utf8_locale


def obstacle(environ: Mapping[str, str]) -> str:
    """Why the console cannot be shown here; empty if it can. Textual draws on stderr."""
    if environ.get("TERM", "") == "dumb":
        return "TERM=dumb: this terminal cannot move its cursor"
    for name, stream in (("standard input", sys.__stdin__), ("standard error", sys.__stderr__)):
        if not is_terminal(stream):
            return f"{name} is not a terminal"
    return ""


REMOTE_FPS = 20
"""Frames per second over a network, so that a key that is held down does not send more than the connection takes."""


def is_remote(environ: Mapping[str, str]) -> bool:
    """Whether the terminal is on another machine."""
    return any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "MOSH_CONNECTION"))


def needs_ascii(environ: Mapping[str, str]) -> bool:
    """Whether to draw with ASCII alone: the locale or the encoding is not UTF-8, or this is the Linux console, whose
    font has no braille."""
    if environ.get("LABTUI_ASCII") or not is_utf8_locale(environ):
        return True
    encoding = getattr(sys.__stderr__, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "") != "utf8" or environ.get("TERM", "") == "linux"

"""The terminal user interface: the only package with textual.

This module does not import it: the guard forks first, and the message that there is no terminal costs nothing.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from labtui.errors import UsageError

if TYPE_CHECKING:
    from labtui.api import Lab

HEADLESS = "Without a console: labtui --headless run NAME (`labtui ls` lists the names)."


def run_console(
    lab: "Lab",
    *,
    environ: Mapping[str, str],
    theme: str = "",
    ascii_only: bool = False,
    mouse: bool = True,
    guarded: bool = True,
) -> int:
    """Open the console and return its exit code: 0, or 128 + n where signal n ended it.

    With `guarded`, a small guard process restores the terminal whatever ends the console. Raises UsageError where
    there is no terminal that could show one.
    """
    from labtui.console.terminal import capabilities as terminal

    if why := terminal.obstacle(environ):
        raise UsageError(f"The console needs a terminal: {why}.", advice=HEADLESS)
    plain = ascii_only or terminal.needs_ascii(environ)

    if terminal.is_remote(environ):
        os.environ.setdefault("TEXTUAL_FPS", str(terminal.REMOTE_FPS))  # read when textual is imported

    def run() -> int:
        from labtui.console.app import run_app

        return run_app(lab, theme=theme, ascii_only=plain, mouse=mouse)

    if not guarded:
        return run()
    from labtui.console.terminal.guard import guard

    return guard(run)

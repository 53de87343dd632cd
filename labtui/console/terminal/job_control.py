"""Ctrl-Z and `fg`: the terminal is given back before the process stops and taken again when it continues.

Textual does the same inside signal handlers, which may interrupt anything, and takes the terminal once more for every
further SIGCONT. Here it is one plain call on the event loop.
"""

import asyncio
import contextlib
import os
import signal
import sys
import termios
from typing import Any

from textual.app import App, SuspendNotSupported

LOCAL_FLAGS = 3
"""Their place in what `tcgetattr` gives."""


class JobControl:
    """Stops and continues an app like any program of a shell."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app

    def take_signals(self) -> None:
        """Take over the signals of the shell's job control from Textual's driver."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTSTP, self.suspend)
        loop.add_signal_handler(signal.SIGCONT, self._continued)

    def suspend(self) -> None:
        """Give the terminal back to the shell and stop, until the shell continues us in the foreground."""
        with contextlib.suppress(SuspendNotSupported), self._app.suspend():
            _stop_until_in_front()
        self._repaint()

    def _continued(self) -> None:
        """A SIGCONT: one that ended our own stop, or one after a stop without preparation (SIGSTOP)."""
        if _has_lost_terminal():
            with contextlib.suppress(SuspendNotSupported), self._app.suspend():
                pass
        self._repaint()

    def _repaint(self) -> None:
        """Repaint everything: the shell's screen was shown meanwhile, and Textual repaints only what changed."""
        self._app.screen.refresh(layout=True)


def _stop_until_in_front() -> None:
    """Stop; where `bg` alone woke us, stop again: the terminal is somebody else's."""
    while True:
        os.kill(os.getpid(), signal.SIGSTOP)
        if _in_front():
            return


def _in_front() -> bool:
    """Whether the terminal is ours to use; true where there is none to wait for."""
    terminal = _terminal()
    if terminal is None:
        return True
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True


def _has_lost_terminal() -> bool:
    """Whether a shell has put the terminal back into its line mode."""
    terminal = _terminal()
    if terminal is None:
        return False
    try:
        return bool(termios.tcgetattr(terminal)[LOCAL_FLAGS] & termios.ICANON)
    except termios.error:
        return False


def _terminal() -> int | None:
    stream = sys.__stdin__
    return None if stream is None or stream.closed else stream.fileno()

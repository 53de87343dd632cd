"""When to stop: a signal, a request in the attempt's folder, a parent that is gone.

The first one asks: the step under way is finished and the state saved. A second signal leaves at once. No torch here:
a stop is heard while torch is still being imported.
"""

import os
import signal
from pathlib import Path
from types import FrameType
from typing import NoReturn

from labtui.store.records import ORPHANED

HEARD = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Whether the run is asked to stop, by whom, and the exit code that goes with it."""

    def __init__(self, request: Path | None = None, parent: int | None = None) -> None:
        """`request`: the file that asks; `parent`: the pid without which the run is to end."""
        self.asked = False
        self.reason = ""
        self.exit_code = 0
        self._request = request
        self._parent = parent

    def listen(self) -> None:
        """Hear SIGTERM and SIGINT; let a closing terminal pass."""
        for number in HEARD:
            signal.signal(number, self._signalled)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def look(self) -> None:
        """Look for a request and for the parent; cheap enough for four times a second."""
        if self.asked:
            return
        if self._parent is not None and os.getppid() != self._parent:
            self.ask(ORPHANED)
        elif self._request is not None and self._request.exists():
            self.ask("asked to stop")

    def ask(self, reason: str, exit_code: int = 0) -> None:
        """Ask for a stop at the end of the step."""
        self.reason, self.exit_code, self.asked = reason, exit_code, True

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if self.exit_code:
            _leave(number)
        self.ask(f"received {signal.Signals(number).name}", 128 + number)


def _leave(number: int) -> NoReturn:
    os.write(2, b"Left at once, at a second signal; the last checkpoint holds.\n")
    os._exit(128 + number)

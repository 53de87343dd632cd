"""When to stop: a signal, a stop request in the attempt's folder, a parent process or a run folder that is gone.

The first signal or request lets the current step finish and the state be saved; a second signal exits immediately.
Does not import torch, so that a stop is noticed even while torch is still being imported.
"""

import os
import signal
from pathlib import Path
from types import FrameType
from typing import NoReturn

from labtui.errors import MachineError
from labtui.store.records import ORPHANED

HANDLED = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """Whether the run was asked to stop, why, and the exit code for it."""

    def __init__(self, request: Path | None = None, parent: int | None = None) -> None:
        """`request` is the path of the stop request; `parent` is the pid without which the run stops."""
        self.requested = False
        self.reason = ""
        self.exit_code = 0
        self._request_path = request
        self._parent = parent

    def install_handlers(self) -> None:
        """Handle SIGTERM and SIGINT; ignore SIGHUP, so that a closing terminal ends nothing."""
        for number in HANDLED:
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def poll(self) -> None:
        """Look for the stop request and the parent; cheap enough for four times a second."""
        if self.requested:
            return
        if self._parent is not None and os.getppid() != self._parent:
            self.request(ORPHANED)
        elif self._request_path is not None and self._request_path.exists():
            self.request("asked to stop")
        elif _is_removed(Path()):
            self.request("the run folder was removed", MachineError.exit_code)

    def request(self, reason: str, exit_code: int = 0) -> None:
        """Request a stop at the end of the current step."""
        self.reason, self.exit_code, self.requested = reason, exit_code, True

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self.exit_code:
            _exit_now(number)
        self.request(f"received {signal.Signals(number).name}", 128 + number)


def _is_removed(folder: Path) -> bool:
    try:
        return folder.stat().st_nlink == 0
    except OSError:
        return True


def _exit_now(number: int) -> NoReturn:
    os.write(2, b"Exited immediately on a second signal; the last checkpoint is intact.\n")
    os._exit(128 + number)

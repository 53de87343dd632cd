"""Waiting for signals and for time to pass, at once, in one thread."""

import os
import select
import signal
from collections.abc import Iterable
from types import FrameType


class Signals:
    """Signals as bytes in a pipe, which `select` can wait for. There is one of these in a process."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, _note)

    def fileno(self) -> int:
        """Readable when a signal has arrived."""
        return self._read

    def wait(self, seconds: float) -> frozenset[int]:
        """The signals that arrived since the last call; waits at most `seconds` for one."""
        ready, _, _ = select.select([self._read], [], [], seconds)
        return frozenset(os.read(self._read, 4096)) if ready else frozenset()


def _note(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: with a handler in place the signal's number goes into the pipe."""

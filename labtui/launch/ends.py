"""Letting time pass until something has happened: above all until a run is over, whose place is then free.

The small parent of a run is nobody's child, so nothing tells a starter of its end. Linux has descriptors of processes
for that; elsewhere the time passes in full.
"""

import os
import select
from typing import Protocol


class Readable(Protocol):
    """Something with a descriptor that becomes readable."""

    def fileno(self) -> int:
        """The descriptor."""


class Ends:
    """The processes whose end is waited for."""

    def __init__(self) -> None:
        self._alive: list[int] = []
        self._missed = False

    def watch(self, pid: int) -> None:
        """Wake for the end of this process too."""
        if not hasattr(os, "pidfd_open"):
            return
        try:
            self._alive.append(os.pidfd_open(pid))
        except ProcessLookupError:
            self._missed = True
        except OSError:  # no descriptors left, or a kernel without this call: whoever waits looks again anyhow
            return

    def wait(self, seconds: float, *others: Readable) -> None:
        """Until a process has ended or one of the others is readable, for at most so many seconds."""
        seconds, self._missed = 0.0 if self._missed else seconds, False
        watched: list[int | Readable] = [*self._alive, *others]
        ready, _, _ = select.select(watched, [], [], seconds)
        for descriptor in [descriptor for descriptor in self._alive if descriptor in ready]:
            self._alive.remove(descriptor)
            os.close(descriptor)

    def close(self) -> None:
        """Wait for none of them any more."""
        for descriptor in self._alive:
            os.close(descriptor)
        self._alive.clear()

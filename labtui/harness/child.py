"""The user's program as a process, with everything that it starts.

A launcher such as torchrun gives its workers sessions of their own, so that a signal to its process group misses them.
On Linux the harness adopts orphans, and whatever descends from it is found and ended with the program.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from labtui.errors import UsageError
from labtui.store.process import adopt_orphans, descendants, die_with_parent, end_descendants
from labtui.text.clean import clean_line


class Child:
    """A program that runs. Its output goes where this process's goes."""

    def __init__(self, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        """Start it. Raises UsageError if that is not possible."""
        adopt_orphans()
        parent = os.getpid()

        def prepare() -> None:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            die_with_parent(parent)

        try:
            self._process = subprocess.Popen(
                list(words),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                preexec_fn=prepare,
            )
        except (OSError, ValueError) as error:
            raise UsageError(_not_started(words, folder, error)) from error
        self._cpu: dict[int, float] = {}

    @property
    def pid(self) -> int:
        """The pid of the program itself."""
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program itself: what it started is its own business."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def end_all(self) -> int:
        """Kill the program and everything that descends from it; return how many processes were killed."""
        killed = end_descendants()
        self._process.poll()
        return killed

    def cpu_seconds(self) -> float:
        """CPU time of the whole tree so far; processes that have ended keep what they had used."""
        for process in descendants():
            with suppress(psutil.Error):
                times = process.cpu_times()
                self._cpu[process.pid] = times.user + times.system
        return sum(self._cpu.values())


def _not_started(words: Sequence[str], folder: Path, error: Exception) -> str:
    """Why the program could not be started."""
    name = clean_line(words[0] if words else "", 200)
    if isinstance(error, FileNotFoundError) and not folder.is_dir():
        return f"the folder {folder} no longer exists"
    if isinstance(error, FileNotFoundError):
        return f"the program {name} was not found" + ("" if "/" in name else " on the PATH")
    return f"the program {name} cannot be started: {getattr(error, 'strerror', None) or error}"

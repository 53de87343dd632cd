"""Following a log file: its tail first, then what is appended, through truncation, replacement and progress bars."""

import os
import re
from collections import deque
from pathlib import Path

from labtui.console.data.snapshot import Log
from labtui.text.clean import clean_line

KEPT = 2_000
"""Lines in memory; the file has the rest."""

TAIL = 128 << 10
"""Bytes read at first from the end of the file, and at most per poll."""

_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


class LogFollower:
    """The tail of one run's log; `poll` reads what is new."""

    def __init__(self, run_id: str, path: Path) -> None:
        self.run_id = run_id
        self.path = path
        self._offset: int | None = None
        self._file: tuple[int, int] | None = None
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._count = 0
        self._rest = ""
        self._log = Log(run_id)

    def poll(self) -> Log:
        """The log as it stands; the same object as before where nothing was appended. Never raises."""
        try:
            fresh = self._read()
        except OSError as fault:
            note = "no log yet" if isinstance(fault, FileNotFoundError) else f"the log cannot be read: {fault.strerror}"
            if (self._log.note, self._log.lines) != (note, ()):
                self._log = Log(self.run_id, note=note)
            return self._log
        if fresh or self._log.note:
            self._take(fresh)
            shown = (*self._lines, tidy(self._rest)) if self._rest else tuple(self._lines)
            self._log = Log(self.run_id, shown, self._count - len(self._lines))
        return self._log

    def _read(self) -> str:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(stream.fileno())
            if self._offset is None or self._file != (status.st_dev, status.st_ino) or status.st_size < self._offset:
                self._begin(status)
            assert self._offset is not None  # _begin set it
            if status.st_size - self._offset > TAIL:
                self._skip_to(status.st_size - TAIL)
            stream.seek(self._offset)
            content = stream.read(TAIL)
        self._offset += len(content)
        return content.decode("utf-8", "replace")

    def _begin(self, status: os.stat_result) -> None:
        self._file = (status.st_dev, status.st_ino)
        self._offset = max(0, status.st_size - TAIL)
        self._lines.clear()
        self._rest = ""
        if self._offset:
            self._lines.append("… the beginning is in the file")

    def _skip_to(self, offset: int) -> None:
        self._offset = offset
        self._lines.append("… more was written than can be followed; it is in the file")
        self._count += 1
        self._rest = ""

    def _take(self, fresh: str) -> None:
        *whole, self._rest = (self._rest + fresh).split("\n")
        self._rest = self._rest[-TAIL:]
        self._lines.extend(tidy(line) for line in whole)
        self._count += len(whole)


def tidy(line: str) -> str:
    """One line as a terminal would leave it: what a progress bar wrote last, without colours, clean."""
    return clean_line(_COLOURS.sub("", line.rstrip("\r").rpartition("\r")[2]))

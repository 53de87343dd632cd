"""Follows a log file: its tail first, then what is appended, through truncation, replacement and progress bars."""

import os
import re
from collections import deque
from pathlib import Path

from labtui.console.data.snapshot import Log
from labtui.text.clean import clean_line

MAX_LINES = 2_000
"""Lines in memory; the file has all of them."""

TAIL_BYTES = 128 << 10
"""Bytes read from the end of the file at first, and at most per poll."""

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


class LogTail:
    """The tail of one run's log; `poll` reads what is new."""

    def __init__(self, run_id: str, path: Path) -> None:
        self.run_id = run_id
        self.path = path
        self._offset: int | None = None
        self._file: tuple[int, int] | None = None
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._count = 0
        self._rest = ""
        self._log = Log(run_id)

    def poll(self) -> Log:
        """Read what is new. Returns the same object as before if nothing was appended. Never raises."""
        try:
            new = self._read()
        except OSError as error:
            note = "no log yet" if isinstance(error, FileNotFoundError) else f"the log cannot be read: {error.strerror}"
            if (self._log.note, self._log.lines) != (note, ()):
                self._log = Log(self.run_id, note=note)
            return self._log
        if new or self._log.note:
            self._take(new)
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
            if status.st_size - self._offset > TAIL_BYTES:
                self._skip_to(status.st_size - TAIL_BYTES)
            stream.seek(self._offset)
            content = stream.read(TAIL_BYTES)
        self._offset += len(content)
        return content.decode("utf-8", "replace")

    def _begin(self, status: os.stat_result) -> None:
        self._file = (status.st_dev, status.st_ino)
        self._offset = max(0, status.st_size - TAIL_BYTES)
        self._lines.clear()
        self._rest = ""
        if self._offset:
            self._lines.append("… earlier lines are in the file only")

    def _skip_to(self, offset: int) -> None:
        self._offset = offset
        self._lines.append("… too much was written at once; these lines are in the file only")
        self._count += 1
        self._rest = ""

    def _take(self, new: str) -> None:
        *complete, self._rest = (self._rest + new).split("\n")
        self._rest = self._rest[-TAIL_BYTES:]
        self._lines.extend(tidy(line) for line in complete)
        self._count += len(complete)


def tidy(line: str) -> str:
    """One line as a terminal would show it in the end: the last text of a progress bar, without escape codes."""
    return clean_line(_ESCAPES.sub("", line.rstrip("\r").rpartition("\r")[2]))

"""The metrics that a program writes beside event files: lines of its output, JSON lines, CSV. Read while they grow."""

import csv
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from labtui.program import STEP_NAMES, LinePattern
from labtui.text.clean import clean_line

MOST_BYTES = 32 << 20
"""Bytes that are read at once; what is left is read in the next round."""

LONGEST_LINE = 1 << 20
"""Bytes of a line; a longer one is not read."""

MOST_TAGS = 2_000
"""Tags that one source may have."""

_OVERLAP = 4 << 10
"""Bytes before the current position that are found again after a file was cut at its beginning."""


class Values(NamedTuple):
    """The values of one line: where on the x axis they belong, and by tag."""

    step: int | None
    """None where the line does not say."""
    epoch: float | None
    values: Mapping[str, float]


Parse = Callable[[str], Values | None]


class GrowingText:
    """Whole lines of a text file as it grows. A file that was replaced or written anew is read from its beginning.

    A log that was cut at its beginning goes on where the reader was, as far as that is still there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.gaps = 0
        """How often what had not been read yet was removed from the file."""
        self._offset = 0
        self._inode = 0
        self._rest = b""
        self._before = b""

    def lines(self) -> list[str]:
        """The lines that are new and complete; progress bars, which end in a carriage return, are lines too."""
        try:
            with self.path.open("rb") as stream:
                self._find_position(stream)
                content = stream.read(MOST_BYTES)
        except OSError:
            return []
        if not content:
            return []
        self._offset += len(content)
        self._before = (self._before + content)[-_OVERLAP:]
        *whole, self._rest = (self._rest + content).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            self._rest = b""
        return [line.decode("utf-8", "replace") for line in whole if line and len(line) <= LONGEST_LINE]

    def skip(self) -> None:
        """Begin after what is there now."""
        try:
            status = self.path.stat()
        except OSError:
            return
        self._inode, self._offset = status.st_ino, status.st_size

    @property
    def size(self) -> int:
        """The size of the file now."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def last_line(self) -> list[str]:
        """What follows the last end of a line, once nothing more will be written."""
        rest, self._rest = self._rest, b""
        return [rest.decode("utf-8", "replace")] if rest.strip() else []

    def _find_position(self, stream: BinaryIO) -> None:
        """Go to where the last reading ended, if what was read before it is still there; else to the beginning."""
        inode = os.fstat(stream.fileno()).st_ino
        if inode == self._inode:
            stream.seek(self._offset - len(self._before))
            if stream.read(len(self._before)) == self._before:
                return
            stream.seek(0)
            found = stream.read().rfind(self._before) if self._before else -1
            if found >= 0:
                self._offset = stream.seek(found + len(self._before))
                return
            self.gaps += 1
        self._inode, self._offset, self._rest, self._before = inode, 0, b"", b""
        stream.seek(0)


class TextSource:
    """A text file and how its lines are read."""

    def __init__(self, text: GrowingText, parse: Parse) -> None:
        self.text = text
        self._parse = parse

    def poll(self) -> Iterator[Values]:
        """The values that are new."""
        yield from self._values(self.text.lines())

    def finish(self) -> Iterator[Values]:
        """What is left once the program has ended."""
        while lines := self.text.lines():
            yield from self._values(lines)
        yield from self._values(self.text.last_line())

    def _values(self, lines: Iterable[str]) -> Iterator[Values]:
        for line in lines:
            if (values := self._parse(line)) is not None and values.values:
                yield values


class NewestMatch:
    """A source whose path is a pattern: the newest file that matches it, which may appear late or change."""

    def __init__(self, folder: Path, pattern: str, make: Callable[[Path], TextSource]) -> None:
        self._folder, self._pattern, self._make = folder, pattern, make
        self._source: TextSource | None = None

    def poll(self) -> Iterator[Values]:
        """The values that are new, in the newest file."""
        path = newest(self._folder, self._pattern)
        if path is not None and (self._source is None or self._source.text.path != path):
            if self._source is not None:
                yield from self._source.finish()
            self._source = self._make(path)
        if self._source is not None:
            yield from self._source.poll()

    def finish(self) -> Iterator[Values]:
        """What is left once the program has ended."""
        yield from self.poll()
        if self._source is not None:
            yield from self._source.finish()


Source = TextSource | NewestMatch


def newest(folder: Path, pattern: str) -> Path | None:
    """The newest file or folder that matches a pattern, relative to the folder or absolute; None if nothing does."""
    whole = Path(pattern)
    base, relative = (
        (Path(whole.anchor), str(whole.relative_to(whole.anchor))) if whole.is_absolute() else (folder, pattern)
    )
    try:
        found = [(path.stat().st_mtime_ns, path) for path in base.glob(relative)]
    except (OSError, ValueError, NotImplementedError):
        return None
    return max(found)[1] if found else None


# --- One line ---------------------------------------------------------------------------------------------------------


def log_parser(patterns: Sequence[LinePattern]) -> Parse:
    """The values of a line of output, by the first pattern that matches."""

    def parse(line: str) -> Values | None:
        for pattern in patterns:
            if (found := pattern.values(line)) is not None:
                return split_values(found)
        return None

    return parse


def json_parser(line: str) -> Values | None:
    """The numbers of a JSON object, those of objects in it as `outer/inner`."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return split_values(dict(_numbers("", record))) if isinstance(record, dict) else None


class CsvParser:
    """The numbers of a CSV file's rows; its first line names the columns."""

    def __init__(self) -> None:
        self._columns: list[str] | None = None

    def __call__(self, line: str) -> Values | None:
        """The values of a line; None for the header, which may come again where a file was rewritten."""
        try:
            cells = next(csv.reader([line]), [])
        except csv.Error:
            return None
        if self._columns is None or not any(map(_is_number, cells)):
            self._columns = [cell.strip() for cell in cells]
            return None
        pairs = zip(self._columns, cells, strict=False)
        return split_values({name: float(cell) for name, cell in pairs if name and _is_number(cell)})


def split_values(found: Mapping[str, float]) -> Values:
    """The values of a record, without those that say where it belongs."""
    where = {name.rpartition("/")[2].lower(): value for name, value in found.items() if _is_step(name)}
    step = next((int(where[name]) for name in STEP_NAMES if name in where and _is_whole(where[name])), None)
    tags = {clean_line(name): value for name, value in found.items() if not _is_step(name)}
    return Values(step, where.get("epoch"), dict(list(tags.items())[:MOST_TAGS]))


def _is_step(name: str) -> bool:
    return name.lower() in STEP_NAMES


def _is_whole(value: float) -> bool:
    return math.isfinite(value) and value == int(value) and 0 <= value < 1 << 62


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(prefix: str, record: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, float]]:
    for name, value in record.items():
        tag = f"{prefix}/{name}" if prefix else str(name)
        if isinstance(value, dict) and depth < 4:
            yield from _numbers(tag, value, depth + 1)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            try:
                yield tag, float(value)
            except OverflowError:
                continue

"""Writes the metrics of one attempt into a TensorBoard event file of its own, and never stops a training over it.

Every point is handed to the system at once, unbuffered, so a killed process loses none. What the disk does not take is
kept and tried again with the next point; a checkpoint carries it along. A resumed run writes no (tag, step) twice.
"""

import math
import os
import re
import struct
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, cast

from labtui.store.encode_scalar import float32, scalar_event, version_event
from labtui.store.files import write_all
from labtui.store.process import host
from labtui.store.records import LastValue

MOST_KEPT = 100_000
"""Points that are kept for a disk without room; later ones are lost."""

PORTION = 200
"""Points of one write: a disk that stays full costs no more than encoding these at each try."""

_FILE = re.compile(r"events\.out\.tfevents\.(\d{1,12})\.")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9-]")


class Point(NamedTuple):
    """One point of one curve."""

    wall_time: float
    step: int
    tag: str
    value: float


class Recorder:
    """The event file of an attempt. `last` holds each tag's newest (step, value) of earlier attempts."""

    def __init__(
        self, folder: Path, attempt: int, *, last: Mapping[str, tuple[int, float]], kept: Iterable[Point] = ()
    ) -> None:
        self.folder = folder
        self.attempt = attempt
        self.dropped = 0
        self.last = dict(last)
        self._kept: list[Point] = []
        self._descriptor: int | None = None
        self._size = 0
        for point in kept:
            self._add(point)

    @property
    def kept(self) -> tuple[Point, ...]:
        """Points that the disk has not taken yet."""
        return tuple(self._kept)

    @property
    def points_lost(self) -> int:
        """Points that are not in the file: given up, or still kept."""
        return self.dropped + len(self._kept)

    @property
    def last_values(self) -> dict[str, LastValue]:
        """The newest point of each tag, as the file holds it."""
        return {tag: LastValue(step=step, value=_as_stored(value)) for tag, (step, value) in sorted(self.last.items())}

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Write one point of each tag at this step; a point at or before a tag's last one is there already."""
        now = time.time()
        for tag, value in values.items():
            self._add(Point(now, step, tag, value))
        self.flush()

    def flush(self) -> bool:
        """Write what is kept; whether everything is written now."""
        try:
            while self._kept:
                self._write(b"".join(scalar_event(*point) for point in self._kept[:PORTION]))
                del self._kept[:PORTION]
        except OSError:
            return False
        return True

    def sync(self) -> None:
        """Bring every point to the disk, before a checkpoint is put in place that lies after them."""
        self.flush()
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Write what is kept and close the file."""
        self.flush()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _add(self, point: Point) -> None:
        if point.tag in self.last and point.step <= self.last[point.tag][0]:
            return
        self.last[point.tag] = (point.step, point.value)
        if len(self._kept) < MOST_KEPT:
            self._kept.append(point)
        else:
            self.dropped += 1

    def _write(self, records: bytes) -> None:
        """Append whole records. After a failure the file ends where its last whole record ended."""
        if self._descriptor is None:
            self._open()
        assert self._descriptor is not None
        try:
            write_all(self._descriptor, records)
        except OSError:
            self._cut_back(self._descriptor)
            raise
        self._size += len(records)

    def _open(self) -> None:
        """Start a file whose name sorts after those of all earlier attempts: readers take files in that order."""
        stamps = [int(match[1]) for entry in self.folder.iterdir() if (match := _FILE.match(entry.name))]
        stamp = max([int(time.time()), *(stamp + 1 for stamp in stamps)])
        machine = _NOT_IN_A_NAME.sub("-", host()) or "host"
        path = self.folder / f"events.out.tfevents.{stamp:010d}.{machine}.{os.getpid()}.{self.attempt}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o666)
        beginning = version_event(time.time())
        try:
            write_all(descriptor, beginning)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        self._descriptor, self._size = descriptor, len(beginning)

    def _cut_back(self, descriptor: int) -> None:
        try:
            os.ftruncate(descriptor, self._size)
        except OSError:
            # Nothing that follows half a record can be read: the next point starts a new file.
            os.close(descriptor)
            self._descriptor = None


def _as_stored(value: float) -> float | Literal["nan", "inf", "-inf"]:
    stored: float = struct.unpack("<f", float32(value))[0]
    return stored if math.isfinite(stored) else cast("Literal['nan', 'inf', '-inf']", str(stored))

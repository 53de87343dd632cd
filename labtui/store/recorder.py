"""Writes the metrics of one attempt into a TensorBoard event file of its own; write errors never stop a training.

Every point is written immediately, unbuffered, so a killed process loses none. Points that cannot be written stay
pending and are tried again with the next point; a checkpoint includes them. A resumed run writes no (tag, step) twice.
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
from labtui.store.files import open_new, write_all
from labtui.store.process import host
from labtui.store.records import LastValue

MAX_PENDING = 100_000
"""Points that are kept in memory while the disk is full; later ones are dropped."""

MAX_POINTS_PER_WRITE = 200
"""Points encoded for one write: while the disk is full, each attempt costs no more than encoding these."""

_FILE = re.compile(r"events\.out\.tfevents\.(\d{1,12})\.")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9-]")


class Point(NamedTuple):
    """One point of one curve."""

    wall_time: float
    step: int
    tag: str
    value: float


class Recorder:
    """The event file of an attempt. `last` is the newest (step, value) of each tag from earlier attempts."""

    def __init__(
        self, folder: Path, attempt: int, *, last: Mapping[str, tuple[int, float]], pending: Iterable[Point] = ()
    ) -> None:
        self.folder = folder
        self.attempt = attempt
        self.dropped = 0
        self.last = dict(last)
        self._pending: list[Point] = []
        self._descriptor: int | None = None
        self._size = 0
        for point in pending:
            self._add(point)

    @property
    def pending(self) -> tuple[Point, ...]:
        """Points that are not written yet."""
        return tuple(self._pending)

    @property
    def points_lost(self) -> int:
        """Points that are not in the file: dropped, or still pending."""
        return self.dropped + len(self._pending)

    @property
    def last_values(self) -> dict[str, LastValue]:
        """The newest point of each tag, as the file holds it."""
        return {tag: LastValue(step=step, value=as_stored(value)) for tag, (step, value) in sorted(self.last.items())}

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Write one point per tag at this step, skipping tags that already have a point at this step or a later one."""
        now = time.time()
        for tag, value in values.items():
            self._add(Point(now, step, tag, value))
        self.flush()

    def record_all(self, points: Iterable[tuple[int, Mapping[str, float]]]) -> None:
        """Write the values of many steps at once; see `record`."""
        now = time.time()
        for step, values in points:
            for tag, value in values.items():
                self._add(Point(now, step, tag, value))
            if len(self._pending) >= MAX_PENDING // 2:
                self.flush()
        self.flush()

    def flush(self) -> bool:
        """Write pending points. Returns whether all are written."""
        try:
            while self._pending:
                self._write(b"".join(scalar_event(*point) for point in self._pending[:MAX_POINTS_PER_WRITE]))
                del self._pending[:MAX_POINTS_PER_WRITE]
        except OSError:
            return False
        return True

    def sync(self) -> None:
        """Write and fsync every point; call it before a checkpoint that includes them replaces the last one."""
        self.flush()
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Write pending points and close the file."""
        self.flush()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _add(self, point: Point) -> None:
        if point.tag in self.last and point.step <= self.last[point.tag][0]:
            return
        self.last[point.tag] = (point.step, point.value)
        if len(self._pending) < MAX_PENDING:
            self._pending.append(point)
        else:
            self.dropped += 1

    def _write(self, records: bytes) -> None:
        """Append whole records. After an error the file ends with its last whole record."""
        if self._descriptor is None:
            self._open()
        assert self._descriptor is not None
        try:
            write_all(self._descriptor, records)
        except OSError:
            self._truncate(self._descriptor)
            raise
        self._size += len(records)

    def _open(self) -> None:
        """Create a file whose name sorts after those of all earlier attempts: readers read files in that order."""
        stamps = [int(match[1]) for entry in self.folder.iterdir() if (match := _FILE.match(entry.name))]
        stamp = max([int(time.time()), *(stamp + 1 for stamp in stamps)])
        machine = _NOT_IN_A_NAME.sub("-", host()) or "host"
        path = self.folder / f"events.out.tfevents.{stamp:010d}.{machine}.{os.getpid()}.{self.attempt}"
        descriptor = open_new(path, append=True)
        header = version_event(time.time())
        try:
            write_all(descriptor, header)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        self._descriptor, self._size = descriptor, len(header)

    def _truncate(self, descriptor: int) -> None:
        try:
            os.ftruncate(descriptor, self._size)
        except OSError:
            # Nothing after half a record can be read: the next point goes into a new file.
            os.close(descriptor)
            self._descriptor = None


def as_stored(value: float) -> float | Literal["nan", "inf", "-inf"]:
    """A value as an event file holds it (float32), in the form of `LastValue`."""
    stored: float = struct.unpack("<f", float32(value))[0]
    return stored if math.isfinite(stored) else cast("Literal['nan', 'inf', '-inf']", str(stored))

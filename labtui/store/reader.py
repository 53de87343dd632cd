"""A run's curves, read from its event files as they grow.

A reader keeps an offset per file and takes whole records only; half a record means "not yet". A record whose checksum
is wrong ends the reading of its file, since nothing after it can be trusted to be where it should, and is told in
`damage`: a wrong number is never shown. Files are read in name order, as TensorBoard does, and per (tag, step) the
latest file's value counts.

With a cache, a reader begins where an earlier one ended, if the files still hold what that one read.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from labtui.store.curve import Curve, Series
from labtui.store.curve_cache import CurveCache, Kept, KeptFile, Stamp
from labtui.store.discover import is_event_file
from labtui.store.event_file import EventFile, holds
from labtui.store.tags import step_unit
from labtui.text.clean import clean_line

if TYPE_CHECKING:  # block imports numpy, which nothing pays for until there are records
    from labtui.store.decode_vectorized import Batch

POLL_BYTES = 1 << 20
"""Bytes read in one poll, so that whoever draws a screen beside it is held up for milliseconds only."""

MOST_TAGS = 10_000
"""Curves of one run; a stranger's file could hold a new tag in every record."""

WORTH_KEEPING = 64 << 10
"""Bytes of event files from which on the cache is used: to decode so many takes 1.5 ms, to find them there 0.1 ms."""

_ALL_AT_ONCE = 4 << 20


class RunReader:
    """The curves of one run folder. Call `poll` from one thread at a time; `curves` may be read from any."""

    def __init__(self, folder: Path, cache: CurveCache | None = None) -> None:
        self.folder = folder
        self._cache = cache
        self._curves: Mapping[str, Curve] = MappingProxyType({})
        self._begin()

    def _begin(self) -> None:
        self._files: list[EventFile] = []
        self._series: dict[bytes, Series] = {}
        self._names: dict[bytes, str] = {}
        self._taken: set[str] = set()
        self._changed: dict[bytes, None] = {}
        self._kept: tuple[KeptFile, ...] = ()
        self._left_out = 0
        self._trouble = ""

    @property
    def curves(self) -> Mapping[str, Curve]:
        """Curves by (cleaned) tag as of the last poll; a frozen value."""
        return self._curves

    @property
    def complete(self) -> bool:
        """Whether all that was there at the last poll has been read."""
        return not any(file.pending for file in self._files)

    @property
    def damage(self) -> tuple[str, ...]:
        """What could not be read, and from where on, for people; empty where all is well."""
        told = [f"{clean_line(file.path.name)}: {file.fault}" for file in self._files if file.fault]
        told += [
            f"{clean_line(file.path.name)}: {file.unknown:,} records are no events"
            for file in self._files
            if file.unknown
        ]
        if self._left_out:
            told.append(f"{self._left_out:,} points are left out: there are more than {MOST_TAGS:,} tags")
        if self._trouble:
            told.append(self._trouble)
        return tuple(told)

    def poll(self, max_bytes: int = POLL_BYTES) -> bool:
        """Read what is new, about `max_bytes` at most; whether any curve or any damage is new.

        Never raises for what it finds in the folder. A file that shrank, vanished or was replaced makes the reader
        begin anew: it shows what the folder holds, not what it held.
        """
        damage = self.damage
        restarted = self._look()
        for rank, file in enumerate(self._files):
            while file.pending and max_bytes > 0:
                max_bytes -= self._advance(rank, file, max_bytes)
        if restarted or self._changed:
            self._publish(anew=restarted)
            return True
        return self.damage != damage

    def _look(self) -> bool:
        """Bring the list of files up to date; whether everything had to begin anew."""
        try:
            seen = _event_files(self.folder)
        except OSError as fault:
            self._trouble = f"{clean_line(self.folder.name)} cannot be read: {fault.strerror}"
            return False
        self._trouble = ""
        restart = not self._continues(seen)
        if restart:
            self._begin()
        if not self._files:
            self._recall(seen)
        self._files += [EventFile(path, stamp) for path, stamp in seen[len(self._files) :]]
        for file, (_, stamp) in zip(self._files, seen, strict=True):
            file.looked(stamp)
        return restart

    def _continues(self, seen: list[tuple[Path, Stamp]]) -> bool:
        """Whether the files are those known, grown, and perhaps later ones: then what was read stays true."""
        return len(seen) >= len(self._files) and all(
            (file.path, file.identity) == (path, (stamp.device, stamp.inode)) and stamp.size >= file.offset
            for file, (path, stamp) in zip(self._files, seen, strict=False)
        )

    def _recall(self, seen: list[tuple[Path, Stamp]]) -> None:
        """Begin with what an earlier reader left in the cache, if these files still hold it."""
        if self._cache is None or sum(stamp.size for _, stamp in seen) < WORTH_KEEPING:
            return
        kept = self._cache.load(self.folder)
        if kept is None or [file.name for file in kept.files] != [
            os.fsencode(path.name) for path, _ in seen[: len(kept.files)]
        ]:
            return
        pairs = list(zip(kept.files, seen, strict=False))
        if all(holds(path, stamp, file) for file, (path, stamp) in pairs):
            self._files = [EventFile(path, stamp, file) for file, (path, stamp) in pairs]
            self._left_out = kept.left_out
            self._kept = kept.files
            self._hold(kept)

    def keep(self) -> None:
        """Leave in the cache what has been read, for later readers, and hold it from there on: in pages of a file,
        which the system can take back, and not in memory of our own. Never raises for what the disk does."""
        files = tuple(file.kept for file in self._files)
        if self._cache is None or files == self._kept or sum(file.offset for file in files) < WORTH_KEEPING:
            return
        points = {tag: series.points for tag, series in self._series.items()}
        kept = self._cache.save(self.folder, Kept(files, points, self._left_out))
        self._kept = files
        if kept is not None and kept.files == files:
            self._hold(kept)
            self._publish(anew=False)

    def _hold(self, kept: Kept) -> None:
        self._series = {tag: Series(points) for tag, points in kept.series.items()}
        self._changed = dict.fromkeys(self._series)

    def _advance(self, rank: int, file: EventFile, budget: int) -> int:
        try:
            taken, batches = file.advance(min(budget, POLL_BYTES))
        except OSError as fault:
            self._trouble = f"{clean_line(file.path.name)} cannot be read: {fault.strerror}"
            file.give_up()
            return 0
        for batch in batches:
            self._add(rank, batch)
        return taken

    def _add(self, rank: int, batch: "Batch") -> None:
        series = self._series.get(batch.tag)
        if series is None:
            if len(self._series) >= MOST_TAGS:
                self._left_out += len(batch.steps)
                return
            series = self._series[batch.tag] = Series()
        series.add(rank, batch.steps, batch.values, batch.wall_times)
        self._changed[batch.tag] = None

    def _publish(self, *, anew: bool) -> None:
        curves = {} if anew else dict(self._curves)
        for tag in self._changed:
            name = self._name(tag)
            curves[name] = self._series[tag].curve(name, step_unit(name))
        self._changed.clear()
        self._curves = MappingProxyType(curves)

    def _name(self, tag: bytes) -> str:
        """The tag as it may be shown; two tags never share a name."""
        known = self._names.get(tag)
        if known is None:
            name = known = clean_line(tag.decode("utf-8", "replace"))
            number = 1
            while known in self._taken:
                number += 1
                known = f"{name} ({number})"
            self._names[tag] = known
            self._taken.add(known)
        return known


def read_curves(folder: Path, cache: CurveCache | None = None) -> dict[str, Curve]:
    """All curves of a run folder, by tag, read at once; with a cache, left there for the next time."""
    reader = RunReader(folder, cache)
    reader.poll(_ALL_AT_ONCE)
    while not reader.complete:
        reader.poll(_ALL_AT_ONCE)
    reader.keep()
    return dict(reader.curves)


def _event_files(folder: Path) -> list[tuple[Path, Stamp]]:
    """The event files in name order, as they are now; none where there is no folder. Raises OSError."""
    try:
        with os.scandir(folder) as entries:
            seen = [
                (folder / entry.name, _stamp(entry.stat(follow_symlinks=False)))
                for entry in entries
                if is_event_file(entry.name) and entry.is_file(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    return sorted(seen, key=lambda one: one[0].name)


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

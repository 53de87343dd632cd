"""A run's curves, read from its event files while they grow.

A reader keeps an offset per file and takes whole records only; half a record means "not yet". A record with a wrong
checksum ends the reading of its file, because what follows it may be misplaced, and is reported in `damage`: a wrong
number is never shown. Files are read in the order of their names, as TensorBoard does, and per (tag, step) the latest
file's value counts.

With a cache, a reader begins where an earlier one ended, if the files still contain what that one read.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from labtui.store.curve import Curve, GrowingCurve
from labtui.store.curve_cache import CachedCurves, CurveCache, FileProgress, FileStamp
from labtui.store.discover import is_event_file
from labtui.store.event_file import EventFile, begins_with
from labtui.store.tags import StepUnit, step_unit
from labtui.text.clean import clean_line
from labtui.text.words import plural

if TYPE_CHECKING:  # it imports numpy, which is not needed before there are records
    from labtui.store.decode_vectorized import Batch

POLL_BYTES = 1 << 20
"""Bytes read in one poll, so that a screen drawn by the same process waits for milliseconds only."""

MAX_TAGS = 10_000
"""Curves of one run; a stranger's file could contain a new tag in every record."""

MAX_FOLDERS = 200
"""Folders below a run's that are searched for event files: a program may leave thousands of others."""

MIN_CACHED_BYTES = 64 << 10
"""Bytes of event files from which on the cache is used: decoding this much takes 1.5 ms, loading it 0.1 ms."""

_KINDS = {"audio": ("audio clip",), "mesh": ("mesh", "meshes")}
"""How kinds are counted whose plural is not made by an s."""

_READ_ALL_BYTES = 4 << 20


class RunReader:
    """The curves of one run folder. Call `poll` from one thread at a time; `curves` may be read from any thread."""

    def __init__(
        self, folder: Path, cache: CurveCache | None = None, *, foreign: bool = False, below: Sequence[str] = ()
    ) -> None:
        """`foreign` says that another tool wrote the files: its tags mean nothing of ours, whatever they are called.

        `below` are folders in the run's own that hold more of its event files; their names become part of the tags.
        """
        self.folder = folder
        self._below = tuple(below)
        self._foreign = foreign
        self._cache = cache
        self._curves: Mapping[str, Curve] = MappingProxyType({})
        self._reset()

    def _reset(self) -> None:
        self._files: list[EventFile] = []
        self._growing: dict[bytes, GrowingCurve] = {}
        self._names: dict[bytes, str] = {}
        self._used_names: set[str] = set()
        self._changed: dict[bytes, None] = {}
        self._cached: tuple[FileProgress, ...] = ()
        self._left_out = 0
        self._read_error = ""

    @property
    def curves(self) -> Mapping[str, Curve]:
        """Curves by (cleaned) tag as of the last poll; a frozen value."""
        return self._curves

    @property
    def complete(self) -> bool:
        """Whether everything that existed at the last poll has been read."""
        return not any(file.pending for file in self._files)

    @property
    def damage(self) -> tuple[str, ...]:
        """What could not be read, and from where on, as messages; empty if everything could."""
        messages = [f"{clean_line(file.path.name)}: {file.damage}" for file in self._files if file.damage]
        messages += [
            f"{clean_line(file.path.name)}: {file.unknown:,} records are not events"
            for file in self._files
            if file.unknown
        ]
        if self._left_out:
            messages.append(f"{self._left_out:,} points are left out: there are more than {MAX_TAGS:,} tags")
        if self._read_error:
            messages.append(self._read_error)
        return tuple(messages)

    @property
    def undrawn(self) -> str:
        """What the files hold that is no curve, as `14 images, 3 histograms`; empty if there is nothing."""
        total: Counter[str] = sum((file.others for file in self._files), Counter())
        return ", ".join(plural(number, *_KINDS.get(kind, (kind,))) for kind, number in sorted(total.items()))

    def poll(self, max_bytes: int = POLL_BYTES) -> bool:
        """Read what is new, about `max_bytes` at most; return whether any curve or any damage is new.

        Never raises for the content of the folder. If a file shrank, vanished or was replaced, the reader starts over:
        it shows what the folder contains now, not what it contained before.
        """
        damage = self.damage
        restarted = self._update_files()
        for rank, file in enumerate(self._files):
            while file.pending and max_bytes > 0:
                max_bytes -= self._advance(rank, file, max_bytes)
        if restarted or self._changed:
            self._publish(restarted=restarted)
            return True
        return self.damage != damage

    def _update_files(self) -> bool:
        """Update the list of files; return whether the reader had to start over."""
        try:
            seen = _event_files(self.folder, self._below)
        except OSError as error:
            self._read_error = f"{clean_line(self.folder.name)} cannot be read: {error.strerror}"
            return False
        self._read_error = ""
        restart = not self._continues(seen)
        if restart:
            self._reset()
        if not self._files:
            self._load_from_cache(seen)
        self._files += [EventFile(path, stamp, folder=self.folder) for path, stamp in seen[len(self._files) :]]
        for file, (_, stamp) in zip(self._files, seen, strict=True):
            file.update(stamp)
        return restart

    def _continues(self, seen: list[tuple[Path, FileStamp]]) -> bool:
        """Whether the files are the known ones, perhaps longer, and perhaps later ones: then what was read is valid."""
        return len(seen) >= len(self._files) and all(
            (file.path, file.identity) == (path, (stamp.device, stamp.inode)) and stamp.size >= file.offset
            for file, (path, stamp) in zip(self._files, seen, strict=False)
        )

    def _load_from_cache(self, seen: list[tuple[Path, FileStamp]]) -> None:
        """Begin with what an earlier reader stored in the cache, if these files still contain it."""
        if self._cache is None or sum(stamp.size for _, stamp in seen) < MIN_CACHED_BYTES:
            return
        cached = self._cache.load(self.folder)
        if cached is None or [file.name for file in cached.files] != [
            os.fsencode(path.relative_to(self.folder)) for path, _ in seen[: len(cached.files)]
        ]:
            return
        pairs = list(zip(cached.files, seen, strict=False))
        if all(begins_with(path, stamp, progress) for progress, (path, stamp) in pairs):
            self._files = [EventFile(path, stamp, progress, folder=self.folder) for progress, (path, stamp) in pairs]
            self._left_out = cached.left_out
            self._cached = cached.files
            self._use(cached)

    def save_to_cache(self) -> None:
        """Store what has been read for later readers, and use the stored copy from then on: it is in pages of a file,
        which the system can take back, and not in this process's memory. Never raises for the state of the disk."""
        files = tuple(file.progress for file in self._files)
        if self._cache is None or files == self._cached or sum(file.offset for file in files) < MIN_CACHED_BYTES:
            return
        points = {tag: curve.points for tag, curve in self._growing.items()}
        cached = self._cache.save(self.folder, CachedCurves(files, points, self._left_out))
        self._cached = files
        if cached is not None and cached.files == files:
            self._use(cached)
            self._publish(restarted=False)

    def _use(self, cached: CachedCurves) -> None:
        self._growing = {tag: GrowingCurve(points) for tag, points in cached.points.items()}
        self._changed = dict.fromkeys(self._growing)

    def _advance(self, rank: int, file: EventFile, budget: int) -> int:
        try:
            read = file.advance(min(budget, POLL_BYTES))
        except OSError as error:
            self._read_error = f"{clean_line(file.path.name)} cannot be read: {error.strerror}"
            file.give_up()
            return 0
        if read.restart is not None:
            own = [(tag, curve) for tag, curve in self._growing.items() if tag.startswith(file.prefix)]
            self._changed |= {tag: None for tag, curve in own if curve.discard(read.restart, rank)}
        for batch in read.batches:
            self._add(rank, batch)
        return read.size

    def _add(self, rank: int, batch: "Batch") -> None:
        tag = self._files[rank].prefix + batch.tag
        curve = self._growing.get(tag)
        if curve is None:
            if len(self._growing) >= MAX_TAGS:
                self._left_out += len(batch.steps)
                return
            curve = self._growing[tag] = GrowingCurve()
        curve.add(rank, batch.steps, batch.values, batch.wall_times)
        self._changed[tag] = None

    def _publish(self, *, restarted: bool) -> None:
        curves = {} if restarted else dict(self._curves)
        for tag in self._changed:
            name = self._name(tag)
            curves[name] = self._growing[tag].curve(name, StepUnit.LOGGED if self._foreign else step_unit(name))
        self._changed.clear()
        self._curves = MappingProxyType(curves)

    def _name(self, tag: bytes) -> str:
        """The tag in printable form; two tags never share a name."""
        name = self._names.get(tag)
        if name is None:
            cleaned = name = clean_line(tag.decode("utf-8", "replace"))
            number = 1
            while name in self._used_names:
                number += 1
                name = f"{cleaned} ({number})"
            self._names[tag] = name
            self._used_names.add(name)
        return name


def read_curves(
    folder: Path, cache: CurveCache | None = None, *, foreign: bool = False, below: Sequence[str] = ()
) -> dict[str, Curve]:
    """Read all curves of a run folder at once, by tag. With a cache, they are stored there for the next time."""
    return dict(read_to_end(folder, cache, foreign=foreign, below=below).curves)


def read_to_end(
    folder: Path, cache: CurveCache | None = None, *, foreign: bool = False, below: Sequence[str] = ()
) -> RunReader:
    """A reader that has read all that is there: its curves, and what could not be read."""
    reader = RunReader(folder, cache, foreign=foreign, below=below)
    reader.poll(_READ_ALL_BYTES)
    while not reader.complete:
        reader.poll(_READ_ALL_BYTES)
    reader.save_to_cache()
    return reader


def _event_files(folder: Path, parts: Sequence[str] = ()) -> list[tuple[Path, FileStamp]]:
    """The event files in the order of their names, as they are now; none if there is no folder. Raises OSError.

    Links to event files are followed, and a file with two names is read once, under the name that is no link. In a run
    of labtui's own, those in folders below it are its own too: a program may write into several. `parts` are such
    folders of any other run.
    """
    try:
        files, folders, own = _list(folder)
    except FileNotFoundError:
        return []
    waiting = [folder / name for name in (folders if own else parts)]
    for number, below in enumerate(waiting):  # it grows meanwhile
        if number == MAX_FOLDERS:
            break
        try:
            more, folders, _ = _list(below)
        except OSError:
            continue
        files += more
        waiting += [below / name for name in folders] if own else []
    found: dict[tuple[int, int], tuple[Path, FileStamp]] = {}
    for path, stamp in sorted(files, key=lambda file: (file[0].is_symlink(), file[0].name, file[0])):
        found.setdefault((stamp.device, stamp.inode), (path, stamp))
    return sorted(found.values(), key=lambda file: (file[0].name, file[0]))


def _list(folder: Path) -> tuple[list[tuple[Path, FileStamp]], list[str], bool]:
    """The event files and the folders in a folder, and whether it is a run of labtui's own. Raises OSError."""
    files: list[tuple[Path, FileStamp]] = []
    folders: list[str] = []
    has_spec = False
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == "spec.json":
                has_spec = True
            elif is_event_file(entry.name):
                with suppress(FileNotFoundError):  # gone meanwhile, or a link that leads nowhere
                    if entry.is_file():
                        files.append((folder / entry.name, FileStamp.of(entry.stat())))
            elif entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                folders.append(entry.name)
    own = has_spec and "attempts" in folders
    return files, sorted(name for name in folders if name != "attempts"), own

"""The runs folder: making runs, finding them, taking them away.

Looking never writes a byte, so a read-only root, or a stranger's, can be watched like any other.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import labtui
from labtui.errors import UsageError
from labtui.spec import RunSpec
from labtui.store.discover import Found, Walk
from labtui.store.files import sync_folder, write_json
from labtui.store.load_run import RecordCache, read_foreign, read_own
from labtui.store.observer import Observer
from labtui.store.paths import RunPaths, RunsPaths
from labtui.store.queue_view import NO_TURN, Turn, WaitingLine
from labtui.store.records import SpecFile
from labtui.store.run import Run
from labtui.store.safe_paths import OutsideRoot, disk_fault, opened
from labtui.store.trash import move_to_trash
from labtui.text.clean import clean_line

_SETTLED_AFTER = 3.0
"""Seconds for which a folder must have looked the same before its time stamps are believed: some disks count in whole
seconds."""


@dataclass(slots=True)
class _Known:
    """What the store remembers of a run of ours."""

    records: RecordCache = field(default_factory=RecordCache)
    run: Run | None = None
    stamp: tuple[int, int, Turn] = (0, 0, NO_TURN)
    since: float = 0.0


class Store:
    """The runs below one root. One instance per looking process: it remembers what it saw, see `Observer`.

    Its methods may be called from several threads; each waits for the others.
    """

    def __init__(self, root: Path, *, observer: Observer | None = None) -> None:
        self.root = root
        self.paths = RunsPaths(root)
        self.notices: tuple[str, ...] = ()
        """What the last scan passed over, for people."""
        self._observer = observer or Observer()
        self._known: dict[Path, _Known] = {}
        self._by_id: dict[str, Found] = {}
        self._line = WaitingLine(self.paths)
        self._turn = threading.RLock()

    @property
    def writable(self) -> bool:
        """Whether runs can be made here; a root that does not exist yet counts by the folder it would be made in."""
        place = self.root
        while not place.exists() and place != place.parent:
            place = place.parent
        return place.is_dir() and os.access(place, os.W_OK | os.X_OK)

    def scan(self) -> tuple[Run, ...]:
        """Every run, newest first; cheap when nothing changed."""
        with self._turn:
            runs = self._scan()
        return tuple(sorted(runs, key=lambda run: (run.created, run.id), reverse=True))

    def _scan(self) -> list[Run]:
        walk = Walk(self.root)
        found = list(walk.find(self._known.keys()))
        folders = {one.folder for one in found}
        for folder in self._known.keys() - folders:
            del self._known[folder]
        self._observer.forget_all_but(folders)
        self._line.look()
        runs = [run for one in found if (run := self._look(one))]
        self._by_id = {_run_id(one.parts): one for one in found}
        self.notices = _notices(walk)
        return runs

    def get(self, run_id: str) -> Run:
        """The run of this id as it stands now. Raises UsageError where there is none."""
        with self._turn:
            found = self._by_id.get(run_id) or self._locate(run_id)
            self._line.look()
            run = self._look(found) if found else None
        if run is None:
            message = f"There is no run {clean_line(run_id)!r} in {self.root}."
            raise UsageError(message, advice="`labtui ps` lists the runs.")
        return run

    def find(self, text: str) -> Run:
        """The run that a person means: an id or a unique part of it, its folder, the name or title of an experiment
        (its newest run), or `last`.

        Raises UsageError with the candidates.
        """
        runs = self.scan()
        if not runs:
            raise UsageError(f"There are no runs in {self.root}.", advice="`labtui run NAME` makes one.")
        if text == "last":
            return runs[0]
        wanted = self._as_id(text)
        for matches in (
            [run for run in runs if run.id == wanted],
            [run for run in runs if text in _names(run)][:1],
            [run for run in runs if wanted.casefold() in run.id.casefold()],
        ):
            if len(matches) == 1:
                return matches[0]
            if matches:
                raise UsageError(f"{clean_line(text)!r} means {len(matches)} runs:\n{_listing(matches)}")
        raise UsageError(f"No run matches {clean_line(text)!r}. The newest are:\n{_listing(runs)}")

    def create(self, spec: RunSpec, *, data_fingerprint: str | None = None, planned_steps: int | None = None) -> Run:
        """A new run folder with its spec.json on the disk. `mkdir` decides who gets a name: the second in a second
        becomes `-2`.

        Raises EnvironmentFault where the disk is full or cannot be written; then nothing is left behind.
        """
        try:
            parts = self._make_folder(spec)
            folder = self.root.joinpath(*parts)
            content = SpecFile(
                run_id="/".join(parts),
                created=time.time(),
                labtui=labtui.__version__,
                spec=spec,
                data_fingerprint=data_fingerprint,
                planned_steps=planned_steps,
            )
            self._write_spec(folder, content)
        except OSError as fault:
            raise disk_fault(fault, f"No run folder for {spec.name} could be made", self.root) from fault
        with self._turn:
            self._by_id[_run_id(parts)] = Found(parts, folder, (), foreign=False)
        return self.get(_run_id(parts))

    def remove(self, run: Run) -> Path:
        """Move a run that is not live to the trash; its place there, from which it can be put back by hand.

        Raises UsageError for a run that is live, not ours or gone, and EnvironmentFault where the disk is in the way.
        """
        trashed = move_to_trash(self.root, self.get(run.id))
        with self._turn:
            self._by_id.pop(run.id, None)
            self._known.pop(run.folder, None)
        return trashed

    def _make_folder(self, spec: RunSpec) -> tuple[str, ...]:
        name = time.strftime(f"s{spec.seed}-%Y%m%d-%H%M%S")
        with opened(self.root, (spec.group, spec.title), make=True) as parent:
            number = 1
            while True:
                last = name if number == 1 else f"{name}-{number}"
                try:
                    os.mkdir(last, dir_fd=parent)
                except FileExistsError:
                    number += 1
                else:
                    return spec.group, spec.title, last

    def _write_spec(self, folder: Path, content: SpecFile) -> None:
        try:
            write_json(RunPaths(folder).spec, content)
            for parent in (folder.parent, folder.parent.parent, self.root):
                sync_folder(parent)
        except OSError:
            RunPaths(folder).spec.unlink(missing_ok=True)
            folder.rmdir()
            raise

    def _look(self, found: Found) -> Run | None:
        if found.foreign:
            return read_foreign(_run_id(found.parts), found.folder, found.event_files, self._observer)
        known = self._known.setdefault(found.folder, _Known())
        path = "/".join(found.parts)
        stamp = (*_stamp(found.folder), self._line.turn(path, (known.run.attempt if known.run else 0) + 1))
        now = self._observer.clock()
        if stamp != known.stamp:
            known.stamp, known.since = stamp, now
        elif known.run and not known.run.state.is_active and now - known.since > _SETTLED_AFTER:
            return known.run
        known.run = read_own(
            _run_id(found.parts),
            found.folder,
            known.records,
            self._observer,
            lambda attempt: self._line.turn(path, attempt),
        )
        if known.run is None:
            del self._known[found.folder]
        return known.run

    def _locate(self, run_id: str) -> Found | None:
        parts = () if run_id == "." else tuple(run_id.split("/"))
        try:
            with opened(self.root, parts):
                pass
        except (OSError, OutsideRoot, ValueError):
            return None
        folder = self.root.joinpath(*parts)
        here = next(iter(Walk(folder).find()), None)
        return Found(parts, folder, here.event_files, here.foreign) if here and here.folder == folder else None

    def _as_id(self, text: str) -> str:
        """An id as it is; a path into the runs folder as the id of what it names."""
        try:
            return Path(text).resolve().relative_to(self.root.resolve()).as_posix()
        except (OSError, ValueError):
            return text


def _run_id(parts: Iterable[str]) -> str:
    """The id of the folder `parts`: safe to print, and still one id per folder."""
    raw = "/".join(parts) or "."
    safe = clean_line(raw)
    return safe if safe == raw else f"{safe}~{hashlib.sha256(os.fsencode(raw)).hexdigest()[:6]}"


def _stamp(folder: Path) -> tuple[int, int]:
    """Changes whenever an entry of a run folder or of its attempts comes, goes or is replaced."""
    return _changed(folder), _changed(RunPaths(folder).attempts)


def _changed(folder: Path) -> int:
    try:
        return folder.lstat().st_mtime_ns
    except OSError:
        return 0


def _names(run: Run) -> tuple[str, ...]:
    return (run.spec.experiment, run.name, run.title, run.display_title) if run.spec else (run.title,)


def _listing(runs: Iterable[Run], most: int = 8) -> str:
    listed = [f"  {run.id} ({run.state})" for run in runs]
    more = f"  … and {len(listed) - most} more"
    return "\n".join(listed if len(listed) <= most else [*listed[:most], more])


def _notices(walk: Walk) -> tuple[str, ...]:
    notices = []
    if walk.links:
        notices.append(f"{walk.links} symbolic links below {walk.root} are not followed.")
    if walk.cut:
        notices.append(f"{walk.root} holds more folders, or deeper ones, than are searched: not every run is shown.")
    return tuple(notices)

"""The runs folder: create runs, find them, remove them.

Reading never writes a byte, so a read-only runs folder, or a stranger's, can be watched like any other.
"""

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from msgspec import UNSET

import labtui
from labtui.errors import UsageError
from labtui.spec import Spec
from labtui.store.continuation import copy_checkpoint
from labtui.store.discover import RunFolder, Search
from labtui.store.families import FirstTags, joined
from labtui.store.files import sync_folder, write_json
from labtui.store.hyperparameters import HyperparameterCache
from labtui.store.load_run import RecordCache, load_foreign_run, load_run
from labtui.store.observer import Observer
from labtui.store.paths import RunPaths, RunsPaths
from labtui.store.queue_view import NOT_QUEUED, QueueStatus, QueueView, pause_path
from labtui.store.records import AnySpecFile, SpecFile, spec_file
from labtui.store.run import Run
from labtui.store.safe_paths import OutsideRoot, machine_error, open_folder
from labtui.store.trash import TrashedRun, delete_trashed, move_to_trash, trashed_runs
from labtui.text.clean import clean_line
from labtui.text.words import plural

_SETTLED_AFTER = 3.0
"""Seconds for which a folder must have looked the same before its time stamps are trusted: on some disks they advance
in whole seconds."""


_HYDRA_ABOVE = 2
"""Folders over a foreign run's own in which Hydra's configuration is looked for: a job logs into folders of its own."""

FIRST_LOOK = 200
"""Folders that are searched before the first scan: a few milliseconds."""


@dataclass(slots=True)
class _Known:
    """What the store remembers of one of labtui's own runs."""

    records: RecordCache = field(default_factory=RecordCache)
    run: Run | None = None
    stamp: tuple[int, int, QueueStatus] = (0, 0, NOT_QUEUED)
    since: float = 0.0


class Store:
    """The runs below one root. Use one instance per process: it remembers what it observed, see `Observer`.

    Its methods may be called from several threads; they exclude each other.
    """

    def __init__(self, root: Path, *, observer: Observer | None = None, more: Iterable[Path] = ()) -> None:
        """`more` are further runs folders, whose runs are shown among the others and only read."""
        self.root = root
        self.more = _named(root, more)
        self.paths = RunsPaths(root)
        self.notices: tuple[str, ...] = ()
        """What the last scan skipped, as messages."""
        self._observer = observer or Observer()
        self._known: dict[Path, _Known] = {}
        self._by_id: dict[str, RunFolder] = {}
        self._queue = QueueView(self.paths)
        self._hyperparameters = HyperparameterCache()
        self._first_tags = FirstTags()
        self._mutex = threading.RLock()
        self._has_swept = False
        """Whether what interrupted removals left in the trash was looked for."""

    @property
    def writable(self) -> bool:
        """Whether runs can be created here. For a root that does not exist, the nearest existing parent counts."""
        folder = self.root
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)

    @property
    def queue_paused(self) -> bool:
        """Whether the queue of this user on this machine is paused."""
        return os.path.lexists(pause_path(self.root))

    def begins_foreign(self) -> bool:
        """Whether the first run that a short search finds is of another tool; False if it finds none."""
        found = next(Search(self.root, self.more, limit=FIRST_LOOK).find(), None)
        return found is not None and found.foreign

    def scan(self) -> tuple[Run, ...]:
        """Every run, newest first; cheap when nothing changed."""
        with self._mutex:
            runs = self._scan()
        return tuple(sorted(runs, key=lambda run: (run.created, run.id), reverse=True))

    def _scan(self) -> list[Run]:
        search = Search(self.root, self.more)
        run_folders = joined(search.find(self._known.keys()), self._first_tags)
        folders = {run_folder.folder for run_folder in run_folders}
        for folder in self._known.keys() - folders:
            del self._known[folder]
        self._observer.forget_all_but(folders)
        self._hyperparameters.forget_all_but(folders)
        self._queue.refresh()
        runs = [run for run_folder in run_folders if (run := self._load(run_folder))]
        self._by_id = {_run_id(run_folder.parts): run_folder for run_folder in run_folders}
        self.notices = _notices(search)
        return runs

    def get(self, run_id: str) -> Run:
        """The run with this id as it is now. Raises UsageError if there is none."""
        with self._mutex:
            self._queue.refresh()
        return self._current(run_id)

    def _current(self, run_id: str) -> Run:
        """The same, by what is known of the queue: a run that was just created is in none."""
        with self._mutex:
            run_folder = self._by_id.get(run_id) or self._locate(run_id)
            run = self._load(run_folder) if run_folder else None
        if run is None:
            message = f"There is no run {clean_line(run_id)!r} in {self.root}."
            raise UsageError(message, advice="`labtui ps` lists the runs.")
        return run

    def find(self, text: str) -> Run:
        """The run that a user refers to: an id or a unique part of it, its folder, the name or title of an experiment
        (its newest run), or `last`.

        Raises UsageError with the candidates.
        """
        runs = self.scan()
        if not runs:
            raise UsageError(f"There are no runs in {self.root}.", advice="`labtui run NAME` creates one.")
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
                raise UsageError(f"{clean_line(text)!r} matches {len(matches)} runs:\n{_listing(matches)}")
        raise UsageError(f"No run matches {clean_line(text)!r}. The newest are:\n{_listing(runs)}")

    def create(
        self,
        spec: Spec,
        *,
        data_fingerprint: str | None = None,
        planned_steps: int | None = None,
        continues: Run | None = None,
        keep_best: str = "",
        seal: Callable[[AnySpecFile], AnySpecFile] | None = None,
    ) -> Run:
        """Create a run folder with its spec.json synced to the disk. A second run in the same second is called `-2`.

        A run that `continues` another gets a copy of its checkpoint first. `keep_best` is the tag by which the
        checkpoint of the best epoch is kept. `seal` seals the file of a run that executes the
        user's own code, so that it may do so later.

        Raises MachineError if the disk is full or cannot be written; then nothing is left behind.
        """
        try:
            above = self.root / spec.group / spec.title
            is_first = not above.is_dir()
            parts = self._make_folder(spec)
            folder = self.root.joinpath(*parts)
            content = spec_file(
                spec,
                run_id="/".join(parts),
                created=time.time(),
                labtui=labtui.__version__,
                data_fingerprint=data_fingerprint,
                planned_steps=planned_steps,
            )
            if isinstance(content, SpecFile):
                source = continues.spec_file.run_id if continues and continues.spec_file else UNSET
                content = msgspec.structs.replace(content, continues=source, keep_best=keep_best or UNSET)
            if seal is not None:
                content = seal(content)
            self._write_spec(folder, content, continues, (above, above.parent, self.root) if is_first else (above,))
        except OSError as error:
            raise machine_error(error, f"The run folder for {spec.name} could not be created", self.root) from error
        with self._mutex:
            self._by_id[_run_id(parts)] = RunFolder(parts, folder, (), foreign=False)
        return self._current(_run_id(parts))

    def remove(self, run: Run) -> Path:
        """Move a run that is not active to the trash and return its path there.

        Raises UsageError for a run that is active, read-only or gone, and MachineError for a problem with the disk.
        """
        trashed = move_to_trash(self.root, self.get(run.id), sweep=not self._has_swept)
        with self._mutex:
            self._has_swept = True
            self._by_id.pop(run.id, None)
            self._known.pop(run.folder, None)
        return trashed

    def trashed(self) -> tuple[TrashedRun, ...]:
        """The runs in the trash, oldest first."""
        return trashed_runs(self.root)

    def delete_trashed(self, run: TrashedRun) -> None:
        """Delete a run in the trash for good. Raises MachineError."""
        delete_trashed(self.root, run)

    def _make_folder(self, spec: Spec) -> tuple[str, ...]:
        name = time.strftime(f"s{spec.seed}-%Y%m%d-%H%M%S")
        with open_folder(self.root, (spec.group, spec.title), make=True) as parent:
            number = 1
            while True:
                last = name if number == 1 else f"{name}-{number}"
                try:
                    os.mkdir(last, dir_fd=parent)
                except FileExistsError:
                    number += 1
                else:
                    return spec.group, spec.title, last

    def _write_spec(self, folder: Path, content: AnySpecFile, continues: Run | None, above: Iterable[Path]) -> None:
        """Write what the folder contains, and sync the names in the folders `above` it."""
        try:
            if continues is not None:
                copy_checkpoint(continues.paths, RunPaths(folder))
            write_json(RunPaths(folder).spec, content)
            for parent in above:
                sync_folder(parent)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _load(self, run_folder: RunFolder) -> Run | None:
        run_id, folder = _run_id(run_folder.parts), run_folder.folder
        if run_folder.foreign:
            above = min(_HYDRA_ABOVE, len(run_folder.parts))
            run = load_foreign_run(
                run_id, folder, run_folder.event_files, self._observer, self._hyperparameters, above=above
            )
            return _through_link(run) if run_folder.linked else run
        known = self._known.setdefault(folder, _Known())
        path = "/".join(run_folder.parts)
        stamp = (*_stamp(folder), self._queue.status(path, (known.run.attempt if known.run else 0) + 1))
        now = self._observer.clock()
        if stamp != known.stamp:
            known.stamp, known.since = stamp, now
        elif known.run and not known.run.state.is_active and now - known.since > _SETTLED_AFTER:
            return known.run
        known.run = load_run(
            run_id, folder, known.records, self._observer, lambda attempt: self._queue.status(path, attempt)
        )
        if known.run is None:
            del self._known[folder]
        elif run_folder.linked:
            known.run = _through_link(known.run)
        return known.run

    def _locate(self, run_id: str) -> RunFolder | None:
        parts = () if run_id == "." else tuple(run_id.split("/"))
        try:
            with open_folder(self.root, parts):
                pass
        except (OSError, OutsideRoot, ValueError) as error:
            if not isinstance(error, OutsideRoot) and parts[:1] and parts[0] not in self.more:
                return None
            # perhaps behind a link, or in another runs folder
            everywhere = joined(Search(self.root, self.more).find(), self._first_tags)
            return next((one for one in everywhere if one.linked and one.parts == parts), None)
        folder = self.root.joinpath(*parts)
        found = joined(Search(folder).find(), self._first_tags)
        first = next((one for one in found if one.folder == folder), None)
        return replace(first, parts=parts) if first else None

    def _as_id(self, text: str) -> str:
        """The id of the run that a path leads to; any other text as it is."""
        for resolved in (os.path.realpath, os.path.abspath):  # the second for a path that leads through a link
            try:
                return Path(resolved(text)).relative_to(resolved(self.root)).as_posix()
            except (OSError, ValueError):
                continue
        return text


def _named(root: Path, folders: Iterable[Path]) -> dict[str, Path]:
    """Each folder by a name that no other one has and that nothing below the root has."""
    named: dict[str, Path] = {}
    for folder in folders:
        name = clean_line(Path(os.path.realpath(folder)).name) or "root"
        unique, number = name, 1
        while unique in named or os.path.lexists(root / unique):
            number += 1
            unique = f"{name}-{number}"
        named[unique] = folder
    return named


def _through_link(run: Run) -> Run:
    return replace(run, linked_to=clean_line(os.path.realpath(run.folder)), read_only=True)


def _run_id(parts: Iterable[str]) -> str:
    """The id of the folder `parts`: safe to print, and unique per folder."""
    raw = "/".join(parts) or "."
    safe = clean_line(raw)
    return safe if safe == raw else f"{safe}~{hashlib.sha256(os.fsencode(raw)).hexdigest()[:6]}"


def _stamp(folder: Path) -> tuple[int, int]:
    """Changes whenever a file of a run folder or of its attempts is added, removed or replaced."""
    return _changed(folder), _changed(RunPaths(folder).attempts)


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _names(run: Run) -> tuple[str, ...]:
    return (run.spec.experiment, run.name, run.title, run.display_title) if run.spec else (run.title,)


def _listing(runs: Iterable[Run], most: int = 8) -> str:
    listed = [f"  {run.id} ({run.state})" for run in runs]
    more = f"  … and {len(listed) - most} more"
    return "\n".join(listed if len(listed) <= most else [*listed[:most], more])


def _notices(search: Search) -> tuple[str, ...]:
    notices = []
    if broken := search.broken:
        lead = "leads" if len(broken) == 1 else "lead"
        notices.append(f"{plural(len(broken), 'link')} below {search.root} {lead} nowhere: {_some(broken)}.")
    if above := search.above:
        notices.append(f"Links that lead to a folder that contains {search.root} are not followed: {_some(above)}.")
    if search.limited:
        notices.append(f"{search.root} has too many or too deeply nested folders: not every run is shown.")
    return tuple(notices)


def _some(names: list[str], most: int = 3) -> str:
    """The first of these names, and how many more there are."""
    more = [f"{len(names) - most:,} more"] if len(names) > most else []
    return ", ".join([*map(clean_line, sorted(names)[:most]), *more])

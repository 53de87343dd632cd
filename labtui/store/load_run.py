"""From the files of one run folder to a `Run`.

The order of the looks matters, since the writers go on meanwhile: the lock before launch.json, the processes after it,
and exit.json and result.json last. Whoever has ended by the time its lock or pid is looked at has written all it ever
will, so a run that ends between two looks is never taken for lost.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from labtui.store import observer as observing
from labtui.store.intake import NEWER, Loaded, load_record, load_spec
from labtui.store.lock import probe
from labtui.store.observer import Observer
from labtui.store.paths import AttemptPaths, RunPaths
from labtui.store.queue_view import NO_TURN, Turn
from labtui.store.records import Beat, Exit, Launch, Result, SpecFile
from labtui.store.run import Run
from labtui.store.state import Facts, derive
from labtui.text.clean import clean_line

T = TypeVar("T")
Signature = tuple[int, int, int]


class RecordCache:
    """The small files of one run folder, parsed again only when they changed on disk."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[Signature, Any, str]] = {}
        self.newest = 0.0
        self.faults: list[str] = []

    def begin(self) -> None:
        """Begin a new look: `newest` and `faults` are about this look only."""
        self.newest, self.faults = 0.0, []

    def spec(self, path: Path) -> SpecFile | None:
        """The spec; None where it is absent or (told in `faults`) damaged."""
        return self._read(path, lambda: load_spec(path))

    def read(self, path: Path, kind: type[T]) -> T | None:
        """Any other record, its strings cleaned; None likewise."""
        return self._read(path, lambda: load_record(path, kind))

    def _read(self, path: Path, load: Callable[[], Loaded[T]]) -> T | None:
        try:
            status = path.lstat()
        except OSError:
            self._seen.pop(path, None)
            return None
        self.newest = max(self.newest, status.st_mtime)
        signature = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._seen.get(path)
        if known is None or known[0] != signature:
            known = self._seen[path] = (signature, *load())
        if known[2]:
            self.faults.append(known[2])
        value: T | None = known[1]
        return value


def read_own(
    run_id: str, folder: Path, records: RecordCache, observer: Observer, turn: Callable[[int], Turn] = lambda _: NO_TURN
) -> Run | None:
    """A run of labtui's as it stands now; None where its spec.json is gone.

    `turn` tells where an attempt of that number stands in the queue.
    """
    paths = RunPaths(folder)
    records.begin()
    spec_file = records.spec(paths.spec)
    spec_damage = records.faults[0] if records.faults else ""
    if spec_file is None and not spec_damage:
        return None
    attempt = paths.last_attempt()
    facts = Facts(spec_damage=spec_damage)
    if attempt:
        facts = _attempt_facts(facts, paths, attempt, records, observer)
    next_turn = turn(facts.attempt + 1)
    state, reason = derive(replace(facts, waits=next_turn.waits, set_aside=next_turn.set_aside))
    return Run(
        id=run_id,
        folder=folder,
        spec_file=spec_file,
        damage="; ".join(records.faults),
        state=state,
        reason=clean_line(reason),
        attempt=facts.attempt,
        launch=facts.launch,
        beat=facts.beat,
        exit=facts.exit,
        result=facts.result,
        stop_requested=facts.stop_requested,
        modified=records.newest,
        read_only=spec_damage.startswith(NEWER),
    )


def read_foreign(run_id: str, folder: Path, event_files: tuple[str, ...], observer: Observer) -> Run:
    """A run that another tool wrote: live while its event files grow under our eyes."""
    sizes: list[tuple[str, int]] = []
    newest = 0.0
    for name in event_files:
        try:
            status = (folder / name).lstat()
        except OSError:
            continue
        sizes.append((name, status.st_size))
        newest = max(newest, status.st_mtime)
    still = observer.stillness(folder, "foreign", tuple(sizes))
    state, reason = derive(Facts(foreign=True, silence=still.silence, moved=still.moved))
    return Run(id=run_id, folder=folder, state=state, reason=reason, modified=newest, foreign=True, read_only=True)


def _attempt_facts(
    facts: Facts, paths: RunPaths, attempt: AttemptPaths, records: RecordCache, observer: Observer
) -> Facts:
    lock = probe(paths.lock)
    launch = records.read(attempt.launch, Launch)
    facts = replace(facts, attempt=attempt.number, lock=lock, launch=launch)
    if launch:
        facts = replace(
            facts,
            here=observing.is_here(launch),
            restarted=observing.has_restarted(launch),
            parent=observing.liveness(launch.parent, launch),
            engine=observing.liveness(launch.engine, launch),
        )
    beat = records.read(paths.beat, Beat)
    beat = beat if beat and beat.attempt == attempt.number else None
    still = observer.stillness(paths.folder, attempt.number, beat.counter if beat else None)
    ended = records.read(attempt.exit, Exit)
    result = records.read(paths.result, Result)
    return replace(
        facts,
        beat=beat,
        silence=still.silence,
        moved=still.moved,
        exit=ended,
        result=result if result and result.attempt == attempt.number else None,
        stop_requested=os.path.lexists(attempt.stop_request),
    )

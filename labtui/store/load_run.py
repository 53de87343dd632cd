"""From the files of one run folder to a `Run`.

The order of the looks matters, since the writers go on meanwhile: the lock before launch.json, the processes after it,
and exit.json and result.json last. Whoever has ended by the time its lock or pid is looked at has written all it ever
will, so a run that ends between two looks is never taken for lost.
"""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from labtui.store import observer as observing
from labtui.store.files import DamagedFile, decode, read_bytes, read_json
from labtui.store.lock import probe
from labtui.store.observer import Observer
from labtui.store.paths import AttemptPaths, RunPaths
from labtui.store.queue_view import NO_TURN, Turn
from labtui.store.records import SCHEMA, Beat, Exit, Launch, Result, SpecFile
from labtui.store.run import Run
from labtui.store.state import Facts, derive
from labtui.text.clean import clean, clean_line

T = TypeVar("T")
Loaded = tuple[T | None, str]
"""The record, None where it cannot be had, and what is wrong with its file."""

NEWER = "made by a newer labtui"
"""How the damage of a run begins that this labtui only shows."""

_WHERE = re.compile(r" - at `\$\.?([^`]*)`$")


class _Head(msgspec.Struct):
    """What must be known of a spec.json before the rest is understood."""

    schema: int = SCHEMA


def load_record(path: Path, kind: type[T]) -> Loaded[T]:
    """A record with its strings cleaned."""
    return _loaded(path, lambda: (_cleaned(read_json(path, kind)), ""))


def load_spec(path: Path) -> Loaded[SpecFile]:
    """A spec.json; one of a newer schema as far as it is understood."""
    return _loaded(path, lambda: _spec(path))


def _loaded(path: Path, load: Callable[[], Loaded[T]]) -> Loaded[T]:
    try:
        return load()
    except FileNotFoundError:
        return None, ""
    except DamagedFile as fault:
        return None, _described(path, fault)
    except OSError as fault:
        return None, f"{path.name} cannot be read: {fault.strerror}"


def _spec(path: Path) -> Loaded[SpecFile]:
    content = read_bytes(path)
    newer = _newer_schema(content)
    try:
        spec_file = decode(path, content, SpecFile)
    except DamagedFile:
        if newer:
            return None, newer
        raise
    if not newer and (key := _unclean_key(msgspec.to_builtins(spec_file))):
        return None, f"{path.name}: key {clean_line(key)}: holds control characters"
    return spec_file, newer


def _newer_schema(content: bytes) -> str:
    try:
        schema = msgspec.json.decode(content, type=_Head).schema
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return f"{NEWER} (schema {schema}, this one knows {SCHEMA}): only read" if schema > SCHEMA else ""


def _described(path: Path, fault: DamagedFile) -> str:
    """One line about a damaged file: its name, the key where there is one, what was found."""
    cause = fault.__cause__
    if not isinstance(cause, msgspec.DecodeError):
        return clean_line(fault.message.replace(str(path), path.name))
    text = str(cause)
    where = _WHERE.search(text)
    key = f": key {where[1]}" if where and where[1] else ""
    return clean_line(f"{path.name}{key}: {text[: where.start()] if where else text}")


def _unclean_key(value: Any, key: str = "") -> str:
    """The first key whose string (or whose own name) holds control characters; empty where there is none."""
    if isinstance(value, str):
        return (key or "?") if clean(value, len(value)) != value else ""
    parts: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        parts = [(f"{key}.{name}".lstrip("."), part) for name, part in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [(key, part) for part in value]
    for name, part in parts:
        if found := _unclean_key(name, name) or _unclean_key(part, name):
            return found
    return ""


def _cleaned(record: T) -> T:
    """The record with every string in it cleaned: a run folder can come from a stranger."""
    plain = msgspec.to_builtins(record)
    if not _unclean_key(plain):
        return record
    return msgspec.convert(_clean_strings(plain), type(record), strict=False)


def _clean_strings(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value, len(value))
    if isinstance(value, dict):
        return {clean(name, len(name)): _clean_strings(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean_strings(part) for part in value]
    return value


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

"""Read the files of one run folder into a `Run`.

The order of the reads matters, because the writers continue meanwhile: the lock before launch.json, the processes after
it, and exit.json and result.json last. A process that has exited by the time its lock or pid is checked has written all
it ever will, so a run that ends between two reads is never taken for lost.

A run folder can come from a stranger. In a spec, control characters are damage, because nobody means them and its
strings decide what is trained; in every other record they are replaced.
"""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from labtui.store import observer as observing
from labtui.store.files import DamagedFile, decode_json, read_bytes, read_json
from labtui.store.hyperparameters import HyperparameterCache
from labtui.store.lock import probe
from labtui.store.observer import Observer
from labtui.store.paths import AttemptPaths, RunPaths
from labtui.store.queue_view import NOT_QUEUED, QueueStatus
from labtui.store.records import PROGRAM_SCHEMA, SCHEMA, AnySpecFile, Beat, Exit, Launch, ProgramFile, Result, SpecFile
from labtui.store.run import Run
from labtui.store.run_tags import RunTags, shown_tags
from labtui.store.state import Facts, derive
from labtui.text.clean import clean, clean_line

T = TypeVar("T")
Loaded = tuple[T | None, str]
"""The record, None if it cannot be read, and what is wrong with its file."""

FileVersion = tuple[int, int, int]
"""Inode, size and modification time."""

NEWER = "created by a newer version of labtui"
"""How the damage of a run begins that this version can only show."""

_KEY = re.compile(r" - at `\$\.?([^`]*)`$")


class RecordCache:
    """The small files of one run folder, parsed again only if they changed on disk."""

    def __init__(self) -> None:
        self._records: dict[Path, tuple[FileVersion, Any, str]] = {}
        self.newest = 0.0
        self.damage_notes: list[str] = []

    def begin(self) -> None:
        """Begin to read the folder again: `newest` and `damage_notes` describe only this reading."""
        self.newest, self.damage_notes = 0.0, []

    def spec(self, path: Path) -> AnySpecFile | None:
        """The spec; None if it is absent or damaged (then `damage_notes` says how)."""
        return cast("AnySpecFile | None", self._read(path, lambda: _load_spec(path)))

    def read(self, path: Path, kind: type[T]) -> T | None:
        """Any other record, with its strings cleaned; None likewise."""
        return self._read(path, lambda: _load(path, lambda: (_cleaned(read_json(path, kind)), "")))

    def aside(self, path: Path, kind: type[T]) -> T | None:
        """A record that is no part of the run: it changes neither `newest` nor `damage_notes`."""
        newest, notes = self.newest, list(self.damage_notes)
        try:
            return self.read(path, kind)
        finally:
            self.newest, self.damage_notes = newest, notes

    def _read(self, path: Path, load: Callable[[], Loaded[T]]) -> T | None:
        try:
            status = path.lstat()
        except OSError:
            self._records.pop(path, None)
            return None
        self.newest = max(self.newest, status.st_mtime)
        version = (status.st_ino, status.st_size, status.st_mtime_ns)
        known = self._records.get(path)
        if known is None or known[0] != version:
            known = self._records[path] = (version, *load())
        if known[2]:
            self.damage_notes.append(known[2])
        value: T | None = known[1]
        return value


def load_run(
    run_id: str,
    folder: Path,
    records: RecordCache,
    observer: Observer,
    queue_status: Callable[[int], QueueStatus] = lambda _: NOT_QUEUED,
) -> Run | None:
    """One of labtui's own runs as it is now; None if its spec.json is gone.

    `queue_status` returns what the queue says about an attempt of this run, by its number.
    """
    paths = RunPaths(folder)
    records.begin()
    spec_file = records.spec(paths.spec)
    spec_damage = records.damage_notes[0] if records.damage_notes else ""
    if spec_file is None and not spec_damage:
        return None
    attempt = paths.last_attempt()
    facts = Facts(spec_damage=spec_damage)
    if attempt:
        facts = _attempt_facts(facts, paths, attempt, records, observer)
    following = queue_status(facts.attempt + 1)
    state, reason = derive(replace(facts, queued=following.queued, set_aside=following.set_aside))
    return Run(
        id=run_id,
        folder=folder,
        spec_file=spec_file,
        damage="; ".join(records.damage_notes),
        state=state,
        reason=clean_line(reason),
        attempt=facts.attempt,
        launch=facts.launch,
        beat=facts.beat,
        exit=facts.exit,
        result=facts.result,
        stop_requested=facts.stop_requested,
        queued=following.queued,
        modified=records.newest,
        read_only=spec_damage.startswith(NEWER),
        tags=shown_tags(records.aside(paths.tags, RunTags)),
    )


def load_foreign_run(
    run_id: str,
    folder: Path,
    event_files: tuple[str, ...],
    observer: Observer,
    hyperparameters: HyperparameterCache,
    *,
    above: int = 0,
) -> Run:
    """A run that another tool wrote: live while this observer sees its event files grow.

    `above` folders over its own may hold configuration.
    """
    sizes: list[tuple[str, int]] = []
    newest = 0.0
    for name in event_files:
        try:
            status = (folder / name).stat()
        except OSError:
            continue
        sizes.append((name, status.st_size))
        newest = max(newest, status.st_mtime)
    observed = observer.observe(folder, "foreign", tuple(sizes))
    state, reason = derive(Facts(foreign=True, silence=observed.silence, moved=observed.moved))
    found = hyperparameters.read(folder, tuple(sizes), above=above)
    return Run(
        id=run_id,
        folder=folder,
        state=state,
        reason=reason,
        damage=found.damage,
        modified=newest,
        foreign=True,
        read_only=True,
        below=tuple(dict.fromkeys(name.rpartition("/")[0] for name in event_files if "/" in name)),
        hyperparameters=found,
    )


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
            copied=observing.launched_in(paths, launch) is False,
            parent=observing.liveness(launch.parent, launch),
            engine=observing.liveness(launch.engine, launch),
        )
    beat = records.read(paths.beat, Beat)
    beat = beat if beat and beat.attempt == attempt.number else None
    observed = observer.observe(paths.folder, attempt.number, beat.counter if beat else None)
    ended = records.read(attempt.exit, Exit)
    result = records.read(paths.result, Result)
    return replace(
        facts,
        beat=beat,
        silence=observed.silence,
        moved=observed.moved,
        exit=ended,
        result=result if result and result.attempt == attempt.number else None,
        stop_requested=os.path.lexists(attempt.stop_request),
    )


class _Kind(msgspec.Struct):
    """The only key of a spec.json with the same meaning in every version, and whether it is a program's."""

    schema: int = SCHEMA
    program: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def known_schema(self) -> int:
        """The newest schema of its kind that this version understands."""
        return SCHEMA if self.program is msgspec.UNSET else PROGRAM_SCHEMA


def _load(path: Path, read: Callable[[], Loaded[T]]) -> Loaded[T]:
    try:
        return read()
    except FileNotFoundError:
        return None, ""
    except DamagedFile as error:
        return None, _describe(path, error)
    except OSError as error:
        return None, f"{path.name} cannot be read: {error.strerror}"


def _load_spec(path: Path) -> Loaded[AnySpecFile]:
    return _load(path, lambda: _read_spec(path))


def _read_spec(path: Path) -> Loaded[AnySpecFile]:
    """A spec.json; one of a newer schema as far as this version understands it."""
    content = read_bytes(path)
    kind = _kind(content)
    newer = _newer_schema(kind)
    try:
        is_program = kind.program is not msgspec.UNSET
        spec_file = decode_json(path, content, ProgramFile) if is_program else decode_json(path, content, SpecFile)
    except DamagedFile:
        if newer:
            return None, newer
        raise
    if not newer and (key := _unclean_key(msgspec.to_builtins(spec_file))):
        return None, f"{path.name}: key {clean_line(key)}: contains control characters"
    return spec_file, newer


def _kind(content: bytes) -> _Kind:
    try:
        return msgspec.json.decode(content, type=_Kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Kind()


def _newer_schema(kind: _Kind) -> str:
    if kind.schema <= kind.known_schema:
        return ""
    return f"{NEWER} (schema {kind.schema}; this version knows {kind.known_schema}): read-only"


def _describe(path: Path, error: DamagedFile) -> str:
    """One line about a damaged file: its name, the key if there is one, and what is wrong."""
    cause = error.__cause__
    if not isinstance(cause, msgspec.DecodeError):
        return clean_line(error.message.replace(str(path), path.name))
    text = str(cause)
    match = _KEY.search(text)
    key = f": key {match[1]}" if match and match[1] else ""
    return clean_line(f"{path.name}{key}: {text[: match.start()] if match else text}")


def _unclean_key(value: Any, key: str = "") -> str:
    """The first key whose string (or whose own name) contains control characters; empty if there is none."""
    if isinstance(value, str):
        return (key or "?") if clean(value, len(value)) != value else ""
    parts: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        parts = [(f"{key}.{name}".lstrip("."), part) for name, part in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [(key, part) for part in value]
    for name, part in parts:
        if unclean := _unclean_key(name, name) or _unclean_key(part, name):
            return unclean
    return ""


def _cleaned(record: T) -> T:
    """The record with all its strings cleaned."""
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

"""The newest attempt of a run folder, for the process that works on it: what to run, and with what."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from labtui.errors import LabError, MachineError, UsageError
from labtui.store.files import DamagedFile, read_json
from labtui.store.paths import AttemptPaths, RunPaths
from labtui.store.records import PROGRAM_SCHEMA, SCHEMA, Launch, Outcome, ProgramFile, Result, SpecFile
from labtui.store.reserved_space import ReservedSpace
from labtui.store.stop_signal import StopSignal
from labtui.text.clean import clean

_RESERVED_BYTES = 1 << 16
"""Disk space reserved for result.json, in case the disk is full at the end."""
_RESULT_ATTEMPTS, _RETRY_DELAY = 5, 0.2
_MAX_MESSAGE = 1 << 16
"""Characters of one log message: a traceback can be long."""

S = TypeVar("S", SpecFile, ProgramFile)


@dataclass(frozen=True, slots=True)
class Attempt(Generic[S]):
    """One attempt of a run, with the contents of its spec.json and launch.json."""

    paths: RunPaths
    files: AttemptPaths
    spec_file: S
    launch: Launch


EngineAttempt = Attempt[SpecFile]
ProgramAttempt = Attempt[ProgramFile]


def open_attempt(folder: Path) -> EngineAttempt:
    """The newest attempt of a run of the engine. Raises UsageError if the folder does not say what to run."""
    return _open(folder, SpecFile, SCHEMA)


def open_program(folder: Path) -> ProgramAttempt:
    """The newest attempt of a run of a program. Raises UsageError if the folder does not say what to run."""
    return _open(folder, ProgramFile, PROGRAM_SCHEMA)


def _open(folder: Path, kind: type[S], schema: int) -> Attempt[S]:
    paths = RunPaths(folder)
    files = paths.last_attempt()
    if files is None:
        raise UsageError(f"{folder} has no attempt to run.", advice="Start runs with: labtui run NAME")
    try:
        spec_file, launch = read_json(paths.spec, kind), read_json(files.launch, Launch)
    except (OSError, DamagedFile) as error:
        raise UsageError(f"{folder} does not say what to run: {error}") from error
    if spec_file.schema > schema:
        raise UsageError(f"{paths.spec} was created by a newer version of labtui.", advice="Update labtui to run it.")
    return Attempt(paths, files, spec_file, launch)


def enter(attempt: Attempt[S]) -> Attempt[S]:
    """Make the run folder the working folder; the returned attempt has relative paths, which follow if it is moved.

    Raises UsageError if the folder is gone.
    """
    try:
        os.chdir(attempt.paths.folder)
    except OSError as error:
        raise UsageError(f"{attempt.paths.folder} cannot be entered: {error.strerror}.") from error
    paths = RunPaths(Path())
    return replace(attempt, paths=paths, files=paths.attempt(attempt.files.number))


def working_folder() -> str:
    """The working folder; empty if it was removed."""
    try:
        return os.getcwd()  # noqa: PTH109 (a string is all that is compared)
    except OSError:
        return ""


def location(path: Path) -> str:
    """Where a path of the run is now, for messages."""
    try:
        return str(path.absolute())
    except OSError:
        return f"{path} in a run folder that was removed"


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended."""

    outcome: Outcome
    reason: str = ""
    exit_code: int = 0
    diverged_step: int | None = None


def work_on(
    arguments: Sequence[str],
    module: str,
    open_folder: Callable[[Path], Attempt[S]],
    work: Callable[[Attempt[S], StopSignal], tuple[Result, int]],
) -> int:
    """Run the newest attempt of the run folder that a command line names, and return the exit code.

    `work` runs it and returns its result and its exit code; the result is written last. Signals and requests to stop
    reach it through the StopSignal. `module` is named in the usage.
    """
    if len(arguments) != 1:
        say(f"usage: python -m {module} RUN_DIR")
        return 2
    try:
        attempt = enter(open_folder(Path(arguments[0])))
    except LabError as error:
        say(str(error))
        return error.exit_code
    parent = attempt.launch.parent
    stop = StopSignal(attempt.files.stop_request, parent.pid if parent else None)
    stop.install_handlers()
    reserve = ReservedSpace(attempt.paths.result, _RESERVED_BYTES)
    reserve.reserve()
    result, code = work(attempt, stop)
    return code if write_result(attempt.paths.result, result, reserve) else code or MachineError.exit_code


def write_result(path: Path, result: Result, reserve: ReservedSpace) -> bool:
    """Write result.json, on a full disk into the space that was reserved for it. Returns whether that worked."""
    for _ in range(_RESULT_ATTEMPTS):
        try:
            reserve.write(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
            reserve.release()
            return True
        except OSError as error:
            reason = str(error)
            time.sleep(_RETRY_DELAY)
    say(f"{location(path)} cannot be written ({reason}): {result.outcome}. {result.reason}")
    return False


def say(text: str) -> None:
    """Write a line to the log; a closed log is no reason to end."""
    try:
        print(clean(text, _MAX_MESSAGE), flush=True)  # noqa: T201 (stdout is the log)
    except OSError:
        return

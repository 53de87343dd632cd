"""What to run: the newest attempt of a run folder. Does not import torch."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from labtui.errors import UsageError
from labtui.store.files import DamagedFile, read_json
from labtui.store.paths import AttemptPaths, RunPaths
from labtui.store.records import SCHEMA, Launch, SpecFile


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a run, with the contents of its spec.json and launch.json."""

    paths: RunPaths
    files: AttemptPaths
    spec_file: SpecFile
    launch: Launch


def open_attempt(folder: Path) -> Attempt:
    """The newest attempt of a run folder. Raises UsageError if the folder does not say what to run."""
    paths = RunPaths(folder)
    files = paths.last_attempt()
    if files is None:
        raise UsageError(f"{folder} has no attempt to run.", advice="Start runs with: labtui run NAME")
    try:
        spec_file, launch = read_json(paths.spec, SpecFile), read_json(files.launch, Launch)
    except (OSError, DamagedFile) as error:
        raise UsageError(f"{folder} does not say what to run: {error}") from error
    if spec_file.schema > SCHEMA:
        raise UsageError(f"{paths.spec} was created by a newer version of labtui.", advice="Update labtui to run it.")
    return Attempt(paths, files, spec_file, launch)


def enter(attempt: Attempt) -> Attempt:
    """Make the run folder the working folder; the returned attempt has relative paths, which follow if it is moved.

    Raises UsageError if the folder is gone.
    """
    try:
        os.chdir(attempt.paths.folder)
    except OSError as error:
        raise UsageError(f"{attempt.paths.folder} cannot be entered: {error.strerror}.") from error
    paths = RunPaths(Path())
    return replace(attempt, paths=paths, files=paths.attempt(attempt.files.number))


def location(path: Path) -> str:
    """Where a path of the run is now, for messages."""
    try:
        return str(path.absolute())
    except OSError:
        return f"{path} in a run folder that was removed"

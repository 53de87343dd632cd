"""Remove a run by moving it to the trash of its runs folder, from which it can be restored by hand.

TensorBoard also shows hidden folders, so event files are renamed there.
"""

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labtui.errors import MachineError, UsageError
from labtui.store.discover import is_event_file
from labtui.store.lock import LockHeld, LocksUnsupported, hold
from labtui.store.paths import RunsPaths
from labtui.store.run import Run
from labtui.store.safe_paths import OutsideRoot, machine_error, open_folder
from labtui.text.clean import clean_line

_LOCK_TIMEOUT = 0.5
_STOP_FIRST = "Stop it first: `labtui stop RUN`."
_REMOVED = "removed"
_MAX_NAME = 55
"""Characters of a run's id in the name of its folder in the trash: at four bytes each, still valid on every disk."""


def move_to_trash(root: Path, run: Run, *, sweep: bool = True) -> Path:
    """Move the run's folder to `.labtui/trash/` and return its path there.

    With `sweep`, event files that interrupted removals left in the trash are hidden from TensorBoard too.

    The run's lock is held meanwhile, so it cannot be started. Raises UsageError for a run that is active, read-only or
    gone, and MachineError for a problem with the disk; the run is then still where it was.
    """
    _check(run)
    try:
        with hold(run.paths.lock, _LOCK_TIMEOUT):
            trashed = _move(root, run)
    except LockHeld as error:
        raise UsageError(f"{run.id} is starting or running.", advice=_STOP_FIRST) from error
    except LocksUnsupported as error:
        raise MachineError(f"{run.id} was not removed: {error.message}", advice=error.advice) from error
    except FileNotFoundError as error:
        raise UsageError(f"{run.id} no longer exists.") from error
    except OSError as error:
        raise machine_error(error, f"{run.id} was not removed", root) from error
    _hide_event_files(RunsPaths(root).trash if sweep else trashed)
    return trashed


@dataclass(frozen=True, slots=True)
class TrashedRun:
    """A folder in the trash."""

    folder: Path
    moved: float
    """When it was moved there, in seconds since the epoch by the disk's clock."""
    size: int
    """Bytes of its files."""


def trashed_runs(root: Path) -> tuple[TrashedRun, ...]:
    """What is in the trash, oldest first; links are not followed and not listed."""
    trash = RunsPaths(root).trash
    try:
        with open_folder(root, trash.relative_to(root).parts) as descriptor, os.scandir(descriptor) as entries:
            folders = [
                (entry.name, entry.stat(follow_symlinks=False).st_ctime)
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
            ]
    except (OSError, OutsideRoot):
        return ()
    runs = [TrashedRun(trash / name, moved, _size(trash / name)) for name, moved in folders]
    return tuple(sorted(runs, key=lambda run: (run.moved, run.folder.name)))


def delete_trashed(root: Path, run: TrashedRun) -> None:
    """Delete a folder in the trash for good. Raises MachineError."""
    trash = RunsPaths(root).trash
    try:
        with open_folder(root, trash.relative_to(root).parts) as descriptor:
            shutil.rmtree(run.folder.name, dir_fd=descriptor)
    except FileNotFoundError:
        return
    except OSError as error:
        raise machine_error(error, f"{run.folder.name} was not deleted", trash) from error
    except OutsideRoot as error:
        raise MachineError(error.message) from error


def _size(folder: Path) -> int:
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(here, name).lstat().st_size
    return total


def _check(run: Run) -> None:
    if run.read_only or run.id == ".":
        why = run.damage or ("it was created by another tool" if run.foreign else "it is the runs folder itself")
        raise UsageError(f"{run.id} cannot be removed: {run.behind_link or why}.")
    if run.state.is_active:
        raise UsageError(f"{run.id} is {run.state}.", advice=_STOP_FIRST)


def _move(root: Path, run: Run) -> Path:
    parts = run.folder.relative_to(root).parts
    trash = RunsPaths(root).trash
    name = time.strftime("%Y%m%d-%H%M%S-") + clean_line("~".join(parts))[-_MAX_NAME:]
    with (
        open_folder(root, parts[:-1]) as above,
        open_folder(root, trash.relative_to(root).parts, make=True) as below,
    ):
        for number in range(1, 10_000):
            candidate = name if number == 1 else f"{name}-{number}"
            try:
                # An empty folder of that name would be replaced: mkdir claims the name, rename takes its place.
                os.mkdir(candidate, dir_fd=below)
            except FileExistsError:
                continue
            os.rename(parts[-1], candidate, src_dir_fd=above, dst_dir_fd=below)
            os.fsync(below)
            os.fsync(above)
            return trash / candidate
    raise MachineError(f"{trash} contains too many runs of the same name.")


def _hide_event_files(trash: Path) -> None:
    """Rename every event file below a folder of the trash, so that TensorBoard ignores it."""
    try:
        for here, _, names in os.walk(trash):
            for path in (Path(here, name) for name in names if is_event_file(name)):
                path.rename(path.with_name(path.name.replace("tfevents", _REMOVED)))
    except OSError as error:
        raise machine_error(error, "The run is in the trash, where TensorBoard may still show it", trash) from error

"""Claim an attempt; every engine of a run folder is started through here.

Three measures together prevent two engines in one folder. The supervisor holds the run's lock for its whole life. An
engine whose supervisor was killed is searched for by its recorded identity, because it keeps running until it has
saved. And `mkdir attempts/NNN` is atomic on every disk, even on those without locks.
"""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from labtui.errors import LabError
from labtui.launch.order import Order, RefusalReason, Refused
from labtui.store.files import read_json_or_none
from labtui.store.lock import HeldLock, LockHeld, LocksUnsupported, hold
from labtui.store.observer import is_here, launched_in
from labtui.store.paths import AttemptPaths, RunPaths
from labtui.store.process import alive
from labtui.store.records import Launch, ProcessId, Result

_POLL = 0.02


class Refusal(LabError):
    """The attempt cannot be claimed; nothing was changed."""

    def __init__(self, why: RefusalReason, message: str, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.why = why

    def answer(self) -> Refused:
        """The answer for the starter."""
        return Refused(why=self.why, message=self.message, advice=self.advice)


@dataclass(frozen=True, slots=True)
class Claim:
    """A run's lock and an attempt's folder, both held by this process."""

    lock: HeldLock
    attempt: AttemptPaths

    def undo(self) -> None:
        """Undo the claim of an attempt that could not be recorded."""
        with suppress(OSError):
            for path in self.attempt.folder.glob("*"):
                if not path.is_dir():
                    path.unlink()
            self.attempt.stop_request.parent.rmdir()
            self.attempt.folder.rmdir()
        self.lock.close()


def claim(paths: RunPaths, order: Order) -> Claim:
    """Take the run's lock and create the attempt's folder. Raises Refusal; the lock is then released."""
    _require_run(paths)
    lock = _lock(paths, order.timeout)
    try:
        _require_startable(paths, order)
        attempt = paths.attempt(order.attempt)
        _make_folder(attempt)
    except Refusal:
        lock.close()
        raise
    except OSError as error:
        lock.close()
        raise disk_refusal(error, paths.folder) from error
    return Claim(lock, attempt)


def disk_refusal(error: OSError, folder: Path) -> Refusal:
    """The refusal of a start because of an error of the disk."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refusal("full", f"Not started: the disk of {folder} is full.", "Free some space and try again.")
    if error.errno in (errno.ENOENT, errno.ENOTDIR) and not folder.is_dir():
        return Refusal("environment", f"Not started: {folder} no longer exists.", "It may have been moved or removed.")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Refusal(
            "environment",
            f"Not started: {folder} cannot be written ({error.strerror}).",
            "It may belong to another user.",
        )
    return Refusal("environment", f"Not started: {folder}: {error.strerror or error}.")


def remove_temporary_files(paths: RunPaths) -> list[Path]:
    """Remove temporary files that killed writers left behind, and return their paths. Requires the run's lock.

    Only the engine and its supervisor write here, and those of earlier attempts have exited.
    """
    removed = []
    for path in _temporary_files(paths):
        try:
            path.unlink()
        except OSError:
            continue
        removed.append(path)
    return removed


def _temporary_files(paths: RunPaths) -> Iterator[Path]:
    earlier = [paths.attempt(number).folder for number in paths.attempt_numbers()[:-1]]
    requests = [folder / "requests" for folder in earlier]
    for folder in (paths.folder, *earlier, *requests):
        try:
            entries = list(os.scandir(folder)) if _is_folder(folder) else []
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(".tmp") and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _require_run(paths: RunPaths) -> None:
    try:
        if not _is_folder(paths.folder):
            raise Refusal("run", f"Not started: {paths.folder} is a link or a file, not a run folder.")
        paths.spec.lstat()
    except FileNotFoundError as error:
        if paths.folder.is_dir():
            raise Refusal(
                "run", f"Not started: {paths.folder} does not contain a spec.json, so it is not a run."
            ) from error
        raise disk_refusal(error, paths.folder) from error
    except OSError as error:
        raise disk_refusal(error, paths.folder) from error


def _is_folder(path: Path) -> bool:
    """Whether it is a folder and not a link to one: links out of the runs folder are not followed. Raises OSError."""
    return stat.S_ISDIR(path.lstat().st_mode)


def _lock(paths: RunPaths, timeout: float) -> HeldLock:
    try:
        return hold(paths.lock, timeout)
    except LockHeld as error:
        raise Refusal("running", f"{paths.folder.name} is already running.", "Watch it with `labtui ps`.") from error
    except LocksUnsupported as error:
        raise Refusal("environment", error.message, error.advice) from error
    except OSError as error:
        raise disk_refusal(error, paths.folder) from error


def _require_startable(paths: RunPaths, order: Order) -> None:
    last = paths.last_attempt()
    highest = last.number if last else 0
    if highest >= order.attempt:
        raise Refusal("claimed", f"Attempt {order.attempt} of {paths.folder.name} was started by another process.")
    if last is None:
        return
    result = read_json_or_none(paths.result, Result)
    if result is not None and result.outcome == "finished" and result.attempt == highest:
        raise Refusal("finished", f"{paths.folder.name} has finished: there is nothing to resume.")
    launch = read_json_or_none(last.launch, Launch)
    if launch is None or os.path.lexists(last.exit):
        return
    if launched_in(paths, launch) is False:
        return
    if not is_here(launch):
        _require_ended(paths, order, launch, result)
    elif survivor := _survivor(launch, order.timeout):
        raise Refusal(
            "running",
            f"{paths.folder.name} is still running: process {survivor.pid} of attempt {highest}.",
            "An engine that lost its supervisor saves and stops by itself; try again in a moment.",
        )


def _require_ended(paths: RunPaths, order: Order, launch: Launch, result: Result | None) -> None:
    """For an attempt on another host, whose processes cannot be seen from here: require a report that it ended."""
    ended = result is not None and result.attempt == launch.attempt
    if not ended and not order.take_over:
        raise Refusal(
            "elsewhere",
            f"{paths.folder.name} was started on {launch.host}, which has not reported its end.",
            f"Resume it there, or add `--take-over` if {launch.host} will not come back.",
        )


def _survivor(launch: Launch, timeout: float) -> ProcessId | None:
    """A process of the attempt that is still running after `timeout` seconds.

    This process has the lock, so the supervisor should be gone; it is checked because some disks grant every lock to
    everybody.
    """
    deadline = time.monotonic() + timeout
    while True:
        running = [process for process in (launch.engine, launch.parent) if process and alive(process, launch.boot_id)]
        if not running or time.monotonic() >= deadline:
            return running[0] if running else None
        time.sleep(_POLL)


def _make_folder(attempt: AttemptPaths) -> None:
    attempts = attempt.folder.parent
    attempts.mkdir(exist_ok=True)
    if not _is_folder(attempts):
        raise Refusal("run", f"Not started: {attempts} is a link, not a folder.")
    try:
        attempt.folder.mkdir()
    except FileExistsError as error:
        raise Refusal("claimed", f"Attempt {attempt.number} was claimed by another process.") from error
    try:
        attempt.stop_request.parent.mkdir()
    except OSError:
        attempt.folder.rmdir()
        raise

"""Claiming an attempt: the one gate through which every engine of a run folder passes.

Three things together keep two engines out of one folder. The run's lock is held by the small parent for its whole life.
An engine whose parent was killed is looked for by its recorded identity, since it lives on until it has saved. And
`mkdir attempts/NNN` is atomic on every disk, also where locks are not.
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
from labtui.launch.order import Order, Refused, Why
from labtui.store.files import read_json_or_none
from labtui.store.lock import HeldLock, LockHeld, LocksUnsupported, hold
from labtui.store.observer import is_here
from labtui.store.paths import AttemptPaths, RunPaths
from labtui.store.process import alive
from labtui.store.records import Launch, ProcessId, Result

_POLL = 0.02


class Refusal(LabError):
    """The attempt cannot be this parent's; nothing was changed."""

    def __init__(self, why: Why, message: str, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.why = why

    def answer(self) -> Refused:
        """The same as a value for the starter."""
        return Refused(why=self.why, message=self.message, advice=self.advice)


@dataclass(frozen=True, slots=True)
class Claim:
    """The lock of a run and the folder of an attempt, both ours."""

    lock: HeldLock
    attempt: AttemptPaths

    def give_back(self) -> None:
        """Undo the claim of an attempt that could not even be recorded."""
        with suppress(OSError):
            for path in self.attempt.folder.glob("*"):
                if not path.is_dir():
                    path.unlink()
            self.attempt.stop_request.parent.rmdir()
            self.attempt.folder.rmdir()
        self.lock.close()


def claim(paths: RunPaths, order: Order) -> Claim:
    """Take the run's lock and make the folder of the attempt. Raises Refusal, and keeps no lock then."""
    _require_run(paths)
    lock = _lock(paths, order.patience)
    try:
        _require_startable(paths, order)
        attempt = paths.attempt(order.attempt)
        _make(attempt)
    except Refusal:
        lock.close()
        raise
    except OSError as fault:
        lock.close()
        raise in_the_way(fault, paths.folder) from fault
    return Claim(lock, attempt)


def in_the_way(fault: OSError, folder: Path) -> Refusal:
    """What an error of the disk means for somebody who wanted to start a run."""
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refusal("full", f"Not started: the disk of {folder} is full.", "Free some space and start it again.")
    if fault.errno in (errno.ENOENT, errno.ENOTDIR) and not folder.is_dir():
        return Refusal("environment", f"Not started: {folder} is no longer there.", "Was it moved or removed?")
    if fault.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return Refusal(
            "environment", f"Not started: {folder} cannot be written ({fault.strerror}).", "Whose folder is it?"
        )
    return Refusal("environment", f"Not started: {folder}: {fault.strerror or fault}.")


def remove_leftovers(paths: RunPaths) -> list[Path]:
    """Remove temporary files that killed writers left. Only the holder of the run's lock may do that.

    A writer that is alive writes beside its target for milliseconds; of a run, only the engine and its parent write
    here, and those of earlier attempts are gone.
    """
    gone = []
    for path in _leftovers(paths):
        try:
            path.unlink()
        except OSError:
            continue
        gone.append(path)
    return gone


def _leftovers(paths: RunPaths) -> Iterator[Path]:
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
            raise Refusal("run", f"{paths.folder} is a link or a file, not a run folder: nothing was started.")
        paths.spec.lstat()
    except FileNotFoundError as fault:
        if paths.folder.is_dir():
            raise Refusal("run", f"{paths.folder} holds no spec.json: it is no run of labtui's.") from fault
        raise in_the_way(fault, paths.folder) from fault
    except OSError as fault:
        raise in_the_way(fault, paths.folder) from fault


def _is_folder(path: Path) -> bool:
    """Whether it is a folder itself: links out of the runs folder are not followed. Raises OSError."""
    return stat.S_ISDIR(path.lstat().st_mode)


def _lock(paths: RunPaths, patience: float) -> HeldLock:
    try:
        return hold(paths.lock, patience)
    except LockHeld as fault:
        raise Refusal("running", f"{paths.folder.name} is already running.", "Watch it with `labtui ps`.") from fault
    except LocksUnsupported as fault:
        raise Refusal("environment", fault.message, fault.advice) from fault
    except OSError as fault:
        raise in_the_way(fault, paths.folder) from fault


def _require_startable(paths: RunPaths, order: Order) -> None:
    last = paths.last_attempt()
    highest = last.number if last else 0
    if highest >= order.attempt:
        raise Refusal("claimed", f"Attempt {order.attempt} of {paths.folder.name} was started by somebody else.")
    if last is None:
        return
    result = read_json_or_none(paths.result, Result)
    if result is not None and result.outcome == "finished" and result.attempt == highest:
        raise Refusal("finished", f"{paths.folder.name} is finished: there is nothing to resume.")
    launch = read_json_or_none(last.launch, Launch)
    if launch is None or os.path.lexists(last.exit):
        return
    if not is_here(launch):
        _require_ours(paths, order, launch, result)
    elif survivor := _survivor(launch, order.patience):
        raise Refusal(
            "running",
            f"{paths.folder.name} still runs: process {survivor.pid} of attempt {highest} lives.",
            "An engine that lost its parent saves and ends by itself; try again in a moment.",
        )


def _require_ours(paths: RunPaths, order: Order, launch: Launch, result: Result | None) -> None:
    """Another host's attempt without an end: from here nobody can tell whether its engine lives."""
    ended = result is not None and result.attempt == launch.attempt
    if not ended and not order.take_over:
        raise Refusal(
            "elsewhere",
            f"{paths.folder.name} was started on {launch.host} and never said that it ended.",
            f"Resume it there, or take it over if {launch.host} is gone for good.",
        )


def _survivor(launch: Launch, patience: float) -> ProcessId | None:
    """A process of the attempt that still runs after `patience` seconds.

    The lock is ours, so the parent should be gone; it is looked for because some disks grant every lock to everybody.
    """
    deadline = time.monotonic() + patience
    while True:
        lives = [who for who in (launch.engine, launch.parent) if who and alive(who, launch.boot_id)]
        if not lives or time.monotonic() >= deadline:
            return lives[0] if lives else None
        time.sleep(_POLL)


def _make(attempt: AttemptPaths) -> None:
    attempts = attempt.folder.parent
    attempts.mkdir(exist_ok=True)
    if not _is_folder(attempts):
        raise Refusal("run", f"{attempts} is a link, not a folder: nothing was started.")
    try:
        attempt.folder.mkdir()
    except FileExistsError as fault:
        raise Refusal("claimed", f"Attempt {attempt.number} was claimed by somebody else.") from fault
    try:
        attempt.stop_request.parent.mkdir()
    except OSError:
        attempt.folder.rmdir()
        raise

"""File locks: `hold` and `probe` for a run's lock and for device slots, `lock_file` for every other lock.

A run's lock and a device slot are flock on a descriptor of our own. Consoles probe the locks of hundreds of runs
several times a second, with a shared lock, in folders that they may not be able to write. And a process that holds
such a lock must control which children inherit it: flock belongs to the open file, so a forked child keeps it (this is
how a device slot stays taken until its engine has exited), while `O_CLOEXEC` closes it in every program that is
executed. POSIX locks (`lockf`) would end as soon as the process closes the file anywhere else.

The other locks belong to one process, which filelock does well. It uses flock too, so `probe` sees its locks.
"""

import errno
import fcntl
import os
import stat
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from labtui.errors import LabError, MachineError

if TYPE_CHECKING:  # filelock is imported by the first lock of its kind: 25 ms
    from filelock import AcquireReturnProxy, FileLock

LockState = Literal["free", "held", "unknown"]

LOCK_TIMEOUT = 2.0
"""Seconds that `hold` keeps trying; a console that probes the lock has it for microseconds."""

_UNSUPPORTED = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})
_OPEN = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class LockHeld(LabError):
    """Another process holds the lock."""


class LocksUnsupported(MachineError):
    """The disk does not support locks."""


class HeldLock:
    """A lock that is held until `close`, until the end of the `with` block, or until the process ends in any way."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def fileno(self) -> int:
        """The descriptor. A child that inherits it holds the lock too, until both have closed it."""
        return self._descriptor

    def close(self) -> None:
        """Release the lock. Closing twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def hold(path: Path, timeout: float = LOCK_TIMEOUT) -> HeldLock:
    """Take the lock at `path`, creating the file if there is none; try for `timeout` seconds.

    Raises LockHeld, LocksUnsupported, FileNotFoundError if the folder is gone (also if it was moved meanwhile: a lock
    in the trash protects nothing), and other OSErrors.
    """
    deadline = time.monotonic() + timeout
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _OPEN, 0o666)
    try:
        while not _try(descriptor, path, fcntl.LOCK_EX):
            _check_deadline(path, deadline)
            time.sleep(0.01)
        _check_file(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return HeldLock(path, descriptor)


def hold_folder(folder: Path, timeout: float = LOCK_TIMEOUT) -> HeldLock:
    """Take the lock of a folder itself, which leaves no file behind; for short changes to one of its files.

    Raises LockHeld, LocksUnsupported and other OSErrors.
    """
    deadline = time.monotonic() + timeout
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _OPEN)
    try:
        while not _try(descriptor, folder, fcntl.LOCK_EX):
            _check_deadline(folder, deadline)
            time.sleep(0.01)
    except BaseException:
        os.close(descriptor)
        raise
    return HeldLock(folder, descriptor)


def probe(path: Path) -> LockState:
    """Whether some process holds the lock at this moment. Never writes, and holds nothing afterwards.

    "unknown": the disk does not support locks, or the file cannot be opened or is not a regular file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _OPEN)
    except FileNotFoundError:
        return "free"
    except OSError:
        return "unknown"
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return "unknown"
        return "free" if _try(descriptor, path, fcntl.LOCK_SH) else "held"
    except (OSError, LocksUnsupported):
        return "unknown"
    finally:
        os.close(descriptor)


def lock_file(path: Path, timeout: float) -> "AcquireReturnProxy[FileLock]":
    """Take a lock that belongs to this process alone; try for `timeout` seconds.

    It is released at the end of the `with` block or by `.lock.release()`. Raises LockHeld, LocksUnsupported and other
    OSErrors.
    """
    from filelock import FileLock, Timeout

    try:
        return FileLock(path, timeout=timeout, thread_local=False, fallback_to_soft=False).acquire()
    except Timeout as error:
        raise LockHeld(f"{path} is locked by another process.") from error
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            raise _unsupported(path, error) from error
        raise


def _check_deadline(path: Path, deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise LockHeld(f"{path} is locked by another process.")


def _check_file(path: Path, descriptor: int) -> None:
    if not os.path.samestat(os.fstat(descriptor), path.lstat()):
        raise FileNotFoundError(errno.ENOENT, "replaced while waiting for its lock", str(path))


def _try(descriptor: int, path: Path, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            raise _unsupported(path, error) from error
        raise
    return True


def _unsupported(path: Path, error: OSError) -> LocksUnsupported:
    return LocksUnsupported(
        f"{path} cannot be locked: its disk does not support file locks ({error.strerror}).",
        advice="Use a runs folder on another disk: --runs DIR.",
    )

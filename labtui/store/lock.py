"""The run's lock: flock on one descriptor, held for as long as it is open.

Not filelock, as elsewhere, for three reasons. A console probes the locks of hundreds of runs several times a second,
with a shared lock that it drops at once, in folders it may not be able to write. A process that holds the lock must
know which children inherit it: flock belongs to the open file, so a forked child keeps it, while `O_CLOEXEC` closes it
in every program that is started. And POSIX locks (`lockf`) go as soon as the process closes the file anywhere else.
"""

import errno
import fcntl
import os
import stat
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from labtui.errors import EnvironmentFault, LabError

LockState = Literal["free", "held", "unknown"]

PATIENCE = 2.0
"""Seconds that `hold` keeps trying: a console's probe holds the lock for microseconds."""

_UNSUPPORTED = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})
_OPEN = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class LockHeld(LabError):
    """Somebody else holds the lock."""


class LocksUnsupported(EnvironmentFault):
    """The disk has no locks."""


class Held:
    """A lock that is held until `close` or the end of the `with` block, or until the process ends in whatever way."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def fileno(self) -> int:
        """The descriptor. A child that inherits it holds the lock too, until both have closed it."""
        return self._descriptor

    def close(self) -> None:
        """Let go. Closing twice is harmless."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def hold(path: Path, patience: float = PATIENCE) -> Held:
    """Take the lock at `path`, making the file where there is none; try for `patience` seconds.

    Raises LockHeld, LocksUnsupported, FileNotFoundError where the folder is gone (also if it was moved away while
    waiting: a lock in the trash guards nothing), and other OSErrors.
    """
    deadline = time.monotonic() + patience
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _OPEN, 0o666)
    try:
        while not _try(descriptor, path, fcntl.LOCK_EX):
            _check_patience(path, deadline)
            time.sleep(0.01)
        _check_place(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return Held(path, descriptor)


def probe(path: Path) -> LockState:
    """Whether somebody holds the lock at this moment; never writes, and holds nothing afterwards.

    "unknown": the disk has no locks, or the file cannot be opened or is no regular file.
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


def _check_patience(path: Path, deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise LockHeld(f"{path} is held by another process.")


def _check_place(path: Path, descriptor: int) -> None:
    if not os.path.samestat(os.fstat(descriptor), path.lstat()):
        raise FileNotFoundError(errno.ENOENT, "replaced while waiting for its lock", str(path))


def _try(descriptor: int, path: Path, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as fault:
        if fault.errno in _UNSUPPORTED:
            raise LocksUnsupported(
                f"{path} cannot be locked: its disk has no locks ({fault.strerror}).",
                advice="Use a runs folder on another disk: --runs DIR.",
            ) from fault
        raise
    return True

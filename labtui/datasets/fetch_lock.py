"""One fetch at a time: the data set's lock, and how long another process is waited for."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from labtui.datasets.deadline import Pace

OTHER = "another labtui process"
_POLL = 0.1


@contextlib.contextmanager
def alone(path: Path, pace: Pace, brought: Callable[[], int], total: int) -> Iterator[None]:
    """Hold the lock at `path`; while another process has it, watch whether `brought` bytes get on in time to `total`.

    Raises TransferFault where they do not, OSError where the disk has no locks or cannot be written.
    """
    lock = FileLock(path, blocking=False, fallback_to_soft=False)
    pace.begin(OTHER, 1)
    before = brought()
    while not lock.is_locked:
        try:
            lock.acquire()
        except Timeout:
            before = _watch(pace, before, brought(), total)
            time.sleep(_POLL)
    try:
        yield
    finally:
        lock.release()


def _watch(pace: Pace, before: int, now: int, total: int) -> int:
    if now > before:
        pace.brought(now - before, total - now)
    elif now < before:
        pace.trust()  # its download is whole, or begins anew
    elif pace.patience() <= 0:
        raise pace.silent(total - now)
    return now

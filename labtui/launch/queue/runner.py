"""The queue runner: `python -m labtui.launch.queue.runner ROOT`, one per runs folder, machine and user.

It starts what waits in the queue, in order, as device slots come free, and ends when nothing of ours waits any more.
What it starts does not depend on it: killed at any moment, the next runner goes on where it was.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from labtui.errors import EnvironmentFault, LabError
from labtui.launch.daemonize import importable, redirect_output, spawn, stand_alone
from labtui.launch.dispatch import Dispatcher, Start
from labtui.launch.fork_server.client import Warmer
from labtui.launch.launcher import start
from labtui.launch.queue.entries import entries, is_ours, queue_folder
from labtui.launch.queue.requeue import enqueue_lost
from labtui.launch.signals import Signals
from labtui.store.lock import Held, LockHeld, hold, probe
from labtui.store.paths import RunsPaths
from labtui.store.process import host
from labtui.store.safe_paths import disk_fault

PAUSE = 1.0
"""Seconds between two looks at what waits."""

PROGRAM = ("-P", "-m", "labtui.launch.queue.runner")
LEAVE_LOST = "--leave-lost"

_READY = "ready"
_NO = ("0", "no", "off", "false")
_LOG_CAP = 1 << 20


def ensure_runner(root: Path, *, resume_lost: bool | None = None, program: Sequence[str] = PROGRAM) -> bool:
    """See to it that a queue runner is at work, and say whether one had to be started.

    To be called after `enqueue`: a runner that is about to end looks at the queue once more after it let go of its
    lock, so an entry made before this call is seen by it or by the one that is started here. A new runner first puts
    lost runs of this machine back into the queue, unless `resume_lost` (by default LABTUI_RESUME_LOST) says no.

    Raises EnvironmentFault.
    """
    queue_folder(root)
    if is_at_work(root):
        return False
    wanted = resumes_lost(os.environ) if resume_lost is None else resume_lost
    options = () if wanted else (LEAVE_LOST,)
    said = spawn(
        [sys.executable, *program, str(root.absolute()), *options], cwd=None, environment=importable(os.environ)
    )
    if _READY not in said.splitlines():
        raise EnvironmentFault(f"The queue runner did not start: {said.strip() or 'it said nothing'}")
    return True


def is_at_work(root: Path) -> bool:
    """Whether this machine's and user's queue runner works the queue off."""
    return probe(_lock_path(root)) == "held"


def resumes_lost(environ: Mapping[str, str]) -> bool:
    """Whether a new runner is to put lost runs back into the queue: LABTUI_RESUME_LOST."""
    return environ.get("LABTUI_RESUME_LOST", "").lower() not in _NO


def standing(root: Path) -> int:
    """How many entries of ours wait although no runner is at work: it was killed, or the machine was restarted."""
    return 0 if is_at_work(root) else sum(is_ours(entry) for entry in entries(root))


def main(arguments: Sequence[str], launch: Start = start, pause: float = PAUSE, warmer: Warmer | None = None) -> int:
    """Run the queue until nothing of ours waits; with a warmer, several runs that are alike start from one process."""
    root = Path(arguments[0])
    stand_alone()
    signals = Signals([signal.SIGTERM, signal.SIGINT])
    try:
        lock = hold(_lock_path(root), 0.5)
    except LockHeld:
        _ready()
        return 0
    except LabError as fault:
        sys.stdout.write(f"{fault}\n")
        return EnvironmentFault.exit_code
    except OSError as fault:
        sys.stdout.write(f"{disk_fault(fault, 'its lock cannot be had', root)}\n")
        return EnvironmentFault.exit_code
    _ready()
    redirect_output(_open_log(root))
    if LEAVE_LOST not in arguments[1:]:
        enqueue_lost(root, say)
    dispatcher = Dispatcher(root, launch, say, warmer=warmer)

    def wait() -> bool:
        dispatcher.ends.wait(pause, signals, *(warmer.loading if warmer else ()))
        return bool(signals.wait(0))

    serve(root, lock, dispatcher, wait)
    dispatcher.close()
    if warmer is not None:
        warmer.close()
    return 0


def serve(root: Path, lock: Held, dispatcher: Dispatcher, wait: Callable[[], bool]) -> None:
    """Start what waits until nothing of ours does, or until `wait` returns True, which asks us to end."""
    while True:
        with lock:
            while _waiting(root):
                dispatcher.round()
                if _waiting(root) and wait():
                    say("asked to end; what waits stays in the queue")
                    return
        # Somebody may have added an entry and found the lock still held: one more look, now that it is free.
        if not _waiting(root):
            return
        try:
            lock = hold(_lock_path(root), 0.5)
        except LockHeld:
            return


def say(text: str) -> None:
    """A line in the runner's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
    sys.stderr.flush()


def _waiting(root: Path) -> bool:
    return any(is_ours(entry) for entry in entries(root))


def _ready() -> None:
    sys.stdout.write(f"{_READY}\n")


def _lock_path(root: Path) -> Path:
    return _named(root, "lock")


def log_path(root: Path) -> Path:
    """Where the queue runner of this machine and user writes what it does."""
    return _named(root, "log")


def _named(root: Path, ending: str) -> Path:
    return RunsPaths(root).queue / f"runner-{host()}-{os.geteuid()}.{ending}"


def _open_log(root: Path) -> int:
    path = log_path(root)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.fstat(descriptor).st_size > _LOG_CAP:
        os.ftruncate(descriptor, 0)
    return descriptor


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], warmer=Warmer()))

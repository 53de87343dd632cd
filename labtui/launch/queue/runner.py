"""The queue runner: `python -m labtui.launch.queue.runner ROOT`, one per runs folder, machine and user.

It starts the waiting entries, in order, as device slots become free, and exits when no own entry waits any more. The
runs that it starts do not depend on it: if it is killed at any moment, the next runner continues.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from labtui.errors import LabError, MachineError
from labtui.launch.daemonize import ExitWatcher, SignalPipe, daemonize, redirect_output, spawn
from labtui.launch.devices import Device, Survey, candidates, survey
from labtui.launch.environment import importable_environment, is_enabled, restored_environment
from labtui.launch.fork_server.client import ForkServerPool
from labtui.launch.launcher import AlreadyRunning, Interpreter, NotStarted, next_attempt, start
from labtui.launch.order import Claimed
from labtui.launch.queue.entries import QueueEntry, is_own, queue_folder, remove_entry, set_aside, waiting_entries
from labtui.launch.queue.order import paused
from labtui.launch.queue.requeue import requeue_lost_runs
from labtui.launch.queue.ticket import Ticket, is_signed_by_us, run_folder
from labtui.launch.slots import Slot, Waiter, acquire_first
from labtui.store.lock import LockHeld, lock_file, probe
from labtui.store.paths import RunPaths, RunsPaths
from labtui.store.process import host
from labtui.store.safe_paths import machine_error

PAUSE = 1.0
"""Seconds between two rounds through the queue."""

PROGRAM = ("-P", "-m", "labtui.launch.queue.runner")
LEAVE_LOST = "--leave-lost"

_READY = "ready"
_LOCK_TIMEOUT = 0.5
_MAX_LOG_BYTES = 1 << 20
_FULL_DISK_PAUSE = 30.0
"""Seconds until an entry that met a full disk is tried again."""


def ensure_runner(root: Path, *, requeue_lost: bool | None = None, program: Sequence[str] = PROGRAM) -> bool:
    """Make sure that a queue runner is running, and return whether one had to be started.

    Call this after `enqueue`: a runner that is about to exit looks at the queue once more after it released its lock,
    so an entry made before this call is seen by it or by the one that is started here. A new runner first puts lost
    runs of this machine back into the queue, unless `requeue_lost` (by default LABTUI_RESUME_LOST) is False.

    Raises MachineError.
    """
    queue_folder(root)
    if is_running(root):
        return False
    requeue = should_requeue_lost(os.environ) if requeue_lost is None else requeue_lost
    options = () if requeue else (LEAVE_LOST,)
    command = [sys.executable, *program, str(root.absolute()), *options]
    output = spawn(command, cwd=None, environment=importable_environment(os.environ))
    if _READY not in output.splitlines():
        raise MachineError(f"The queue runner did not start: {output.strip() or 'it exited without reporting'}")
    return True


def is_running(root: Path) -> bool:
    """Whether this machine's and user's queue runner is running."""
    return probe(_lock_path(root)) == "held"


def should_requeue_lost(environ: Mapping[str, str]) -> bool:
    """Whether a new runner puts lost runs back into the queue: LABTUI_RESUME_LOST."""
    return is_enabled("LABTUI_RESUME_LOST", environ)


def count_unattended(root: Path) -> int:
    """How many own entries wait although no runner is running: it was killed, or the machine was restarted."""
    return 0 if is_running(root) else sum(is_own(entry) for entry in waiting_entries(root))


def log_path(root: Path) -> Path:
    """The log file of this machine's and user's queue runner."""
    return _runner_file(root, "log")


def main(
    arguments: Sequence[str], launch: "Start" = start, pause: float = PAUSE, fork_servers: ForkServerPool | None = None
) -> int:
    """Run the queue until no own entry waits. With `fork_servers`, several similar runs are forked from one process."""
    root = Path(arguments[0])
    daemonize()
    signals = SignalPipe([signal.SIGTERM, signal.SIGINT])
    try:
        lock = lock_file(_lock_path(root), _LOCK_TIMEOUT)
    except LockHeld:
        _report_ready()
        return 0
    except LabError as error:
        sys.stdout.write(f"{error}\n")
        return MachineError.exit_code
    except OSError as error:
        sys.stdout.write(f"{machine_error(error, 'its lock could not be taken', root)}\n")
        return MachineError.exit_code
    _report_ready()
    redirect_output(_open_log(root))
    if LEAVE_LOST not in arguments[1:]:
        requeue_lost_runs(root, log)
    dispatcher = Dispatcher(root, launch, log, fork_servers=fork_servers)

    def wait() -> bool:
        dispatcher.exits.wait(pause, signals, *(fork_servers.loading if fork_servers else ()))
        return bool(signals.wait(0))

    serve(root, lock, dispatcher, wait)
    dispatcher.close()
    if fork_servers is not None:
        fork_servers.close()
    return 0


def serve(root: Path, lock: AbstractContextManager[object], dispatcher: "Dispatcher", wait: Callable[[], bool]) -> None:
    """Start entries until no own entry waits, or until `wait` returns True, which means that the runner shall exit."""
    while True:
        with lock:
            while _has_work(root):
                dispatcher.dispatch()
                if _has_work(root) and wait():
                    log("asked to exit; the waiting entries stay in the queue")
                    return
        # Another process may have added an entry while the lock was still held, so look again now that it is free.
        if not _has_work(root):
            return
        try:
            lock = lock_file(_lock_path(root), _LOCK_TIMEOUT)
        except LockHeld:
            return


def log(text: str) -> None:
    """Write a line to the runner's log."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
    sys.stderr.flush()


class Start(Protocol):
    """The signature of `labtui.launch.launcher.start`."""

    def __call__(
        self,
        folder: Path,
        *,
        device: Device,
        threads: int,
        data_root: Path,
        resume: bool,
        catalog_folder: Path | None,
        attempt: int,
        slot: Slot,
        interpreter: Interpreter,
    ) -> Claimed:
        """Start an attempt; return once it is claimed."""


class Dispatcher:
    """Starts entries in order: an entry that waits for a device is not overtaken by another that requests the same."""

    def __init__(
        self,
        root: Path,
        launch: Start,
        log: Callable[[str], None],
        look: Callable[[dict[str, str]], Survey] = survey,
        fork_servers: ForkServerPool | None = None,
    ) -> None:
        """With `fork_servers`, runs are forked if several similar ones wait; otherwise each is started by itself."""
        self._root, self._launch, self._log, self._look = root, launch, log, look
        self._fork_servers = fork_servers
        self.exits = ExitWatcher()
        """Of the supervisors that it started."""
        self._similar: Counter[bytes] = Counter()
        """How many waiting entries one process can start, by `_start_key`."""
        self._surveys: dict[str | None, Survey] = {}
        self._busy: set[str] = set()
        self._waiter = Waiter()
        self._was_paused = False
        self._not_before: dict[str, float] = {}

    def dispatch(self) -> None:
        """Try to start every own entry once."""
        self._surveys.clear()
        self._busy.clear()
        if self._is_paused():
            return
        own = [entry for entry in waiting_entries(self._root) if is_own(entry)]
        self._similar = Counter(_start_key(entry.ticket) for entry in own if entry.ticket)
        for entry in own:
            if self._not_before.get(entry.name, 0.0) > time.monotonic():
                continue
            try:
                self._try(entry)
            except (LabError, OSError) as error:
                self._set_aside(entry, str(error))

    def close(self) -> None:
        """Stop waiting; runs that were started continue."""
        self.exits.close()
        self._waiter.close()

    def _is_paused(self) -> bool:
        now = paused(self._root) is not None
        if now is not self._was_paused:
            self._log("paused: nothing starts until it is continued" if now else "continued")
            self._was_paused = now
        return now

    def _try(self, entry: QueueEntry) -> None:
        """Start the entry if that is possible now. Raises LabError if it never will be."""
        ticket = entry.ticket
        if ticket is None:
            raise LabError(entry.reason)
        if not is_signed_by_us(ticket):
            raise LabError(
                "It was not created by you on this machine, and it specifies a program to run.",
                advice="To start it with your own Python, use `labtui queue retry`.",
            )
        folder = run_folder(self._root, ticket)
        if next_attempt(RunPaths(folder)) > ticket.attempt:
            self._remove(entry, "was already started")
            return
        environment = restored_environment(ticket.origin.environment, os.environ)
        placed = self._place(ticket, environment)
        if placed is None:
            return
        device, slot = placed
        with slot:
            if entry.path.exists():
                self._start(entry, ticket, folder, device, slot, environment)

    def _start(
        self, entry: QueueEntry, ticket: Ticket, folder: Path, device: Device, slot: Slot, environment: dict[str, str]
    ) -> None:
        interpreter = self._interpreter(ticket, device, environment)
        if interpreter is None:
            return
        try:
            claimed = self._launch(
                folder,
                device=device,
                threads=ticket.threads,
                data_root=Path(ticket.data_root),
                resume=ticket.resume,
                catalog_folder=Path(ticket.catalog_folder) if ticket.catalog_folder else None,
                attempt=ticket.attempt,
                slot=slot,
                interpreter=interpreter,
            )
        except AlreadyRunning as refused:
            if refused.why == "claimed":
                self._remove(entry, "was started by another process")
        except NotStarted as refused:
            if refused.why == "finished":
                self._remove(entry, "has finished")
            elif refused.why == "full":
                self._postpone(entry, str(refused).removeprefix("Not started: "))
            else:
                raise
        else:
            if claimed.supervisor is not None:
                self.exits.watch(claimed.supervisor)
            self._remove(entry, f"attempt {claimed.attempt} started on {device.name}")

    def _interpreter(self, ticket: Ticket, device: Device, environment: dict[str, str]) -> Interpreter | None:
        """The Python that the entry names; None while a fork server of it is loading."""
        origin = ticket.origin
        interpreter = Interpreter(path=origin.python, environment=environment, folder=Path(origin.folder))
        if self._fork_servers is None:
            return interpreter
        similar = self._similar[_start_key(ticket)]
        return self._fork_servers.attach(interpreter, device, ticket.threads, similar)

    def _place(self, ticket: Ticket, environment: dict[str, str]) -> tuple[Device, Slot] | None:
        """A device that matches the request, with a slot on it; None while no such device has a free slot."""
        matching = candidates(ticket.device, self._survey(environment))
        if self._busy.isdisjoint(device.name for device in matching):
            placed = acquire_first(matching, ticket.threads, self._waiter, per_device=ticket.per_device)
            if placed is not None:
                return placed
        self._busy.update(device.name for device in matching)
        return None

    def _survey(self, environment: dict[str, str]) -> Survey:
        visible = environment.get("CUDA_VISIBLE_DEVICES")
        if visible not in self._surveys:
            self._surveys[visible] = self._look(environment)
        return self._surveys[visible]

    def _postpone(self, entry: QueueEntry, why: str) -> None:
        """Leave the entry in its place: disk space may become free."""
        if entry.name not in self._not_before:
            self._log(f"{entry.run}: waiting: {why}")
        self._not_before[entry.name] = time.monotonic() + _FULL_DISK_PAUSE

    def _set_aside(self, entry: QueueEntry, why: str) -> None:
        self._log(f"{entry.run}: moved to the failed entries: {why}")
        try:
            set_aside(entry, why)
        except OSError as error:
            self._postpone(entry, f"it cannot be moved to the failed entries either: {error}")

    def _remove(self, entry: QueueEntry, what: str) -> None:
        self._log(f"{entry.run}: {what}")
        remove_entry(entry)


def _start_key(ticket: Ticket) -> bytes:
    """Equal for entries that one process can start."""
    return msgspec.json.encode((ticket.origin, ticket.threads), order="deterministic")


def _has_work(root: Path) -> bool:
    return any(is_own(entry) for entry in waiting_entries(root))


def _report_ready() -> None:
    sys.stdout.write(f"{_READY}\n")


def _lock_path(root: Path) -> Path:
    return _runner_file(root, "lock")


def _runner_file(root: Path, ending: str) -> Path:
    return RunsPaths(root).queue / f"runner-{host()}-{os.geteuid()}.{ending}"


def _open_log(root: Path) -> int:
    path = log_path(root)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.fstat(descriptor).st_size > _MAX_LOG_BYTES:
        os.ftruncate(descriptor, 0)
    return descriptor


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], fork_servers=ForkServerPool()))

"""The queue runner: `python -m labtui.launch.queue.runner ROOT`, one per runs folder, machine and user.

It starts what waits in the queue, in order, as device slots come free, and ends when nothing of ours waits any more.
What it starts does not depend on it: killed at any moment, the next runner goes on where it was.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from labtui.errors import EnvironmentFault, LabError
from labtui.launch.daemonize import Ends, Signals, importable, redirect_output, spawn, stand_alone
from labtui.launch.devices import Device, Survey, candidates, survey
from labtui.launch.environment import restored
from labtui.launch.fork_server.client import Warmer
from labtui.launch.launcher import AlreadyRunning, Interpreter, NotStarted, next_attempt, start
from labtui.launch.order import Claimed
from labtui.launch.queue.entries import Entry, entries, is_ours, queue_folder, remove, set_aside
from labtui.launch.queue.requeue import enqueue_lost
from labtui.launch.queue.ticket import Ticket, folder_of, has_our_seal
from labtui.launch.slots import Line, Slot, first_free
from labtui.store.lock import HeldLock, LockHeld, hold, probe
from labtui.store.paths import RunPaths, RunsPaths
from labtui.store.process import host
from labtui.store.safe_paths import environment_fault

_FULL_PAUSE = 30.0
"""Seconds until an entry that met a full disk is tried again."""


class Start(Protocol):
    """`labtui.launch.launcher.start`, or a stand-in for it."""

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
    """Starts entries in their order; one that waits for a device is not overtaken by another that wants the same."""

    def __init__(
        self,
        root: Path,
        launch: Start,
        say: Callable[[str], None],
        look: Callable[[dict[str, str]], Survey] = survey,
        warmer: Warmer | None = None,
    ) -> None:
        """`warmer`: what runs are started from where several wait that are alike; by default each starts cold."""
        self._root, self._launch, self._say, self._look = root, launch, say, look
        self._warmer = warmer
        self.ends = Ends()
        """Of the runs that it started."""
        self._waiting: Counter[bytes] = Counter()
        self._surveys: dict[str | None, Survey] = {}
        self._busy: set[str] = set()
        self._line = Line()
        self._not_before: dict[str, float] = {}

    def round(self) -> None:
        """Try every entry of ours once."""
        self._surveys.clear()
        self._busy.clear()
        ours = [entry for entry in entries(self._root) if is_ours(entry)]
        self._waiting = Counter(_kind(entry.ticket) for entry in ours if entry.ticket)
        for entry in ours:
            if self._not_before.get(entry.name, 0.0) > time.monotonic():
                continue
            try:
                self._try(entry)
            except (LabError, OSError) as fault:
                self._set_aside(entry, str(fault))

    def close(self) -> None:
        """Wait for nothing more; what was started goes on."""
        self.ends.close()
        self._line.close()

    def _try(self, entry: Entry) -> None:
        """Start the entry if it can start now. Raises LabError where it never will."""
        ticket = entry.ticket
        if ticket is None:
            raise LabError(entry.reason)
        if not has_our_seal(ticket):
            raise LabError(
                "It was not made by you on this machine, and it names a program to run.",
                advice="If you want it started, `labtui queue retry` makes it yours, with your own Python.",
            )
        folder = folder_of(self._root, ticket)
        if next_attempt(RunPaths(folder)) > ticket.attempt:
            self._done(entry, "was started already")
            return
        environment = restored(ticket.origin.environment, os.environ)
        placed = self._place(ticket, environment)
        if placed is None:
            return
        device, slot = placed
        with slot:
            if entry.path.exists():
                self._start(entry, ticket, folder, device, slot, environment)

    def _start(
        self, entry: Entry, ticket: Ticket, folder: Path, device: Device, slot: Slot, environment: dict[str, str]
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
        except AlreadyRunning as held:
            if held.why == "claimed":
                self._done(entry, "was started by somebody else")
        except NotStarted as refused:
            if refused.why == "finished":
                self._done(entry, "is finished")
            elif refused.why == "full":
                self._postpone(entry, str(refused).removeprefix("Not started: "))
            else:
                raise
        else:
            if claimed.parent is not None:
                self.ends.watch(claimed.parent)
            self._done(entry, f"attempt {claimed.attempt} started on {device.name}")

    def _interpreter(self, ticket: Ticket, device: Device, environment: dict[str, str]) -> Interpreter | None:
        """The Python that the entry names; None while a process of it loads from which several will be started."""
        origin = ticket.origin
        cold = Interpreter(path=origin.python, environment=environment, folder=Path(origin.folder))
        if self._warmer is None:
            return cold
        return self._warmer.warmed(cold, device, ticket.threads, self._waiting[_kind(ticket)])

    def _place(self, ticket: Ticket, environment: dict[str, str]) -> tuple[Device, Slot] | None:
        """A device that fulfils the wish, with a slot on it; None while all such devices are taken."""
        wanted = candidates(ticket.device, self._survey(environment))
        if self._busy.isdisjoint(device.name for device in wanted):
            placed = first_free(wanted, ticket.threads, self._line, per_device=ticket.per_device)
            if placed is not None:
                return placed
        self._busy.update(device.name for device in wanted)
        return None

    def _survey(self, environment: dict[str, str]) -> Survey:
        visible = environment.get("CUDA_VISIBLE_DEVICES")
        if visible not in self._surveys:
            self._surveys[visible] = self._look(environment)
        return self._surveys[visible]

    def _postpone(self, entry: Entry, why: str) -> None:
        """Leave the entry in its place: somebody will free some space."""
        if entry.name not in self._not_before:
            self._say(f"{entry.run}: waits: {why}")
        self._not_before[entry.name] = time.monotonic() + _FULL_PAUSE

    def _set_aside(self, entry: Entry, why: str) -> None:
        self._say(f"{entry.run}: set aside: {why}")
        try:
            set_aside(entry, why)
        except OSError as fault:
            self._postpone(entry, f"it cannot be set aside either: {fault}")

    def _done(self, entry: Entry, what: str) -> None:
        self._say(f"{entry.run}: {what}")
        remove(entry)


def _kind(ticket: Ticket) -> bytes:
    """Equal for entries that one process can start."""
    return msgspec.json.encode((ticket.origin, ticket.threads), order="deterministic")


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
        sys.stdout.write(f"{environment_fault(fault, 'its lock cannot be had', root)}\n")
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


def serve(root: Path, lock: HeldLock, dispatcher: Dispatcher, wait: Callable[[], bool]) -> None:
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

"""Polls the runs folder off the event loop: one poll, one frozen snapshot. Knows no screen.

Polls have a time budget, so that the list is there at once whatever there is to read. Nothing is written but the user's
cache, no lock is held.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from labtui.console.data.curve_loader import CurveLoader, Reader, open_reader
from labtui.console.data.log_tail import LogTail
from labtui.console.data.plans import PlanProgress
from labtui.console.data.snapshot import Interest, Log, Machine, Snapshot
from labtui.lab_code import FOLDER as LAB_FOLDER
from labtui.store.run import Run

MEMORY_UNIT = 10_000_000
"""Bytes in which used memory is counted: smaller changes are not visible, but would cost a repaint at every poll."""


def read_machine() -> Machine:
    """CPU load since the last call, memory, devices. Takes some 20 ms: call it rarely, and never on the event loop."""
    import psutil  # both imports are deferred: they take 20 ms that the first frame would wait for

    from labtui.launch.devices import survey

    memory = psutil.virtual_memory()
    found = survey()
    return Machine(
        cpu=round(psutil.cpu_percent(interval=None)),
        memory_used=(memory.total - memory.available) // MEMORY_UNIT * MEMORY_UNIT,
        memory_total=memory.total,
        devices=found.devices,
        notices=found.notices,
    )


SCAN_PAUSE_ACTIVE, SCAN_PAUSE_IDLE, LONGEST_SCAN_PAUSE = 20.0, 400.0, 4.0
"""The pause between two scans of the runs is so many times the duration of one, with and without active runs, but at
most so many seconds: a scan of five hundred runs takes 10 ms."""


class RunStore(Protocol):
    """The part of labtui.store.store.Store that is used."""

    notices: tuple[str, ...]

    @property
    def writable(self) -> bool:
        """Whether runs can be created here."""
        ...

    @property
    def queue_paused(self) -> bool:
        """Whether nothing starts from the queue."""
        ...

    def scan(self) -> tuple[Run, ...]:
        """All runs, newest first."""
        ...


IDLE_MACHINE_FACTOR = 2
"""How many times longer the load of the machine is left unread while no run is active."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollInterval:
    """Seconds between polls and for their parts.

    The first poll reads no curves, the second has a larger budget; while there is a backlog, the budget doubles from
    poll to poll up to a limit, since the charts are drawn again after each.
    """

    backlog: float = 0.02
    """Until the next poll while event files are not read to their end."""
    live: float = 0.25
    """Until the next poll while a run is active."""
    idle: float = 1.0
    runs: float = 0.5
    """Between scans of the runs' small files."""
    machine: float = 2.0
    budget: float = 0.06
    """For reading curves in one poll."""
    first_budget: float = 0.25
    longest_budget: float = 0.5


class Poller:
    """Polls one runs folder. `set_interest` and `poll_now` may be called from any thread, `poll` from one at a time."""

    def __init__(
        self,
        store: RunStore,
        *,
        reader: Callable[[Run], Reader] = open_reader,
        machine: Callable[[], Machine] = read_machine,
        notices: Callable[[], tuple[str, ...]] = tuple,
        plans: Callable[[tuple[Run, ...]], tuple[PlanProgress, ...]] = lambda _: (),
        interval: PollInterval | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.interval = interval or PollInterval()
        self._store = store
        self._loader = CurveLoader(reader, clock)
        self._read_machine = machine
        self._more_notices = notices
        self._read_plans = plans
        self._clock = clock
        self._interest = Interest()
        self._wake = threading.Event()
        self._runs: tuple[Run, ...] = ()
        self._scanned: tuple[Run, ...] = ()
        self._shown: tuple[Run, ...] = ()
        self._found: tuple[dict[str, tuple[str, ...]], dict[str, str]] = ({}, {})
        self._runs_due = 0.0
        self._log_tail: LogTail | None = None
        self._machine, self._machine_due = Machine(), 0.0
        self.pause = 0.0
        """Seconds that `wait` waits for the next poll."""
        self._budget = 0.0
        self._polls = 0

    def set_interest(self, interest: Interest) -> None:
        """Set what the next polls read, and poll soon if that changed."""
        if interest != self._interest:
            self._interest = interest
            self._wake.set()

    def poll_now(self) -> None:
        """End `wait` and scan the runs in the next poll: something was started or stopped."""
        self._runs_due = 0.0
        self._wake.set()

    def wait(self) -> None:
        """Sleep until the next poll is due, or the interest changes."""
        self._wake.wait(self.pause)
        self._wake.clear()

    def poll(self) -> Snapshot:
        """Read everything once. Raises OSErrors of the disk; the next poll may succeed."""
        interest, runs = self._interest, self._scan_runs()
        by_id = {run.id: run for run in runs}
        pending, has_news = self._loader.read_on(interest, by_id, self._budget, lambda: self._interest is not interest)
        moving = has_news or any(run.state.is_active for run in runs)
        self.pause = self.interval.backlog if pending else (self.interval.live if moving else self.interval.idle)
        self._poll_machine()
        self._budget = self._next_budget(pending)
        self._polls += 1
        charted = self._loader.of(interest.charted)
        return Snapshot(
            runs=self._with_damage(runs),
            curves=MappingProxyType({run_id: reader.curves for run_id, reader in charted.items()}),
            trends=MappingProxyType(dict(self._loader.trends)),
            pending=pending,
            log=self._poll_log(interest.log, runs),
            machine=self._machine,
            plans=self._read_plans(runs),
            notices=(*self._store.notices, *self._more_notices()),
            writable=self._store.writable,
            queue_paused=self._store.queue_paused,
            when=time.time(),
        )

    def _with_damage(self, runs: tuple[Run, ...]) -> tuple[Run, ...]:
        """The runs, with what was found in their event files: the same tuple while neither changes."""
        found = self._loader.damage, self._loader.undrawn
        if runs is not self._scanned or found != self._found:
            damage, undrawn = found
            self._scanned, self._found = runs, (dict(damage), dict(undrawn))
            self._shown = (
                tuple(run.with_files_read(damage.get(run.id, ()), undrawn.get(run.id, "")) for run in runs)
                if damage or undrawn
                else runs
            )
        return self._shown

    def close(self) -> None:
        """Write what was read to the cache, after the last poll."""
        self._loader.close()

    def _next_budget(self, pending: int) -> float:
        if not self._polls:
            return self.interval.first_budget
        more = min(2 * self._budget, self.interval.longest_budget) if pending else 0.0
        return max(more, self.interval.budget)

    def _scan_runs(self) -> tuple[Run, ...]:
        """The runs, scanned again where that is due: curves need it four times a second, heartbeats half as often."""
        began = self._clock()
        if began >= self._runs_due:
            self._runs = self._store.scan()
            seconds = self._clock() - began
            active = any(run.state.is_active for run in self._runs)
            pause = min(LONGEST_SCAN_PAUSE, seconds * (SCAN_PAUSE_ACTIVE if active else SCAN_PAUSE_IDLE))
            self._runs_due = began + max(self.interval.runs, pause)
        return self._runs

    def _poll_log(self, run_id: str | None, runs: Iterable[Run]) -> Log:
        run = next((run for run in runs if run.id == run_id), None)
        if run is None or not run.attempt:
            self._log_tail = None
            return Log(run_id or "", note=_no_log(run))
        path = run.paths.attempt(run.attempt).log
        if self._log_tail is None or self._log_tail.path != path:
            self._log_tail = LogTail(run.id, path)
        return self._log_tail.poll()

    def _poll_machine(self) -> None:
        if self._polls and self._clock() >= self._machine_due:
            self._machine = self._read_machine()
            factor = IDLE_MACHINE_FACTOR if self.pause == self.interval.idle else 1
            self._machine_due = self._clock() + factor * self.interval.machine


def _no_log(run: Run | None) -> str:
    if run is None:
        return "no run yet"
    return "a run of another tool: it has no log here" if run.foreign else "not started yet"


def poll_in_thread(
    poller: Poller, deliver: Callable[[Snapshot], object], fail: Callable[[Exception], object]
) -> Callable[[], None]:
    """Poll in a thread and deliver each snapshot that differs from the one before. Returns the function that stops it.

    An error is passed to `fail`, once until polling succeeds again, and polling continues.
    """
    stopped = threading.Event()

    def work() -> None:
        last_error, last = "", None
        while not stopped.is_set():
            try:
                snapshot = poller.poll()
            except Exception as error:  # noqa: BLE001 - a disk error must not end the console
                if repr(error) != last_error:
                    last_error = repr(error)
                    fail(error)
            else:
                if last_error or last is None or not snapshot.shows_the_same(last):
                    deliver(snapshot)
                last_error, last = "", snapshot
            poller.wait()
        poller.close()

    thread = threading.Thread(target=work, name="poller", daemon=True)
    thread.start()

    def stop() -> None:
        stopped.set()
        poller.poll_now()
        thread.join(timeout=2.0)

    return stop


Stamp = tuple[int, int, int]
"""Inode, bytes, nanoseconds of the last change."""


class CatalogWatch:
    """Remembers the state of a catalog and of the user's own code beside it, and reports a change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = _stamp(path)
        self._code = self._code_stamps()

    def _code_stamps(self) -> tuple[tuple[Path, Stamp | None], ...]:
        return tuple((file, _stamp(file)) for file in sorted((self._path.parent / LAB_FOLDER).glob("*.py")))

    def notices(self) -> tuple[str, ...]:
        """A notice for the user; empty while the files are unchanged."""
        now = _stamp(self._path)
        if now == self._stamp:
            changed = self._code_stamps() != self._code
            return (f"{LAB_FOLDER}/ has changed: reopen the console to use it; runs and queue continue.",) * changed
        if now is None:
            return (f"{self._path.name} no longer exists: the list shows its last contents; runs and queue continue.",)
        return (f"{self._path.name} has changed: reopen the console to use it; runs and queue continue.",)


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns

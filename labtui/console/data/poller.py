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

from labtui.console.data.curve_loader import CurveReading, Reader, open_reader
from labtui.console.data.log_tail import LogFollower
from labtui.console.data.snapshot import Interest, Log, Machine, Snapshot
from labtui.store.run import Run

SHOWN = 10_000_000
"""Bytes in which used memory is counted: less is not shown, and would be painted anew at every look."""


def read_machine() -> Machine:
    """CPU load since the last call, memory, devices. Some 20 ms: ask seldom, and never on the event loop."""
    import psutil  # deferred, both: 20 ms that the first frame does not wait for

    from labtui.launch.devices import survey

    memory = psutil.virtual_memory()
    found = survey()
    return Machine(
        cpu=round(psutil.cpu_percent(interval=None)),
        memory_used=(memory.total - memory.available) // SHOWN * SHOWN,
        memory_total=memory.total,
        devices=found.devices,
        notices=found.notices,
    )


PAUSE_LIVE, PAUSE_IDLE, LONGEST_PAUSE = 20.0, 400.0, 4.0
"""Between two looks at the runs lie so many times the seconds that one takes, while something runs and while nothing
does, but never more than the last: five hundred runs take 10 ms a look."""


class Runs(Protocol):
    """What the monitor needs of labtui.store.store.Store."""

    notices: tuple[str, ...]

    @property
    def writable(self) -> bool:
        """Whether runs can be made here."""
        ...

    def scan(self) -> tuple[Run, ...]:
        """All runs, newest first."""
        ...


MACHINE_IDLE = 2
"""How many times as long it is until the next look at the machine while no run moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds: between polls while there is a backlog, while something moves, while nothing does; between looks at the
    runs' small files and at the machine; and for reading curves in one poll. The first poll comes without any, the
    second with more, and while a backlog lasts the next ones with twice as much each, up to the longest: every poll has
    the charts drawn anew."""

    backlog: float = 0.02
    live: float = 0.25
    idle: float = 1.0
    runs: float = 0.5
    machine: float = 2.0
    budget: float = 0.06
    first_budget: float = 0.25
    longest_budget: float = 0.5


class Monitor:
    """Polls one runs folder. `wish` may be called from any thread, `poll` from one at a time."""

    def __init__(
        self,
        store: Runs,
        *,
        reader: Callable[[Path], Reader] = open_reader,
        machine: Callable[[], Machine] = read_machine,
        notices: Callable[[], tuple[str, ...]] = tuple,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pace = pace or Pace()
        self._store = store
        self._reading = CurveReading(reader, clock)
        self._read_machine = machine
        self._more_notices = notices
        self._clock = clock
        self._interest = Interest()
        self._wake = threading.Event()
        self._runs: tuple[Run, ...] = ()
        self._runs_due = 0.0
        self._follower: LogFollower | None = None
        self._machine, self._machine_due = Machine(), 0.0
        self._rest = 0.0
        self._budget = 0.0
        self._polls = 0

    def wish(self, interest: Interest) -> None:
        """Say what is wanted from the next poll on, and have it soon."""
        if interest != self._interest:
            self._interest = interest
            self._wake.set()

    def hurry(self) -> None:
        """Have the next poll at once, runs included: something was just started or asked for."""
        self._runs_due = 0.0
        self._wake.set()

    def wait(self) -> None:
        """Sleep until the next poll is due or something is wished for."""
        self._wake.wait(self._rest)
        self._wake.clear()

    def poll(self) -> Snapshot:
        """Look once. Raises what the disk raises; the next poll may succeed."""
        interest, runs = self._interest, self._look_at_runs()
        by_id = {run.id: run for run in runs}
        pending, fresh = self._reading.read_on(interest, by_id, self._budget, lambda: self._interest is not interest)
        moving = fresh or any(run.state.is_active for run in runs)
        self._rest = self.pace.backlog if pending else (self.pace.live if moving else self.pace.idle)
        self._look_at_machine()
        self._budget = self._next_budget(pending)
        self._polls += 1
        charted = self._reading.of(interest.charted)
        return Snapshot(
            runs=runs,
            curves=MappingProxyType({run_id: reader.curves for run_id, reader in charted.items()}),
            trends=MappingProxyType(dict(self._reading.trends)),
            damage=MappingProxyType({run_id: reader.damage for run_id, reader in charted.items() if reader.damage}),
            pending=pending,
            log=self._log(interest.log, runs),
            machine=self._machine,
            notices=(*self._store.notices, *self._more_notices()),
            writable=self._store.writable,
            when=time.time(),
        )

    def leave(self) -> None:
        """Nobody polls any more: what was read is put into the cache."""
        self._reading.leave()

    def _next_budget(self, pending: int) -> float:
        if not self._polls:
            return self.pace.first_budget
        more = min(2 * self._budget, self.pace.longest_budget) if pending else 0.0
        return max(more, self.pace.budget)

    def _look_at_runs(self) -> tuple[Run, ...]:
        """Curves are looked at four times a second; beats come once a second, so their files need it half as often."""
        began = self._clock()
        if began >= self._runs_due:
            self._runs = self._store.scan()
            cost = self._clock() - began
            moving = any(run.state.is_active for run in self._runs)
            seldom = min(LONGEST_PAUSE, cost * (PAUSE_LIVE if moving else PAUSE_IDLE))
            self._runs_due = began + max(self.pace.runs, seldom)
        return self._runs

    def _log(self, run_id: str | None, runs: Iterable[Run]) -> Log:
        run = next((run for run in runs if run.id == run_id), None)
        if run is None or not run.attempt:
            self._follower = None
            return Log(run_id or "", note=_no_log(run))
        path = run.paths.attempt(run.attempt).log
        if self._follower is None or self._follower.path != path:
            self._follower = LogFollower(run.id, path)
        return self._follower.poll()

    def _look_at_machine(self) -> None:
        if self._polls and self._clock() >= self._machine_due:
            self._machine = self._read_machine()
            times = MACHINE_IDLE if self._rest == self.pace.idle else 1
            self._machine_due = self._clock() + times * self.pace.machine


def _no_log(run: Run | None) -> str:
    if run is None:
        return "no run yet"
    return "another tool's run: it has no log here" if run.foreign else "not started yet"


def watch(
    monitor: Monitor, deliver: Callable[[Snapshot], None], fail: Callable[[Exception], None]
) -> Callable[[], None]:
    """Poll in a thread of its own until the returned function is called; hand on what differs from the poll before.

    A failure is handed on, once per kind, and polling goes on.
    """
    over = threading.Event()

    def work() -> None:
        said, shown = "", None
        while not over.is_set():
            try:
                snapshot = monitor.poll()
            except Exception as fault:  # noqa: BLE001 - a screen that dies of a bad disk shows nothing at all
                if repr(fault) != said:
                    said = repr(fault)
                    fail(fault)
            else:
                if said or shown is None or not snapshot.shows_the_same(shown):
                    deliver(snapshot)
                said, shown = "", snapshot
            monitor.wait()
        monitor.leave()

    thread = threading.Thread(target=work, name="monitor", daemon=True)
    thread.start()

    def end() -> None:
        over.set()
        monitor.hurry()
        thread.join(timeout=2.0)

    return end

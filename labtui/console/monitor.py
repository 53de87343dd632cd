"""Looking at the runs folder, off the event loop: one poll, one frozen snapshot. Knows no screen.

Polls are budgeted: a folder of a hundred runs is listed at once, its curves come in as they are read, what the screen
shows first. Nothing is written, no lock is held.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from labtui.console.follow import LogFollower
from labtui.console.load import read_machine
from labtui.console.snapshot import Interest, Log, Machine, Snapshot, Trend
from labtui.store.run import Run

if TYPE_CHECKING:
    from labtui.store.curve import Curve

KEPT_WHOLE = 24
"""Runs that nobody charts any more whose curves stay in memory."""

PAUSE_LIVE, PAUSE_IDLE, LONGEST_PAUSE = 20.0, 300.0, 3.0
"""Between two looks at the runs lie so many times the seconds that one takes, while something runs and while nothing
does, but never more than the last: five hundred runs take 10 ms a look."""

READ_AT_ONCE = 8 << 20
"""Bytes of one run's event files that are read before the next run has its turn."""


class Reader(Protocol):
    """What the monitor needs of labtui.store.reader.RunReader."""

    def poll(self, max_bytes: int = ...) -> bool:
        """Read on; whether something was new."""
        ...

    @property
    def curves(self) -> "Mapping[str, Curve]":
        """By tag."""
        ...

    @property
    def complete(self) -> bool:
        """Whether all that is in the files has been read."""
        ...

    @property
    def damage(self) -> tuple[str, ...]:
        """What is wrong with the files."""
        ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds: between polls while there is a backlog, while something moves, while nothing does; between looks at the
    runs' small files and at the machine; and for reading curves in one poll, the first of which comes without any and
    the second with more."""

    backlog: float = 0.02
    live: float = 0.25
    idle: float = 1.0
    runs: float = 0.5
    machine: float = 2.0
    budget: float = 0.06
    first_budget: float = 0.25


def open_reader(folder: Path) -> Reader:
    """The store's reader; it brings numpy, so it is imported when the first curve is read."""
    from labtui.store.reader import RunReader

    return RunReader(folder)


class Monitor:
    """Polls one runs folder. `wish` may be called from any thread, `poll` from one at a time."""

    def __init__(
        self,
        store: Runs,
        *,
        reader: Callable[[Path], Reader] = open_reader,
        machine: Callable[[], Machine] = read_machine,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pace = pace or Pace()
        self._store = store
        self._open = reader
        self._read_machine = machine
        self._clock = clock
        self._interest = Interest()
        self._wake = threading.Event()
        self._runs: tuple[Run, ...] = ()
        self._runs_due = 0.0
        self._readers: dict[str, Reader] = {}
        self._states: dict[str, object] = {}
        self._trends: dict[str, Trend] = {}
        self._follower: LogFollower | None = None
        self._machine, self._machine_due = Machine(), 0.0
        self._rest = 0.0
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
        pending, fresh = self._read(interest, {run.id: run for run in runs})
        moving = fresh or any(run.state.is_active for run in runs)
        self._rest = self.pace.backlog if pending else (self.pace.live if moving else self.pace.idle)
        self._look_at_machine()
        self._polls += 1
        charted = {run_id: self._readers[run_id] for run_id in interest.charted if run_id in self._readers}
        return Snapshot(
            runs=runs,
            curves=MappingProxyType({run_id: reader.curves for run_id, reader in charted.items()}),
            trends=MappingProxyType(dict(self._trends)),
            damage=MappingProxyType({run_id: reader.damage for run_id, reader in charted.items() if reader.damage}),
            pending=pending,
            log=self._log(interest.log, runs),
            machine=self._machine,
            notices=self._store.notices,
            writable=self._store.writable,
            when=time.time(),
        )

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

    def _read(self, interest: Interest, runs: Mapping[str, Run]) -> tuple[int, bool]:
        """Read on in the event files of the wanted runs until the budget is spent: (runs left over, anything new)."""
        deadline = self._clock() + (self.pace.first_budget if self._polls == 1 else self.pace.budget)
        left, fresh = 0, False
        for run in self._wanted(interest, runs):
            if not self._is_due(run, whole=run.id in interest.charted):
                continue
            if self._clock() >= deadline or not self._polls:
                left += 1
                continue
            fresh |= self._advance(run)
            left += not self._readers[run.id].complete
        self._forget(interest, runs)
        return left, fresh

    def _wanted(self, interest: Interest, runs: Mapping[str, Run]) -> Iterator[Run]:
        """Charted runs, then listed ones, then the rest that is active; each once."""
        active = (run.id for run in runs.values() if run.state.is_active)
        for run_id in dict.fromkeys((*interest.charted, *interest.listed, *active)):
            if run_id in runs:
                yield runs[run_id]

    def _is_due(self, run: Run, *, whole: bool) -> bool:
        reader = self._readers.get(run.id)
        if reader is None:
            return whole or run.id not in self._trends or run.state.is_active
        return run.state.is_active or not reader.complete or self._states.get(run.id) != (run.state, run.modified)

    def _advance(self, run: Run) -> bool:
        if run.id not in self._readers:
            self._readers[run.id] = self._open(run.folder)
        reader = self._readers[run.id]
        fresh = reader.poll(READ_AT_ONCE)
        if fresh or run.id not in self._trends:
            self._trends[run.id] = trend(reader.curves)
        if reader.complete:
            self._states[run.id] = (run.state, run.modified)
        return fresh

    def _forget(self, interest: Interest, runs: Mapping[str, Run]) -> None:
        """Let go of readers that nobody needs, the longest unused first; the trends stay."""
        for run_id in self._readers.keys() - runs.keys():
            del self._readers[run_id]
            self._trends.pop(run_id, None)
        idle = [
            run_id
            for run_id, reader in self._readers.items()
            if run_id not in interest.charted and reader.complete and not runs[run_id].state.is_active
        ]
        for run_id in idle[: max(0, len(idle) - KEPT_WHOLE)]:
            del self._readers[run_id]

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
            self._machine_due = self._clock() + self.pace.machine


def _no_log(run: Run | None) -> str:
    if run is None:
        return "no run yet"
    return "another tool's run: it has no log here" if run.foreign else "not started yet"


def trend(curves: "Mapping[str, Curve]") -> Trend:
    """The curve that a list shows of a run: its live accuracy, else its first accuracy, else its first curve."""
    from labtui.console.trends import trend_of

    return trend_of(curves)


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

    thread = threading.Thread(target=work, name="monitor", daemon=True)
    thread.start()

    def end() -> None:
        over.set()
        monitor.hurry()
        thread.join(timeout=2.0)

    return end

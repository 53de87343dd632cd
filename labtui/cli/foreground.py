"""Runs in the foreground: started as device slots come free, followed through their folders, stopped on a signal.

A run is not a child of this process. Whatever happens here, from Ctrl-C to SIGKILL and a closed terminal, reaches a run
only as a request in its folder.
"""

import errno
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from labtui.api import Lab
from labtui.api.placement import Placement
from labtui.cli.display import Display
from labtui.cli.follow import Follower
from labtui.cli.interrupts import Interrupts
from labtui.cli.streams import ReaderGone
from labtui.errors import EXIT_HUNG_UP, EXIT_INTERRUPTED, EXIT_TERMINATED, LabError, MachineError, UsageError
from labtui.launch.daemonize import ExitWatcher
from labtui.launch.devices import Device
from labtui.launch.launcher import ForkServer
from labtui.launch.slots import Slot, Waiter, acquire_first
from labtui.launch.stop import StageTimeouts, kill, request_stop, terminate
from labtui.store.run import Run
from labtui.store.state import State

POLL = 0.15
"""Seconds between two polls of the folders."""

PATIENCE_TERMINATED = StageTimeouts().asked
"""Seconds that a SIGTERM waits for the runs to save; their stop request stays after that."""

PATIENCE_EXIT_RECORD = 5.0
"""Seconds that a run's supervisor has to record how its engine exited, once there is a result."""

PATIENCE_SLOT = 2.0
"""Seconds of waiting for a device before it is said: an engine takes a moment to give its slot back."""

PATIENCE_KILL = 3.0
"""Seconds between SIGTERM and SIGKILL for runs that are to end immediately."""

STOPPING = "Stopping: each run finishes its step and saves. Press Ctrl-C again to end them immediately."
ENDING = "Ending the runs now: progress since their last checkpoints is lost. `labtui resume RUN` continues from there."
WAITING = "Waiting for a free slot on {device} (in use by your other runs)"

BAD = frozenset({State.FAILED, State.DIVERGED, State.LOST})

Start = Callable[[Device, int, Slot], Run]
"""Starts a run on a device, with a number of threads, holding a slot."""


@dataclass(frozen=True, slots=True)
class PendingRun:
    """A run that is to be started: how, its name in messages, and how to queue it instead."""

    label: str
    start: Start
    enqueue: Callable[[], Run]
    threads: int | None = None
    """CPU threads, if not those of the placement."""


@dataclass(slots=True)
class RunOutcome:
    """The outcome of a command's runs."""

    runs: list[Run] = field(default_factory=list)
    """The runs in the order in which they ended; those that are still active come last."""
    errors: list[LabError] = field(default_factory=list)
    """Of runs that could not be started, or whose folder is gone."""
    signal_code: int = 0
    """The exit code that a signal asks for; 0 without one."""
    not_started: list[PendingRun] = field(default_factory=list)


class ForegroundRuns:
    """The runs of one command, from the first start to the last end."""

    def __init__(
        self,
        lab: Lab,
        placement: Placement,
        display: Display,
        interrupts: Interrupts,
        fork_server: ForkServer | None = None,
        *,
        fail_fast: bool = False,
    ) -> None:
        """The runs start from `fork_server`; the first start waits for it, and the last closes it.

        With `fail_fast`, no run is started after one has failed or diverged.
        """
        self._fail_fast = fail_fast
        self._lab = lab
        self._fork_server = fork_server
        self._ends = ExitWatcher()
        self._placement = placement
        self._line = Waiter()
        self._display = display
        self._interrupts = interrupts
        self._pending: deque[PendingRun] = deque()
        self._active: dict[str, tuple[Run, Follower]] = {}
        self._outcome = RunOutcome()
        self._said: set[str] = set()
        self._ended_at: dict[str, float] = {}
        self._asked_at = self._began_at = time.monotonic()

    def run_all(self, pending: Iterable[PendingRun]) -> RunOutcome:
        """Start and follow all runs; returns when all are over or a signal has asked to end.

        A pipe whose reader is gone, as behind `| head`, is a terminal that was closed.
        """
        self._pending.extend(pending)
        try:
            while self._pending or self._active:
                self._start_more()
                self._poll()
                if self._interrupts.any and self._handle_signals():
                    break
                self._ends.wait(POLL if self._active or self._pending else 0, *self._loading())
        except OSError as error:
            if error.errno != errno.EIO:  # the terminal is gone: its SIGHUP may come a moment later
                raise
            self._outcome.signal_code = EXIT_HUNG_UP
        except ReaderGone:
            self._outcome.signal_code = EXIT_HUNG_UP
        self._ends.close()
        self._line.close()
        self._outcome.runs += [run for run, _ in self._active.values()]
        self._outcome.not_started += self._pending
        return self._outcome

    def _start_more(self) -> None:
        if self._loading():
            return
        while self._pending and len(self._active) < self._placement.jobs and not self._interrupts.any:
            threads = self._pending[0].threads or self._placement.threads
            taken = self._free_slot(threads)
            if taken is None:
                if not self._active and time.monotonic() - self._began_at > PATIENCE_SLOT:
                    self._say_once(WAITING.format(device=self._placement.devices[0].name))
                return
            device, slot = taken
            with slot:
                self._start(self._pending.popleft(), device, threads, slot)
        if self._fork_server is not None and not self._pending:
            self._fork_server.close()

    def _loading(self) -> tuple[ForkServer, ...]:
        return (self._fork_server,) if self._fork_server is not None and self._fork_server.loading else ()

    def _free_slot(self, threads: int) -> tuple[Device, Slot] | None:
        placement = self._placement
        return acquire_first(placement.devices, threads, self._line, per_device=placement.per_device)

    def _start(self, pending: PendingRun, device: Device, threads: int, slot: Slot) -> None:
        try:
            run = pending.start(device, threads, slot)
        except LabError as error:
            self._outcome.errors.append(error)
            self._display.say(f"{pending.label} was not started: {str(error).removeprefix('Not started: ')}")
            if isinstance(error, MachineError):
                self._pending.clear()  # a full disk or a broken Python would stop the next run too
            return
        self._active[run.id] = run, Follower.of(run)
        if run.launch is not None and run.launch.parent is not None:
            self._ends.watch(run.launch.parent.pid)
        self._display.started(run)

    def _poll(self) -> None:
        for run_id, (last, follower) in list(self._active.items()):
            run = self._reread(last)
            if run is None:
                continue
            self._active[run_id] = run, follower
            self._display.updated(follower.update(run))
            if self._is_over(run):
                del self._active[run_id]
                self._outcome.runs.append(run)
                self._display.ended(run)
                if self._fail_fast and run.state in BAD:
                    self._outcome.not_started += self._pending
                    self._pending.clear()

    def _reread(self, last: Run) -> Run | None:
        """The run as it is now; None, and no longer followed, where its folder is gone."""
        try:
            return self._lab.store.get(last.id)
        except UsageError as error:
            del self._active[last.id]
            self._display.ended(last)
            self._display.say(f"{last.id} was moved or removed while it was running.")
            self._outcome.errors.append(LabError(error.message))
            return None

    def _is_over(self, run: Run) -> bool:
        """Whether the run and its processes are over: its supervisor has recorded the exit, or is gone for good."""
        if not run.state.is_over:
            return False
        ended_at = self._ended_at.setdefault(run.id, time.monotonic())
        return run.exit is not None or run.state is State.LOST or time.monotonic() - ended_at > PATIENCE_EXIT_RECORD

    def _handle_signals(self) -> bool:
        """Act on a signal; whether this process is to end now."""
        if self._interrupts.hung_up:
            self._outcome.signal_code = EXIT_HUNG_UP
            return True
        self._outcome.signal_code = EXIT_TERMINATED if self._interrupts.terminated else EXIT_INTERRUPTED
        if self._interrupts.interrupts > 1:
            self._end_now()
            return True
        return self._ask_to_stop()

    def _ask_to_stop(self) -> bool:
        if "asked" not in self._said:
            self._said.add("asked")
            self._asked_at = time.monotonic()
            if self._active:
                self._display.say(STOPPING)
            self._for_all(lambda run: request_stop(run, by="labtui run"))
        out_of_patience = self._interrupts.terminated and time.monotonic() - self._asked_at > PATIENCE_TERMINATED
        return not self._active or out_of_patience

    def _end_now(self) -> None:
        self._display.say(ENDING)
        for stage in (terminate, kill):
            self._for_all(stage)
            deadline = time.monotonic() + PATIENCE_KILL
            while self._active and time.monotonic() < deadline and self._interrupts.interrupts < 3:
                time.sleep(POLL)
                self._poll()

    def _for_all(self, action: Callable[[Run], object]) -> None:
        """Apply an action to every active run; an error of one is shown and does not keep it from the others."""
        for run, _ in self._active.values():
            try:
                action(run)
            except LabError as error:
                self._display.say(str(error))

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._display.say(text)

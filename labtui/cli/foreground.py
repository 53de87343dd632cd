"""Runs in the foreground: started as places come free, followed through their folders, ended as signals ask.

Each run is a child of nobody. What happens to this process, from Ctrl-C to SIGKILL and a closed terminal, reaches a run
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
from labtui.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, EnvironmentFault, LabError, UsageError
from labtui.launch.daemonize import Ends
from labtui.launch.devices import Device
from labtui.launch.launcher import Warm
from labtui.launch.slots import Line, Slot, first_free
from labtui.launch.stop import kill, request_stop, terminate
from labtui.store.run import Run
from labtui.store.state import State

POLL = 0.15
"""Seconds between two looks at the folders."""

PATIENCE_TERMINATED = 20.0
"""Seconds that a SIGTERM waits for runs to save; their request to stop stands also after that."""

PATIENCE_PARENT = 5.0
"""Seconds that a run's parent has to write how its engine ended, once there is a result."""

PATIENCE_PLACE = 2.0
"""Seconds of waiting for a device before it is said: an engine takes a moment to give its place back."""

PATIENCE_NOW = 3.0
"""Seconds between SIGTERM and SIGKILL for runs that are to end now."""

EXIT_HUNG_UP = 129

STOPPING = "Stopping: each run finishes its step and saves. Ctrl-C again ends them at once."
NOW = "Ending the runs now: what came after each one's last checkpoint is lost. `labtui resume RUN` goes on from there."
WAITING = "Waiting for a free place on {device}: other runs of yours hold it, of this or another runs folder."

Start = Callable[[Device, int, Slot], Run]


@dataclass(frozen=True, slots=True)
class Job:
    """Something to start: how, what to call it where that fails, and how to leave it to the queue instead."""

    label: str
    start: Start
    enqueue: Callable[[], Run]


@dataclass(slots=True)
class Outcome:
    """What came of it all."""

    runs: list[Run] = field(default_factory=list)
    """As they ended, in the order in which they did; those still going come last."""
    faults: list[LabError] = field(default_factory=list)
    """Of jobs that could not be started."""
    signal_code: int = 0
    left: list[Job] = field(default_factory=list)
    """Jobs that were not started any more."""


class Foreground:
    """One command's runs, from the first start to the last end."""

    def __init__(
        self, lab: Lab, places: Placement, display: Display, interrupts: Interrupts, warm: Warm | None = None
    ) -> None:
        """`warm`, which the jobs start from, is waited for before the first start and closed after the last."""
        self._lab = lab
        self._warm = warm
        self._ends = Ends()
        self._places = places
        self._line = Line()
        self._display = display
        self._signals = interrupts
        self._waiting: deque[Job] = deque()
        self._live: dict[str, tuple[Run, Follower]] = {}
        self._outcome = Outcome()
        self._said: set[str] = set()
        self._ended_at: dict[str, float] = {}
        self._asked_at = self._started_at = time.monotonic()

    def see_through(self, jobs: Iterable[Job]) -> Outcome:
        """Start and follow all jobs; returns when all are over or a signal has asked to leave."""
        self._waiting.extend(jobs)
        try:
            while self._waiting or self._live:
                self._start_more()
                self._look()
                if self._signals.any and self._leave():
                    break
                self._ends.wait(POLL if self._live or self._waiting else 0, *self._loading())
        except OSError as fault:
            if fault.errno != errno.EIO:  # the terminal is gone: the hang-up itself may come a moment later
                raise
            self._outcome.signal_code = EXIT_HUNG_UP
        self._ends.close()
        self._line.close()
        self._outcome.runs += [run for run, _ in self._live.values()]
        self._outcome.left = list(self._waiting)
        return self._outcome

    def _start_more(self) -> None:
        if self._loading():
            return
        while self._waiting and len(self._live) < self._places.jobs and not self._signals.any:
            taken = self._free_place()
            if taken is None:
                if not self._live and time.monotonic() - self._started_at > PATIENCE_PLACE:
                    self._say_once(WAITING.format(device=self._places.devices[0].name))
                return
            device, slot = taken
            with slot:
                self._start(self._waiting.popleft(), device, slot)
        if self._warm is not None and not self._waiting:
            self._warm.close()

    def _loading(self) -> tuple[Warm, ...]:
        return (self._warm,) if self._warm is not None and self._warm.loading else ()

    def _free_place(self) -> tuple[Device, Slot] | None:
        places = self._places
        return first_free(places.devices, places.threads, self._line, per_device=places.per_device)

    def _start(self, job: Job, device: Device, slot: Slot) -> None:
        try:
            run = job.start(device, self._places.threads, slot)
        except LabError as fault:
            self._outcome.faults.append(fault)
            self._display.say(f"{job.label} was not started: {str(fault).removeprefix('Not started: ')}")
            if isinstance(fault, EnvironmentFault):
                self._waiting.clear()  # a full disk or a broken Python meets the next one too
            return
        self._live[run.id] = run, Follower.of(run)
        if run.launch is not None and run.launch.parent is not None:
            self._ends.watch(run.launch.parent.pid)
        self._display.started(run)

    def _look(self) -> None:
        for run_id, (last, follower) in list(self._live.items()):
            run = self._seen_now(last)
            if run is None:
                continue
            self._live[run_id] = run, follower
            self._display.seen(follower.look(run))
            if self._is_over(run):
                del self._live[run_id]
                self._outcome.runs.append(run)
                self._display.ended(run)

    def _seen_now(self, last: Run) -> Run | None:
        """The run as it stands; None, and no longer ours to follow, where somebody has taken its folder away."""
        try:
            return self._lab.store.get(last.id)
        except UsageError as fault:
            del self._live[last.id]
            self._display.ended(last)
            self._display.say(f"{last.id} was moved or removed while it ran.")
            self._outcome.faults.append(LabError(fault.message))
            return None

    def _is_over(self, run: Run) -> bool:
        """Over, and its processes too: its parent has written how the engine ended, or is gone for good."""
        if not run.state.is_over:
            return False
        ended_at = self._ended_at.setdefault(run.id, time.monotonic())
        return run.exit is not None or run.state is State.LOST or time.monotonic() - ended_at > PATIENCE_PARENT

    def _leave(self) -> bool:
        """Act on a signal; whether this process is to end now."""
        if self._signals.hung_up:
            self._outcome.signal_code = EXIT_HUNG_UP
            return True
        self._outcome.signal_code = EXIT_TERMINATED if self._signals.terminated else EXIT_INTERRUPTED
        if self._signals.interrupts > 1:
            self._end_now()
            return True
        return self._ask_to_stop()

    def _ask_to_stop(self) -> bool:
        if "asked" not in self._said:
            self._said.add("asked")
            self._asked_at = time.monotonic()
            if self._live:
                self._display.say(STOPPING)
            self._for_all(lambda run: request_stop(run, by="labtui run"))
        out_of_patience = self._signals.terminated and time.monotonic() - self._asked_at > PATIENCE_TERMINATED
        return not self._live or out_of_patience

    def _end_now(self) -> None:
        self._display.say(NOW)
        for stage in (terminate, kill):
            self._for_all(stage)
            deadline = time.monotonic() + PATIENCE_NOW
            while self._live and time.monotonic() < deadline and self._signals.interrupts < 3:
                time.sleep(POLL)
                self._look()

    def _for_all(self, act: Callable[[Run], object]) -> None:
        """Do it to every live run; what fails for one is said and keeps nobody else from hearing it."""
        for run, _ in self._live.values():
            try:
                act(run)
            except LabError as fault:
                self._display.say(str(fault))

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._display.say(text)

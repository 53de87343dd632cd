"""Stop a run in stages: a request, SIGTERM, SIGKILL, each with its own timeout.

`next_step` decides, purely; the other functions act, on the attempt of the given snapshot and never on a later one. No
process gets a signal only because a file names it: it must be on this machine, in this boot, with the recorded start
time, and belong to this user.
"""

import errno
import math
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

import msgspec

from labtui.errors import LabError, UsageError
from labtui.spec import ProgramSpec
from labtui.store.files import read_json_or_none, write_new
from labtui.store.lock import probe
from labtui.store.observer import is_here, is_reachable, launched_in, liveness
from labtui.store.paths import AttemptPaths
from labtui.store.process import alive
from labtui.store.records import Launch, ProcessId, StopRequest
from labtui.store.run import Run
from labtui.store.safe_paths import machine_error

_POLL = 0.1
_MAX_PID = 2**31 - 1

OPEN_ITS_FOLDER = "Open the folder that it lies in: `labtui --runs DIR`."
"""What to do about a run behind a link."""


class Stage(IntEnum):
    """How far the stopping of a run has progressed."""

    NOTHING = 0
    ASKED = 1
    TERMINATED = 2
    KILLED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimeouts:
    """Seconds to wait after each stage."""

    asked: float = 20.0
    """A step takes much less than a second; a pass over the test set and a checkpoint on a slow disk take longer."""
    terminated: float = 10.0
    killed: float = 5.0

    def after(self, stage: Stage) -> float:
        """Seconds to wait after `stage`."""
        return (0.0, self.asked, self.terminated, self.killed)[stage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do now, if anything, and for how long nothing else is due."""

    act: Stage | None
    wait: float
    """Seconds; infinite if nothing more can be done."""
    text: str
    """For users: how far the stopping has progressed."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Whether a request or a signal was delivered, and a message about it for users."""

    sent: bool
    text: str


_SIGNALS = {Stage.TERMINATED: "SIGTERM", Stage.KILLED: "SIGKILL"}
_COUNTDOWN = {
    Stage.ASKED: "asked to finish the step and save; SIGTERM in {}s",
    Stage.TERMINATED: "SIGTERM sent; SIGKILL in {}s",
    Stage.KILLED: "SIGKILL sent; waiting {}s",
}


def timeouts_of(run: Run) -> StageTimeouts:
    """How long each stage lasts for a run: a program has the time to save that its catalog gives it."""
    if not isinstance(run.spec, ProgramSpec):
        return StageTimeouts()
    return StageTimeouts(asked=run.spec.stop.patience + StageTimeouts().killed)


def next_step(
    done: Stage, since: float, *, ended: bool, here: bool = True, timeouts: StageTimeouts | None = None
) -> Step:
    """What to do `since` seconds after stage `done`. Pure: the console and the command line both use it."""
    if ended:
        return Step(act=None, wait=math.inf, text="it has ended")
    if done is Stage.NOTHING:
        return Step(act=Stage.ASKED, wait=0.0, text="asking it to finish the step and save")
    if not here:
        text = "asked; it runs on another machine or in a container that signals from here do not reach"
        return Step(act=None, wait=math.inf, text=text)
    left = (timeouts or StageTimeouts()).after(done) - since
    if left > 0:
        return Step(act=None, wait=left, text=_COUNTDOWN[done].format(math.ceil(left)))
    if done is Stage.KILLED:
        return Step(
            act=None, wait=math.inf, text="SIGKILL sent, but the process has not exited: it may be waiting for disk I/O"
        )
    following = Stage(done + 1)
    return Step(act=following, wait=0.0, text=f"sending {_SIGNALS[following]}")


def stop(
    run: Run,
    by: str,
    *,
    report: Callable[[str], None],
    timeouts: StageTimeouts | None = None,
    until: Stage = Stage.KILLED,
) -> bool:
    """Stop a run, stage by stage up to `until`, and return whether it has ended.

    `report` is called once per stage, with what follows and when, and at the end. Raises what `request_stop` raises.
    """
    waits = timeouts or timeouts_of(run)
    done, began, here = Stage.NOTHING, time.monotonic(), runs_here(run)

    def due() -> Step:
        return next_step(done, time.monotonic() - began, ended=has_ended(run), here=here, timeouts=waits)

    while (step := due()).act is not None and step.act <= until:
        sent = carry_out(run, step.act, by)
        done, began = step.act, time.monotonic()
        if not sent.sent or done is until or not here:
            report(sent.text)
        if done < until and here:
            report(next_step(done, 0.0, ended=False, timeouts=waits).text)
        while (step := due()).act is None and not math.isinf(step.wait):
            time.sleep(min(_POLL, step.wait))
    if step.act is None:
        report(step.text)
    return has_ended(run)


def carry_out(run: Run, stage: Stage, by: str) -> Sent:
    """Carry out one stage."""
    if stage is Stage.ASKED:
        return request_stop(run, by)
    return terminate(run) if stage is Stage.TERMINATED else kill(run)


def request_stop(run: Run, by: str) -> Sent:
    """Ask the engine to finish its step, save and exit. The first request stays; asking again changes nothing.

    Works from any machine that sees the folder. Raises LabError if the run has not started or cannot be written.
    """
    if run.behind_link:
        raise UsageError(f"{run.id} cannot be stopped from here: {run.behind_link}.", advice=OPEN_ITS_FOLDER)
    attempt = _attempt(run)
    request = msgspec.json.encode(StopRequest(by=by, when=time.time()))
    try:
        attempt.stop_request.parent.mkdir(exist_ok=True)
        first = write_new(attempt.stop_request, request)
    except OSError as error:
        raise machine_error(error, f"{run.id} could not be asked to stop", attempt.folder) from error
    return Sent(first, "asked to finish the step and save" if first else "a stop was already requested")


def terminate(run: Run) -> Sent:
    """Send SIGTERM to the engine, which saves and exits; to its supervisor while there is no engine yet."""
    target = _target(run)
    if isinstance(target, Sent):
        return target
    return _sent(target.terminate(), "SIGTERM")


def kill(run: Run) -> Sent:
    """Send SIGKILL to the engine and all that it started. What it saved before remains valid."""
    target = _target(run)
    if isinstance(target, Sent):
        return target
    return _sent(target.kill(), "SIGKILL")


def runs_here(run: Run) -> bool:
    """Whether signals can reach the run. True if unknown, because sending checks again."""
    launch = _launch(run)
    return launch is None or is_reachable(launch)


def has_ended(run: Run) -> bool:
    """Whether no process of the attempt is running any more."""
    attempt = _attempt(run)
    if os.path.lexists(attempt.exit):
        return True
    launch = _launch(run)
    lock = probe(run.paths.lock)
    if launch is None:
        return lock == "free"
    if launched_in(run.paths, launch) is False:
        return True
    if not is_here(launch) or lock == "held":
        return False
    return "alive" not in (liveness(launch.engine, launch), liveness(launch.parent, launch))


@dataclass(slots=True)
class SignalTarget:
    """A process of this machine and of this user, verified.

    On Linux, signals go through a descriptor of the process that is opened before its identity is checked: if the
    process exits in between and its pid is reused, the descriptor still refers to the old one.
    """

    pid: int
    descriptor: int | None
    """None if the system has no descriptors of processes."""

    @classmethod
    def verified(cls, process: ProcessId, boot: str) -> Self | None:
        """The process; None unless it is running, is the very one that was recorded, and belongs to this user."""
        if not 1 < process.pid <= _MAX_PID or process.pid == os.getpid():
            return None
        try:
            target = cls(process.pid, _open_process(process.pid))
        except OSError:
            return None
        if alive(process, boot) and _is_own(process.pid):
            return target
        target.close()
        return None

    def terminate(self) -> bool:
        """Send SIGTERM to the process alone: it saves, and ends what it started. Return whether it was running."""
        return self._send_and_close(signal.SIGTERM)

    def kill(self) -> bool:
        """Send SIGKILL to the process and, if it leads one, to its group. Return whether it was running."""
        # A stopped process does not exit by itself, so its group's number stays its own until the next line.
        stopped = self._leads_a_group() and self._send(signal.SIGSTOP)
        if stopped:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        # Its supervisor may have reaped it by now, and then the second signal does not reach it.
        return self._send_and_close(signal.SIGKILL) or stopped

    def close(self) -> None:
        """Close the descriptor."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def _leads_a_group(self) -> bool:
        try:
            return os.getpgid(self.pid) == self.pid
        except OSError:
            return False

    def _send_and_close(self, number: signal.Signals) -> bool:
        try:
            return self._send(number)
        finally:
            self.close()

    def _send(self, number: signal.Signals) -> bool:
        try:
            if self.descriptor is not None:
                signal.pidfd_send_signal(self.descriptor, number)
            else:
                os.kill(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def _attempt(run: Run) -> AttemptPaths:
    if not run.attempt:
        raise LabError(f"{run.id} has not started.", advice="Remove it from the queue: `labtui queue rm`.")
    return run.paths.attempt(run.attempt)


def _launch(run: Run) -> Launch | None:
    """As it is now: the snapshot may have been taken before the engine had a pid."""
    return read_json_or_none(_attempt(run).launch, Launch)


def _target(run: Run) -> SignalTarget | Sent:
    """The process to signal, or why there is none."""
    if run.behind_link:
        return Sent(False, f"{run.behind_link}; no signal was sent")
    launch = _launch(run)
    if launch is None:
        return Sent(False, "its process is unknown; no signal was sent")
    if not is_reachable(launch):
        return Sent(False, f"it runs on {launch.host}: only the request reaches it from here")
    if not launched_in(run.paths, launch):
        return Sent(False, "its processes may work in another folder; no signal was sent")
    for process in (launch.engine, None if launch.engine else launch.parent):
        if process is not None and (target := SignalTarget.verified(process, launch.boot_id)):
            return target
    return Sent(False, "it has no running process owned by you; no signal was sent")


def _sent(reached: bool, name: str) -> Sent:
    return Sent(reached, f"{name} sent" if reached else "it ended before a signal could be sent")


def _open_process(pid: int) -> int | None:
    """A descriptor of the process; None if the system has none. Raises ProcessLookupError."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EPERM, errno.EINVAL):
            return None
        raise


def _is_own(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}").stat().st_uid == os.geteuid()
    except OSError:
        import psutil  # deferred: only needed without /proc

        try:
            return bool(psutil.Process(pid).uids().effective == os.geteuid())
        except psutil.Error:
            return False

"""The state of a run, derived: nobody stores it, so nobody can leave a wrong one behind.

`derive` is pure; docs/states.md holds its truth table, and a test compares the two in every combination.
"""

import signal
from dataclasses import dataclass
from enum import StrEnum

from labtui.store.lock import LockState
from labtui.store.process import Liveness
from labtui.store.records import Beat, Exit, Launch, Result

STALLED_HERE = 10.0
"""Seconds without a new beat after which an engine of this machine counts as stalled."""

STALLED_ELSEWHERE = 30.0
"""The same for an engine of another machine, whose files may reach us late."""

FIRST_BEAT = 60.0
"""Seconds that an engine of this machine has until its first beat: it imports torch first."""

LIVE = 30.0
"""Seconds after its last growth for which a foreign run counts as live."""


class State(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STALLED = "stalled"
    FINISHED = "finished"
    STOPPED = "stopped"
    DIVERGED = "diverged"
    FAILED = "failed"
    LOST = "lost"
    LIVE = "live"
    """A foreign run whose event file is growing."""
    QUIET = "quiet"
    """A foreign run whose event file is not."""

    @property
    def is_active(self) -> bool:
        """Whether an engine is, or may be, at work in the folder."""
        return self in _ACTIVE

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens unless somebody starts it again."""
        return self in _OVER


_ACTIVE = frozenset({State.STARTING, State.RUNNING, State.STALLED, State.LIVE})
_OVER = frozenset({State.FINISHED, State.STOPPED, State.DIVERGED, State.FAILED, State.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an observer sees of a run; everything is about its highest attempt."""

    foreign: bool = False
    """Made by another tool: event files without a spec.json."""
    spec_damage: str = ""
    attempt: int = 0
    """0 where none was claimed."""
    launch: Launch | None = None
    here: bool = True
    """Launched on this machine."""
    restarted: bool = False
    """This machine has been restarted since the launch."""
    lock: LockState = "free"
    parent: Liveness = "unknown"
    engine: Liveness = "unknown"
    beat: Beat | None = None
    """None where there is none of this attempt."""
    silence: float = 0.0
    """Seconds, by the observer's own monotonic clock, since it last saw the beat's counter (or, of a foreign run, the
    event files) change, or since it first looked."""
    moved: bool = False
    """Whether the observer itself has seen such a change."""
    exit: Exit | None = None
    result: Result | None = None
    """None where there is none of this attempt."""
    stop_requested: bool = False
    waits: bool = False
    """An entry of the queue is to start the next attempt."""
    set_aside: str = ""
    """Why such an entry could not be started; empty where none was set aside."""


Verdict = tuple[State, str]

_EXIT_CODES: dict[int | None, str] = {
    2: "the engine cannot run this spec: see the log",
    3: "data, device, disk or a package was in the way: see the log",
}


def derive(facts: Facts) -> Verdict:
    """The state, and a reason for people where the state alone does not say it. Pure."""
    if facts.foreign:
        return (State.LIVE if facts.moved and facts.silence < LIVE else State.QUIET), ""
    if not facts.attempt:
        return _not_started(facts)
    state, reason = _started(facts)
    return state, "; ".join(part for part in (reason, _next_attempt(facts)) if part)


def _not_started(facts: Facts) -> Verdict:
    if facts.spec_damage:
        return State.FAILED, facts.spec_damage
    if facts.waits:
        return State.QUEUED, ""
    if facts.set_aside:
        return State.FAILED, f"could not be started (`labtui queue retry` tries again): {facts.set_aside}"
    return State.QUEUED, "nothing starts it: it is not in the queue (`labtui resume RUN -d` puts it there)"


def _next_attempt(facts: Facts) -> str:
    if facts.waits:
        return "waits in the queue to go on"
    return f"could not go on (`labtui queue retry` tries again): {facts.set_aside}" if facts.set_aside else ""


def _started(facts: Facts) -> Verdict:
    if facts.result:
        return State(facts.result.outcome), facts.result.reason
    if facts.exit:
        return _ended(facts.exit, stop_requested=facts.stop_requested)
    if facts.restarted and _parent_gone(facts) and not facts.moved:
        return State.LOST, "the machine was restarted"
    if facts.restarted or not facts.here:
        return _elsewhere(facts)
    return _orphaned(facts) if _parent_gone(facts) else _watched(facts)


def _ended(ended: Exit, *, stop_requested: bool) -> Verdict:
    """The engine's process has ended and the parent wrote how, but the engine left no result."""
    if ended.signal is None:
        why = _EXIT_CODES.get(ended.code, "the engine ended without a result")
        return State.FAILED, f"{why} (exit code {ended.code})"
    name = signal_name(ended.signal)
    if stop_requested and ended.signal in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        return State.STOPPED, f"ended by {name} after a request to stop"
    hint = ", perhaps out of memory" if ended.signal == signal.SIGKILL else ""
    return State.FAILED, f"the engine was killed by {name}{hint}"


def _elsewhere(facts: Facts) -> Verdict:
    """Launched on another machine (or one of the same name): neither a lock nor a pid seen from here says enough."""
    where = facts.launch.host if facts.launch else "another machine"
    if facts.silence >= (STALLED_ELSEWHERE if facts.beat else FIRST_BEAT):
        return State.STALLED, f"no sign of life from {where} for {facts.silence:.0f} s"
    return _phase(facts), ("" if facts.moved else f"on {where}, not yet seen to move")


def _parent_gone(facts: Facts) -> bool:
    """Whether the small parent, which holds the lock for its whole life, has ended.

    Its pid is asked as well: some disks grant every lock to everybody, others have none.
    """
    if facts.lock == "held" or facts.parent == "alive":
        return False
    return facts.lock == "free" or facts.parent == "gone"


def _orphaned(facts: Facts) -> Verdict:
    if facts.engine == "alive" or (facts.engine == "unknown" and facts.moved and facts.silence < STALLED_HERE):
        if facts.silence >= STALLED_HERE:
            return State.STALLED, f"its launcher is gone and the engine gives no sign of life for {facts.silence:.0f} s"
        return _phase(facts), "its launcher is gone: the engine saves and ends"
    if facts.launch is None and facts.silence < STALLED_HERE:
        # On a shared disk launch.json, written right after the claim, may reach us late.
        return State.STARTING, "claimed, not launched yet"
    if facts.launch is None or facts.launch.engine is None:
        return State.LOST, "its launcher was killed before the engine had started"
    return State.LOST, "the engine and its launcher were killed"


def _watched(facts: Facts) -> Verdict:
    """The parent lives, or nothing says that it does not."""
    if facts.silence < (STALLED_HERE if facts.beat else FIRST_BEAT):
        return _phase(facts), ("the engine has ended" if facts.engine == "gone" else "")
    if facts.engine == "gone":
        return State.STALLED, "the engine has ended and its launcher does not answer"
    return State.STALLED, f"no sign of life for {facts.silence:.0f} s: busy, or stopped by a signal"


def _phase(facts: Facts) -> State:
    """Starting until the first beat that says more."""
    started = facts.beat is not None and facts.beat.phase not in ("starting", "loading")
    return State.RUNNING if started else State.STARTING


def signal_name(number: int) -> str:
    """`SIGKILL` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

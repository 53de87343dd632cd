"""The state of a run, derived from its files: it is not stored, so a crash cannot leave a wrong one behind.

`derive` is pure. docs/states.md contains its truth table, and a test compares the two in every combination.
"""

import signal
from dataclasses import dataclass
from enum import StrEnum

from labtui.store.lock import LockState
from labtui.store.process import Liveness
from labtui.store.records import Beat, Exit, Launch, Result
from labtui.text.durations import duration

STALLED_HERE = 10.0
"""Seconds without a new heartbeat after which an engine on this machine counts as stalled."""

STALLED_ELSEWHERE = 30.0
"""The same for an engine on another machine, whose files may arrive late."""

FIRST_BEAT = 60.0
"""Seconds that an engine has until its first heartbeat: it imports torch first."""

LIVE = 30.0
"""Seconds for which a foreign run counts as live after its event files last grew."""


class State(StrEnum):
    """The state of a run."""

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
    """A foreign run whose event files are growing."""
    QUIET = "quiet"
    """A foreign run whose event files are not."""

    @property
    def is_active(self) -> bool:
        """Whether an engine is, or may be, running in the folder."""
        return self in _ACTIVE

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens unless the run is started again."""
        return self in _OVER


_ACTIVE = frozenset({State.STARTING, State.RUNNING, State.STALLED, State.LIVE})
_OVER = frozenset({State.FINISHED, State.STOPPED, State.DIVERGED, State.FAILED, State.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an observer sees of a run. Everything is about its highest attempt."""

    foreign: bool = False
    """Made by another tool: event files without a spec.json."""
    spec_damage: str = ""
    attempt: int = 0
    """0 if none was claimed."""
    launch: Launch | None = None
    here: bool = True
    """Launched on this machine."""
    restarted: bool = False
    """This machine has been restarted since the launch."""
    copied: bool = False
    """The folder is a copy: the processes that it names work in another one."""
    lock: LockState = "free"
    parent: Liveness = "unknown"
    engine: Liveness = "unknown"
    beat: Beat | None = None
    """None if there is none of this attempt."""
    silence: float = 0.0
    """Seconds, by the observer's own monotonic clock, since it last saw the heartbeat's counter (or, of a foreign run,
    the event files) change, or since it first looked."""
    moved: bool = False
    """Whether the observer itself has seen such a change."""
    exit: Exit | None = None
    result: Result | None = None
    """None if there is none of this attempt."""
    stop_requested: bool = False
    queued: bool = False
    """An entry of the queue waits to start the next attempt."""
    set_aside: str = ""
    """Why such an entry could not be started; empty if none was set aside."""


StateAndReason = tuple[State, str]

_EXIT_CODES: dict[int | None, str] = {
    2: "the engine cannot run this spec: see the log",
    3: "a problem with data, device, disk or a package: see the log",
}


def derive(facts: Facts) -> StateAndReason:
    """The state, and a reason for people if the state alone does not say enough. Pure."""
    if facts.foreign:
        return (State.LIVE if facts.moved and facts.silence < LIVE else State.QUIET), ""
    if not facts.attempt:
        return _not_started(facts)
    state, reason = _started(facts)
    return state, "; ".join(part for part in (reason, _next_attempt(facts)) if part)


def _not_started(facts: Facts) -> StateAndReason:
    if facts.spec_damage:
        return State.FAILED, facts.spec_damage
    if facts.queued:
        return State.QUEUED, ""
    if facts.set_aside:
        return State.FAILED, f"could not be started (`labtui queue retry` tries again): {facts.set_aside}"
    return State.QUEUED, "not queued (`labtui resume RUN -d` queues it)"


def _next_attempt(facts: Facts) -> str:
    if facts.queued:
        return "queued to resume"
    return f"could not be resumed (`labtui queue retry` tries again): {facts.set_aside}" if facts.set_aside else ""


def _started(facts: Facts) -> StateAndReason:
    if facts.result:
        return State(facts.result.outcome), facts.result.reason
    if facts.exit:
        return _ended(facts.exit, stop_requested=facts.stop_requested)
    if facts.copied:
        return State.LOST, "this folder is a copy, made before the run ended"
    if facts.restarted and _supervisor_gone(facts) and not facts.moved:
        return State.LOST, "the machine was restarted"
    if facts.restarted or not facts.here:
        return _elsewhere(facts)
    return _orphaned(facts) if _supervisor_gone(facts) else _supervised(facts)


def _ended(ended: Exit, *, stop_requested: bool) -> StateAndReason:
    """The supervisor recorded the engine's exit, but the engine left no result."""
    if ended.signal is None:
        why = _EXIT_CODES.get(ended.code, "the engine exited without a result")
        return State.FAILED, f"{why} (exit code {ended.code})"
    name = signal_name(ended.signal)
    if stop_requested and ended.signal in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        return State.STOPPED, f"stopped by {name} after a request to stop"
    hint = ", perhaps because memory ran out" if ended.signal == signal.SIGKILL else ""
    return State.FAILED, f"the engine was killed by {name}{hint}"


def _elsewhere(facts: Facts) -> StateAndReason:
    """Launched on another machine (or one of the same name): neither its lock nor its pids can be trusted from here."""
    where = facts.launch.host if facts.launch else "another machine"
    if facts.silence >= (STALLED_ELSEWHERE if facts.beat else FIRST_BEAT):
        return State.STALLED, f"no heartbeat from {where} for {duration(facts.silence)}"
    return _phase(facts), ("" if facts.moved else f"on {where}, no progress seen yet")


def _supervisor_gone(facts: Facts) -> bool:
    """Whether the supervisor, which holds the lock for its whole life, has exited.

    Its pid is checked as well: some disks grant every lock to everybody, others have no locks.
    """
    if facts.lock == "held" or facts.parent == "alive":
        return False
    return facts.lock == "free" or facts.parent == "gone"


def _orphaned(facts: Facts) -> StateAndReason:
    if facts.engine == "alive" or (facts.engine == "unknown" and facts.moved and facts.silence < STALLED_HERE):
        if facts.silence >= STALLED_HERE:
            silence = duration(facts.silence)
            return State.STALLED, f"its supervisor has exited; no heartbeat from the engine for {silence}"
        return _phase(facts), "its supervisor has exited: the engine saves and stops"
    if facts.launch is None and facts.silence < STALLED_HERE:
        # On a shared disk launch.json, written right after the claim, may arrive late.
        return State.STARTING, "claimed, not launched yet"
    if facts.launch is None or facts.launch.engine is None:
        return State.LOST, "its supervisor was killed before the engine started"
    return State.LOST, "the engine and its supervisor were killed"


def _supervised(facts: Facts) -> StateAndReason:
    """The supervisor is running, or nothing says that it is not."""
    if facts.silence < (STALLED_HERE if facts.beat else FIRST_BEAT):
        return _phase(facts), ("the engine has exited" if facts.engine == "gone" else "")
    if facts.engine == "gone":
        return State.STALLED, "the engine has exited and its supervisor does not respond"
    return State.STALLED, f"no heartbeat for {duration(facts.silence)}: busy or suspended"


def _phase(facts: Facts) -> State:
    """Starting, until a heartbeat says that the engine trains."""
    started = facts.beat is not None and facts.beat.phase not in ("starting", "loading")
    return State.RUNNING if started else State.STARTING


def signal_name(number: int) -> str:
    """`SIGKILL` for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

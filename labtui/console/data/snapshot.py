"""What a poll returns and screens show: frozen values, complete each time, so that one may be dropped or merged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from labtui.console.data.plans import PlanProgress
from labtui.store.run import Run

if TYPE_CHECKING:  # numpy and the launchers come after the first frame
    from numpy import float32
    from numpy.typing import NDArray

    from labtui.launch.devices import Device
    from labtui.store.curve import Curve


@dataclass(frozen=True, slots=True)
class Interest:
    """What the screen needs to be read, the most urgent first."""

    charted: tuple[str, ...] = ()
    """Ids of runs whose whole curves are shown."""
    listed: tuple[str, ...] = ()
    """Ids of runs visible in a list, which need a trend."""
    log: str | None = None
    """Id of the run whose log is shown."""


@dataclass(frozen=True, slots=True)
class Log:
    """The tail of a log."""

    run_id: str = ""
    lines: tuple[str, ...] = ()
    first: int = 0
    """The number of the first line, from 0: lines no longer in memory count."""
    note: str = ""
    """Why there are no lines, if so."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The load of this machine."""

    cpu: float | None = None
    """Percent over all cores."""
    memory_used: int = 0
    """Bytes."""
    memory_total: int = 0
    devices: "tuple[Device, ...]" = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Trend:
    """A run's accuracy (or a foreign run's first curve) in at most 64 values, for a sparkline."""

    tag: str
    values: "NDArray[float32]"
    last: float
    count: int
    """Points of the whole curve."""
    is_accuracy: bool
    step: int = 0
    """Of the last value."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """One poll of runs folder, curves, log and machine."""

    runs: tuple[Run, ...] = ()
    """Newest first."""
    curves: "Mapping[str, Mapping[str, Curve]]" = field(default_factory=lambda: MappingProxyType({}))
    """By run id and tag, of the charted runs of the interest."""
    trends: Mapping[str, Trend] = field(default_factory=lambda: MappingProxyType({}))
    """By run id, as far as they were read."""
    pending: int = 0
    """Runs of the interest whose event files are not yet read to their end."""
    log: Log = field(default_factory=Log)
    machine: Machine = field(default_factory=Machine)
    notices: tuple[str, ...] = ()
    plans: tuple[PlanProgress, ...] = ()
    """Plans of comparisons, oldest first."""
    writable: bool = True
    queue_paused: bool = False
    when: float = 0.0
    """Seconds since the epoch."""

    def shows_the_same(self, other: "Snapshot") -> bool:
        """Whether nothing that a screen shows differs. Costs microseconds if so."""
        return (
            (self.log is other.log or self.log == other.log)
            and self.machine == other.machine
            and self.has_same_runs(other)
        )

    def has_same_runs(self, other: "Snapshot") -> bool:
        """Whether runs, curves, trends and plans are the same; log and machine may differ."""
        return (
            self.runs == other.runs
            and self.plans == other.plans
            and (self.pending, self.notices, self.writable) == (other.pending, other.notices, other.writable)
            and self.queue_paused is other.queue_paused
            and _same_objects(self.curves, other.curves)
            and _same_objects(self.trends, other.trends)
        )

    def run(self, run_id: str) -> Run | None:
        """The run with this id, or None."""
        return next((run for run in self.runs if run.id == run_id), None)

    def curves_of(self, run_id: str) -> "Mapping[str, Curve]":
        """The curves of a run by tag; empty until some were read."""
        return self.curves.get(run_id, {})


def _same_objects(left: Mapping[str, object], right: Mapping[str, object]) -> bool:
    """Whether two mappings hold identical objects: readers and trends make new objects when there are new points."""
    return left.keys() == right.keys() and all(left[key] is right[key] for key in left)

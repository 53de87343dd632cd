"""Which event files are read, in which order, and for how long: what is charted first, then what is listed, then the
rest that is active. A folder of a hundred runs is listed at once, its curves come in as they are read.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from labtui.console.data.snapshot import Interest, Trend
from labtui.store.run import Run

if TYPE_CHECKING:
    from labtui.store.curve import Curve

KEPT_WHOLE = 24
"""Runs that nobody charts any more whose curves stay in memory."""

READ_AT_ONCE = 8 << 20
"""Bytes of one run's event files that are read before the next run has its turn."""

FAREWELL = 0.5
"""Seconds for which a console that is left puts into the cache what it has read."""


class Reader(Protocol):
    """What is needed of labtui.store.reader.RunReader."""

    def poll(self, max_bytes: int = ...) -> bool:
        """Read on; whether something was new."""
        ...

    def save_to_cache(self) -> None:
        """Leave what was read in the cache."""
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


class Progress(NamedTuple):
    """What came of reading on."""

    left: int
    """Wanted runs that are not yet read to their end."""
    fresh: bool
    """Whether anything was new."""


def open_reader(folder: Path) -> Reader:
    """The store's reader; it brings numpy, so it is imported when the first curve is read."""
    from labtui.store.curve_cache import CurveCache
    from labtui.store.reader import RunReader

    return RunReader(folder, CurveCache.of_user(os.environ))


class CurveReading:
    """The readers of the runs that somebody wants to see, and what a list shows of every run that was read."""

    def __init__(
        self, reader: Callable[[Path], Reader] = open_reader, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.trends: dict[str, Trend] = {}
        """By run id, of every run that was read and is still there."""
        self._open = reader
        self._clock = clock
        self._readers: dict[str, Reader] = {}
        self._states: dict[str, object] = {}

    def read_on(
        self, interest: Interest, runs: Mapping[str, Run], seconds: float, outdated: Callable[[], bool] = lambda: False
    ) -> Progress:
        """Read on in the event files of the wanted runs until the time is spent, or something else is wanted."""
        deadline = self._clock() + seconds
        left, fresh = 0, False
        for run in _wanted(interest, runs):
            if not self._is_due(run, whole=run.id in interest.charted):
                continue
            if self._clock() >= deadline or outdated():
                left += 1
                continue
            fresh |= self._advance(run)
            left += not self._readers[run.id].complete
        self._forget(interest, runs)
        return Progress(left, fresh)

    def of(self, run_ids: Iterable[str]) -> dict[str, Reader]:
        """The readers of these runs, as far as there are any."""
        return {run_id: self._readers[run_id] for run_id in run_ids if run_id in self._readers}

    def leave(self) -> None:
        """Put what was read into the cache, of runs under way too."""
        deadline = self._clock() + FAREWELL
        for reader in self._readers.values():
            if self._clock() < deadline:
                reader.save_to_cache()

    def _is_due(self, run: Run, *, whole: bool) -> bool:
        reader = self._readers.get(run.id)
        if reader is None:
            return whole or run.id not in self.trends or run.state.is_active
        return run.state.is_active or not reader.complete or self._states.get(run.id) != (run.state, run.modified)

    def _advance(self, run: Run) -> bool:
        if run.id not in self._readers:
            self._readers[run.id] = self._open(run.folder)
        reader = self._readers[run.id]
        fresh = reader.poll(READ_AT_ONCE)
        if fresh or run.id not in self.trends:
            self.trends[run.id] = _trend(reader.curves)
        if reader.complete:
            self._states[run.id] = (run.state, run.modified)
            if not run.state.is_active:
                reader.save_to_cache()
        return fresh

    def _forget(self, interest: Interest, runs: Mapping[str, Run]) -> None:
        """Let go of readers that nobody needs, the longest unused first; the trends stay."""
        for run_id in self._readers.keys() - runs.keys():
            del self._readers[run_id]
            self.trends.pop(run_id, None)
        idle = [
            run_id
            for run_id, reader in self._readers.items()
            if run_id not in interest.charted and reader.complete and not runs[run_id].state.is_active
        ]
        for run_id in idle[: max(0, len(idle) - KEPT_WHOLE)]:
            del self._readers[run_id]


def _wanted(interest: Interest, runs: Mapping[str, Run]) -> Iterator[Run]:
    """Charted runs, then listed ones, then the rest that is active; each once."""
    active = (run.id for run in runs.values() if run.state.is_active)
    for run_id in dict.fromkeys((*interest.charted, *interest.listed, *active)):
        if run_id in runs:
            yield runs[run_id]


def _trend(curves: "Mapping[str, Curve]") -> Trend:
    from labtui.console.experiments.trends import trend_of  # deferred: numpy

    return trend_of(curves)

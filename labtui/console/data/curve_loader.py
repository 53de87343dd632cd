"""Loads curves within a time budget: those of charted runs first, then of listed runs, then of other active runs.

A folder with a hundred runs is listed at once; its curves appear as they are read.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from labtui.console.data.snapshot import Interest, Trend
from labtui.spec import ProgramSpec
from labtui.store.run import Run

if TYPE_CHECKING:
    from labtui.store.curve import Curve

IDLE_READERS = 24
"""Runs that are no longer charted whose curves stay in memory."""

CHUNK_BYTES = 8 << 20
"""Bytes of one run's event files that are read before the next run's turn."""

CACHING_SECONDS = 0.5
"""Time that a console takes on its end to cache what it read."""


class Reader(Protocol):
    """The part of labtui.store.reader.RunReader that is used."""

    def poll(self, max_bytes: int = ...) -> bool:
        """Read on. Returns whether there was something new."""
        ...

    def save_to_cache(self) -> None:
        """Write what was read to the cache."""
        ...

    @property
    def curves(self) -> "Mapping[str, Curve]":
        """By tag."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the files were read to their end."""
        ...

    @property
    def damage(self) -> tuple[str, ...]:
        """What is wrong with the files."""
        ...

    @property
    def undrawn(self) -> str:
        """What the files hold that is no curve, in words."""
        ...


class Progress(NamedTuple):
    """The result of reading on."""

    pending: int
    """Runs of the interest that are not yet read to their end."""
    has_news: bool
    """Whether there were new points."""


def open_reader(run: Run) -> Reader:
    """The store's reader, imported with numpy when the first curve is read."""
    from labtui.store.curve_cache import CurveCache
    from labtui.store.reader import RunReader

    return RunReader(run.folder, CurveCache.of_user(os.environ), foreign=not run.has_own_tags, below=run.below)


class CurveLoader:
    """Holds a reader per run that is shown, and a trend of every run that was read."""

    def __init__(
        self, reader: Callable[[Run], Reader] = open_reader, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.trends: dict[str, Trend] = {}
        """By run id, of every run that was read and still exists."""
        self.damage: dict[str, tuple[str, ...]] = {}
        """By run id: what is wrong with its event files, in words."""
        self.undrawn: dict[str, str] = {}
        """By run id: what its event files hold that is no curve, in words."""
        self._open = reader
        self._clock = clock
        self._readers: dict[str, Reader] = {}
        self._states: dict[str, object] = {}
        self._below: dict[str, tuple[str, ...]] = {}

    def read_on(
        self, interest: Interest, runs: Mapping[str, Run], seconds: float, outdated: Callable[[], bool] = lambda: False
    ) -> Progress:
        """Read on in the runs of the interest until the time is over or `outdated()` is true."""
        deadline = self._clock() + seconds
        pending, has_news = 0, False
        for run in _in_order(interest, runs):
            if not self._is_due(run, charted=run.id in interest.charted):
                continue
            if self._clock() >= deadline or outdated():
                pending += 1
                continue
            has_news |= self._advance(run)
            pending += not self._readers[run.id].complete
        self._forget(interest, runs)
        return Progress(pending, has_news)

    def of(self, run_ids: Iterable[str]) -> dict[str, Reader]:
        """The readers of these runs, as far as they exist."""
        return {run_id: self._readers[run_id] for run_id in run_ids if run_id in self._readers}

    def close(self) -> None:
        """Write what was read to the cache, of active runs too."""
        deadline = self._clock() + CACHING_SECONDS
        for reader in self._readers.values():
            if self._clock() < deadline:
                reader.save_to_cache()

    def _is_due(self, run: Run, *, charted: bool) -> bool:
        reader = self._readers.get(run.id)
        if reader is None:
            return charted or run.id not in self.trends or run.state.is_active
        return run.state.is_active or not reader.complete or self._states.get(run.id) != _version(run)

    def _advance(self, run: Run) -> bool:
        if run.id not in self._readers or self._below.get(run.id, run.below) != run.below:
            self._readers[run.id] = self._open(run)
            self._below[run.id] = run.below
        reader = self._readers[run.id]
        has_news = reader.poll(CHUNK_BYTES)
        if has_news or run.id not in self.trends:
            self.trends[run.id] = _trend(reader.curves, run)
        if reader.damage:
            self.damage[run.id] = reader.damage
        else:
            self.damage.pop(run.id, None)
        if reader.undrawn:
            self.undrawn[run.id] = reader.undrawn
        if reader.complete:
            self._states[run.id] = _version(run)
            if not run.state.is_active:
                reader.save_to_cache()
        return has_news

    def _forget(self, interest: Interest, runs: Mapping[str, Run]) -> None:
        """Drop readers that are not needed, the longest unused first; the trends stay."""
        for run_id in self._readers.keys() - runs.keys():
            del self._readers[run_id]
            self.trends.pop(run_id, None)
            self.damage.pop(run_id, None)
            self.undrawn.pop(run_id, None)
        idle = [
            run_id
            for run_id, reader in self._readers.items()
            if run_id not in interest.charted and reader.complete and not runs[run_id].state.is_active
        ]
        for run_id in idle[: max(0, len(idle) - IDLE_READERS)]:
            del self._readers[run_id]


def _version(run: Run) -> object:
    """Changes when its files have to be read again."""
    return run.state, run.modified, run.below


def _in_order(interest: Interest, runs: Mapping[str, Run]) -> Iterator[Run]:
    """Charted runs, then listed runs, then other active runs; each once."""
    active = (run.id for run in runs.values() if run.state.is_active)
    for run_id in dict.fromkeys((*interest.charted, *interest.listed, *active)):
        if run_id in runs:
            yield runs[run_id]


def _trend(curves: "Mapping[str, Curve]", run: Run) -> Trend:
    from labtui.console.charts.sparkline import trend_of  # deferred: numpy

    metric = run.spec.metric if isinstance(run.spec, ProgramSpec) else None
    return trend_of(curves, metric.tag if metric else "")

"""What happened to runs: between two polls, while no console was open, and what is still running on leaving. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from labtui.console.experiments.entry import figure
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.durations import moment
from labtui.text.numbers import accuracy

BAD = frozenset({State.DIVERGED, State.FAILED, State.LOST})
"""Ends that need attention."""

_MOST_NAMED = 3
_MOST_LISTED = 4


class RunChange(NamedTuple):
    """What happened to a run, as text; an alarm rings the bell."""

    text: str
    alarm: bool


def run_changes(before: Mapping[str, State], runs: Iterable[Run]) -> list[RunChange]:
    """What happened to the runs that were not over at the last poll; `before` has their states then."""
    changes = []
    for run in runs:
        was = before.get(run.id)
        if was is not None and not was.is_over and run.state.is_over:
            changes.append(RunChange(_ended(run), alarm=run.state in BAD))
        elif was is not None and was is not State.STALLED and run.state is State.STALLED:
            changes.append(RunChange(f"{run_label(run)} is stalled: {run.reason}", alarm=True))
    return changes


def summary_since(runs: Iterable[Run], since: float, now: float) -> str:
    """`since 22:14: 6 finished, 1 diverged (Adam 0.01 seed 0); 2 still running`: the runs that ended after `since`.

    Times are seconds since the epoch. Empty if nothing ended, or if `since` is 0.
    """
    own = [run for run in runs if not run.foreign]
    ended = [run for run in own if run.state.is_over and run.modified > since]
    if not since or not ended:
        return ""
    counts = Counter(run.state for run in ended)
    parts = [f"{counts[state]} {state}{_bad_names(state, ended)}" for state in State if counts[state]]
    active = sum(run.state.is_active for run in own)
    return f"since {moment(since, now)}: {', '.join(parts)}{f'; {active} still running' if active else ''}"


def still_running(runs: Iterable[Run]) -> str:
    """The message on leaving: which runs are still running or queued. Empty if none is."""
    own = [run for run in runs if not run.foreign]
    active = [run for run in own if run.state.is_active]
    queued = sum(run.state is State.QUEUED for run in own)
    if not active and not queued:
        return ""
    lines = [f"  {run_label(run)}{_epoch(run)}" for run in active[:_MOST_LISTED]]
    lines += [f"  and {len(active) - _MOST_LISTED} more"] if len(active) > _MOST_LISTED else []
    count = "1 run is still running" if len(active) == 1 else f"{len(active)} runs are still running"
    waiting = f", {queued} queued" if queued else ""
    return "\n".join([f"{count}{waiting}. `labtui ps` lists them, `labtui` opens the console again.", *lines])


def run_label(run: Run) -> str:
    """How a message names a run: `Dropout seed 0`."""
    return f"{run.display_title} seed {run.seed}" if run.seed is not None else run.id


def _bad_names(state: State, ended: Iterable[Run]) -> str:
    """The names of the runs that ended in this state, if it is one that needs attention."""
    if state not in BAD:
        return ""
    names = [run_label(run) for run in ended if run.state is state]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f" ({', '.join(names[:_MOST_NAMED])}{more})"


def _ended(run: Run) -> str:
    final = figure(run, None)
    if run.state is State.FINISHED and final is not None and final.final:
        return f"{run_label(run)} has finished: test accuracy {accuracy(final.value)}"
    return f"{run_label(run)} {run.state}{f': {run.reason}' if run.reason else ''}"


def _epoch(run: Run) -> str:
    return f", epoch {run.beat.epoch} of {run.beat.epochs}" if run.beat and run.beat.epochs else ""

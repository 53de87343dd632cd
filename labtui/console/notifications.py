"""What happened to runs: between two polls, while no console was open, and what is still running on leaving. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from labtui.console.data.plans import PlanProgress
from labtui.console.experiments.entry import figure
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.durations import moment
from labtui.text.numbers import accuracy

if TYPE_CHECKING:
    from labtui.compare.plans import ComparisonState

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


def plan_changes(before: Iterable[PlanProgress], plans: Iterable[PlanProgress]) -> list[RunChange]:
    """What happened to plans between two polls: a comparison was decided, a plan ended or waits for the user."""
    was = {progress.plan.id: progress for progress in before}
    changes = []
    for progress in plans:
        earlier = was.get(progress.plan.id)
        if earlier is None or earlier == progress:
            continue
        ended = [
            now
            for then, now in zip(earlier.state.comparisons, progress.state.comparisons, strict=False)
            if now.has_ended and not then.has_ended
        ]
        changes += [RunChange(_decided(progress, one), alarm=False) for one in ended]
        if progress.is_waiting and earlier.is_driven:
            changes.append(RunChange(f"{_rows(progress)}: the plan is waiting. {progress.note}".rstrip(), alarm=True))
    return changes


def _decided(progress: PlanProgress, comparison: "ComparisonState") -> str:
    """The last look of a comparison that has ended; with what was saved once the whole plan has."""
    from labtui.compare.render.plan_text import look_line, saved_text  # deferred: no plans, no numpy

    text = look_line(progress.plan, comparison, comparison.looks[-1])
    return f"{text}. {saved_text(progress.plan, progress.trained)}" if progress.state.has_ended else text


def _rows(progress: PlanProgress) -> str:
    return ", ".join(one.row.title for one in progress.plan.comparisons)


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

"""What happened to runs: between two polls, and while no console was looking. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from labtui.console.experiments.entry import figure
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.durations import moment
from labtui.text.numbers import accuracy

BAD = frozenset({State.DIVERGED, State.FAILED, State.LOST})
"""Ends that ask for a look."""

_NAMED = 3


class News(NamedTuple):
    """Something to say about a run; an alarm is worth a bell."""

    text: str
    alarm: bool


def news(before: Mapping[str, State], runs: Iterable[Run]) -> list[News]:
    """What became of runs that were not over at the last poll: `before` is the state of each run then."""
    told = []
    for run in runs:
        was = before.get(run.id)
        if was is not None and not was.is_over and run.state.is_over:
            told.append(News(_ended(run), alarm=run.state in BAD))
        elif was is not None and was is not State.STALLED and run.state is State.STALLED:
            told.append(News(f"{_name(run)} is stalled: {run.reason}", alarm=True))
    return told


def digest(runs: Iterable[Run], since: float, now: float) -> str:
    """`since 22:14: 6 finished, 1 diverged (Adam 0.01 seed 0); 2 run`: what ended after `since`; empty for nothing."""
    own = [run for run in runs if not run.foreign]
    ended = [run for run in own if run.state.is_over and run.modified > since]
    if not since or not ended:
        return ""
    counts = Counter(run.state for run in ended)
    parts = [f"{counts[state]} {state}{_whom(state, ended)}" for state in State if counts[state]]
    active = sum(run.state.is_active for run in own)
    rest = f"; {active} {'goes' if active == 1 else 'go'} on" if active else ""
    return f"since {moment(since, now)}: {', '.join(parts)}{rest}"


def _whom(state: State, ended: Iterable[Run]) -> str:
    """The names of those that ask for a look."""
    if state not in BAD:
        return ""
    names = [_name(run) for run in ended if run.state is state]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f" ({', '.join(names[:_NAMED])}{more})"


def _ended(run: Run) -> str:
    final = figure(run, None)
    if run.state is State.FINISHED and final is not None and final.final:
        return f"{_name(run)} has finished: test accuracy {accuracy(final.value)}"
    return f"{_name(run)} {run.state}{f': {run.reason}' if run.reason else ''}"


def _name(run: Run) -> str:
    return f"{run.display_title} seed {run.seed}" if run.seed is not None else run.id

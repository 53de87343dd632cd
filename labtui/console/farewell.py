"""What is said on leaving: nothing is stopped, and this goes on."""

from collections.abc import Iterable

from labtui.store.run import Run
from labtui.store.state import State

_NAMED = 4


def farewell(runs: Iterable[Run]) -> str | None:
    """Lines about what goes on without the console; None where nothing does."""
    own = [run for run in runs if not run.foreign]
    active = [run for run in own if run.state.is_active]
    queued = sum(run.state is State.QUEUED for run in own)
    if not active and not queued:
        return None
    lines = [f"  {_line(run)}" for run in active[:_NAMED]]
    lines += [f"  and {len(active) - _NAMED} more"] if len(active) > _NAMED else []
    count = "1 run goes on" if len(active) == 1 else f"{len(active)} runs go on"
    waiting = f", {queued} in the queue" if queued else ""
    return "\n".join([f"{count}{waiting}. `labtui ps` lists them, `labtui` opens the console again.", *lines])


def _line(run: Run) -> str:
    epoch = f", epoch {run.beat.epoch} of {run.beat.epochs}" if run.beat and run.beat.epochs else ""
    return f"{run.display_title} seed {run.seed}{epoch}"

"""States and progress of runs, as lists and lines show them."""

from labtui.program import planned_steps
from labtui.spec import ProgramSpec
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.numbers import DASH
from labtui.text.spans import Span

_STYLES = {
    State.FINISHED: "good",
    State.LIVE: "accent",
    State.RUNNING: "accent",
    State.STARTING: "accent",
    State.STALLED: "warn",
    State.STOPPED: "warn",
    State.DIVERGED: "bad",
    State.FAILED: "bad",
    State.LOST: "bad",
}


def state_span(state: State) -> Span:
    """The state in its style."""
    return Span(state.value, _STYLES.get(state, ""))


def run_label(run: Run) -> str:
    """A run among those of one command: `Dropout s0`."""
    return f"{run.display_title} s{run.seed}"


def progress(run: Run) -> str:
    """Epochs done and planned, as far as the run's files say: `3/10`; of a program its steps."""
    if isinstance(run.spec, ProgramSpec):
        return _steps(run, run.spec)
    total = run.spec.epochs if run.spec is not None else None
    if run.result is not None and run.state.is_over:
        return f"{run.result.epochs}/{total}" if total else str(run.result.epochs)
    if run.beat is not None and run.beat.attempt == run.attempt and run.beat.epochs:
        return f"{run.beat.epoch}/{run.beat.epochs}"
    return f"0/{total}" if total else DASH


def _steps(run: Run, spec: ProgramSpec) -> str:
    total = planned_steps(spec)
    done = run.result.steps if run.result is not None and run.state.is_over else run.beat.step if run.beat else 0
    planned = f"/{total:,}" if total else ""
    return f"{done:,}{planned}" if done or total else DASH

"""`labtui run` and `labtui resume` in the foreground, from the first run to the exit code."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from labtui.api import Lab, LaunchPlan
from labtui.api.lifecycle import enqueue, enqueue_next_attempt, resume, start, start_queue_runner
from labtui.api.looks import announce
from labtui.api.placement import Placement, estimated_memory, place_runs
from labtui.api.planning import threads_notice
from labtui.cli.display import Display, JsonDisplay, LineDisplay, QuietDisplay
from labtui.cli.foreground import BAD, ForegroundRuns, PendingRun, RunOutcome
from labtui.cli.format import run_label, state_span
from labtui.cli.interrupts import Interrupts
from labtui.cli.logs import last_lines
from labtui.cli.streams import ReaderGone, say, shows_escapes
from labtui.errors import EXIT_HUNG_UP, LabError, MachineError, UsageError
from labtui.launch.devices import Device
from labtui.launch.fork_server.client import with_fork_server
from labtui.launch.launcher import ForkServer, Interpreter, recorded_threads
from labtui.launch.slots import Slot
from labtui.spec import ProgramSpec
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import PlannedRun

QUEUED_BY = "labtui run (its terminal or pipe was closed)"

LOG_LINES = 8
"""Lines of a failed run's log that are shown."""


def train_plan(
    lab: Lab, plan: LaunchPlan, *, device: str, jobs: int | None, fail_fast: bool, json: bool, quiet: bool
) -> int:
    """Train the planned runs, `jobs` at a time (None: as many as fit), and return the exit code.

    With `fail_fast`, no run is started after one has failed or diverged.
    """
    memory = estimated_memory(planned.spec for planned in plan.runs)
    placement = place_runs(device, runs=len(plan.runs), jobs=jobs, memory=memory)
    if len(plan.runs) > 1 and placement.jobs == 1 and not quiet:
        say(f"{plural(len(plan.runs), 'run')}, one at a time; -j auto trains several at once.")
    announce(lab, (planned.spec for planned in plan.runs), starts_them=True)
    if notice := threads_notice(plan, placement.threads):
        say(notice)
    threads = plan.runs[0].threads or placement.threads
    with with_fork_server(Interpreter(), placement.devices, threads, len(plan.runs)) as interpreter:
        pending = [_pending_run(lab, planned, device, placement, interpreter) for planned in plan.runs]
        fork_server = interpreter.fork_server
        return run_to_end(lab, pending, placement, fork_server=fork_server, fail_fast=fail_fast, json=json, quiet=quiet)


def resume_runs(lab: Lab, runs: Sequence[Run], device: str, *, take_over: bool, quiet: bool, json: bool) -> int:
    """Resume runs, one after the other, and return the exit code."""
    placement = place_runs(device, runs=len(runs))
    threads = max((recorded_threads(run.paths) or 0 for run in runs), default=0) or placement.threads
    with with_fork_server(Interpreter(), placement.devices, threads, len(runs)) as interpreter:
        pending = [_pending_resume(lab, run, device, threads, interpreter, take_over=take_over) for run in runs]
        placement = replace(placement, threads=threads)
        return run_to_end(lab, pending, placement, fork_server=interpreter.fork_server, json=json, quiet=quiet)


def run_to_end(
    lab: Lab,
    pending: Sequence[PendingRun],
    placement: Placement,
    *,
    fork_server: ForkServer | None = None,
    fail_fast: bool = False,
    json: bool,
    quiet: bool,
) -> int:
    """Start and follow runs, explain failures, write the table of results, and return the exit code."""
    from labtui.cli.compare import put_result

    display = _display(json=json, quiet=quiet)
    with Interrupts() as interrupts:
        try:
            outcome = ForegroundRuns(lab, placement, display, interrupts, fork_server, fail_fast=fail_fast).run_all(
                pending
            )
        finally:
            with suppress(ReaderGone):
                display.close()
        if outcome.signal_code == EXIT_HUNG_UP:
            _enqueue_rest(lab, outcome.not_started)
            return EXIT_HUNG_UP
        for run in outcome.runs:
            if run.state in BAD:
                explain_failure(run)
        if outcome.not_started:
            say(f"{plural(len(outcome.not_started), 'run')} not started.")
        if interrupts.interrupts < 2:
            finished = [run for run in outcome.runs if run.state is State.FINISHED]
            if outcome.runs and not any(map(_is_judged, outcome.runs)):
                return exit_code(outcome)
            put_result(lab, finished, json=json, quiet=quiet)
    return exit_code(outcome)


def _is_judged(run: Run) -> bool:
    """Whether a run has a metric to be compared by: a command that no catalog describes has none."""
    return not isinstance(run.spec, ProgramSpec) or run.spec.metric is not None


def explain_failure(run: Run) -> None:
    """Write to stderr why a run failed: the reason, the end of its log, and where the rest of the log is."""
    say("")
    say(f"{run_label(run)}: ", state_span(run.state), f": {run.reason}" if run.reason else "")
    for line in last_lines(run, LOG_LINES):
        say(f"  | {line}")
    if run.attempt:
        say(f"  full log: {run.paths.attempt(run.attempt).log}")
    if run.state is State.LOST:
        say(f"  to resume from its last checkpoint: labtui resume {run.id}")


def exit_code(outcome: RunOutcome) -> int:
    """A signal's code, else 1 where a run failed or diverged, else that of the error for which a run did not start."""
    if outcome.signal_code:
        return outcome.signal_code
    codes = {_code_of(run) for run in outcome.runs if run.state in BAD} | {error.exit_code for error in outcome.errors}
    order = (LabError.exit_code, MachineError.exit_code, UsageError.exit_code)
    return next((code for code in order if code in codes), 0)


def _code_of(run: Run) -> int:
    """The engine exits with 2 for a bad spec and 3 for its environment; everything else is a failed run."""
    known = (UsageError.exit_code, MachineError.exit_code)
    code = run.exit.code if run.exit is not None else None
    return code if code in known else LabError.exit_code


def _display(*, json: bool, quiet: bool) -> Display:
    """JSON lines, nothing, moving bars on a terminal, or a line per epoch."""
    if json:
        return JsonDisplay()
    if quiet:
        return QuietDisplay()
    if shows_escapes(sys.stderr):
        from labtui.cli.live import LiveDisplay

        return LiveDisplay()
    return LineDisplay()


def _pending_run(
    lab: Lab, planned: "PlannedRun", requested_device: str, placement: Placement, interpreter: Interpreter
) -> PendingRun:
    def start_now(device: Device, threads: int, slot: Slot) -> Run:
        return start(lab, planned, device=device, threads=threads, slot=slot, interpreter=interpreter)

    def put_in_queue() -> Run:
        threads, per_device = placement.threads, placement.per_device
        return enqueue(lab, planned, device=requested_device, threads=threads, per_device=per_device, by=QUEUED_BY)

    label = f"{planned.spec.display_title} s{planned.spec.seed}"
    return PendingRun(label, start_now, put_in_queue, threads=planned.threads)


def _pending_resume(
    lab: Lab, run: Run, requested_device: str, threads: int, interpreter: Interpreter, *, take_over: bool
) -> PendingRun:
    def resume_now(device: Device, threads: int, slot: Slot) -> Run:
        return resume(lab, run, device=device, threads=threads, slot=slot, take_over=take_over, interpreter=interpreter)

    def put_in_queue() -> Run:
        enqueue_next_attempt(lab, run, device=requested_device, threads=threads, by=QUEUED_BY)
        return run

    return PendingRun(run_label(run), resume_now, put_in_queue)


def _enqueue_rest(lab: Lab, pending: Sequence[PendingRun]) -> None:
    """Queue what has not started: the terminal or the pipe is closed, and nobody can be asked."""
    for one in pending:
        one.enqueue()
    if pending:
        start_queue_runner(lab)

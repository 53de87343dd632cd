"""A foreground command from its first run to its exit code: display, failures told, the table at the end."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from labtui.api import Lab, Plan
from labtui.api.lifecycle import enqueue, enqueue_next_attempt, resume, start, start_queue_runner
from labtui.api.placement import Placement, estimated_memory, place_runs
from labtui.cli.display import Display, JsonDisplay, LineDisplay, QuietDisplay, label
from labtui.cli.foreground import EXIT_HUNG_UP, Foreground, Job, Outcome
from labtui.cli.format import COLORS, plural
from labtui.cli.interrupts import Interrupts
from labtui.cli.logs import last_lines
from labtui.cli.streams import Painted, is_terminal, say
from labtui.errors import EnvironmentFault, LabError, UsageError
from labtui.launch.devices import Device
from labtui.launch.fork_server.client import warmed
from labtui.launch.launcher import Interpreter, Warm, recorded_threads
from labtui.launch.slots import Slot
from labtui.store.run import Run
from labtui.store.state import State

if TYPE_CHECKING:
    from labtui.api import PlannedRun
    from labtui.cli.run import Wishes

BY = "labtui run, whose terminal was closed"

LOG_LINES = 8
"""Lines of a failed run's log that are shown."""

BAD = frozenset({State.FAILED, State.DIVERGED, State.LOST})


def run_plan(lab: Lab, plan: Plan, wishes: "Wishes") -> int:
    """Train what was planned and give the exit code."""
    memory = estimated_memory(planned.spec for planned in plan.runs)
    where = place_runs(wishes.device, runs=len(plan.runs), jobs=wishes.jobs, memory=memory)
    if len(plan.runs) > 1 and where.jobs == 1 and not wishes.quiet:
        say(f"{plural(len(plan.runs), 'run')}, one after the other; -j auto trains several at once.")
    with warmed(Interpreter(), where.devices, where.threads, len(plan.runs)) as interpreter:
        jobs = [_job(lab, planned, wishes.device, where, interpreter) for planned in plan.runs]
        return see_through(lab, jobs, where, warm=interpreter.warm, json=wishes.json, quiet=wishes.quiet)


def resume_runs(lab: Lab, runs: Sequence[Run], device: str, *, take_over: bool, quiet: bool, json: bool) -> int:
    """Go on with runs, one after the other, and give the exit code."""
    where = place_runs(device, runs=len(runs))
    threads = max((recorded_threads(run.paths) or 0 for run in runs), default=0) or where.threads
    with warmed(Interpreter(), where.devices, threads, len(runs)) as interpreter:
        jobs = [_resume_job(lab, run, device, threads, interpreter, take_over=take_over) for run in runs]
        return see_through(lab, jobs, replace(where, threads=threads), warm=interpreter.warm, json=json, quiet=quiet)


def see_through(
    lab: Lab, jobs: Sequence[Job], where: Placement, *, warm: Warm | None = None, json: bool, quiet: bool
) -> int:
    """Start and follow jobs, tell what went wrong, write the table, and give the exit code."""
    from labtui.cli.compare import put_result

    display = display_for(json=json, quiet=quiet)
    with Interrupts() as interrupts:
        try:
            outcome = Foreground(lab, where, display, interrupts, warm).see_through(jobs)
        finally:
            display.close()
        if outcome.signal_code == EXIT_HUNG_UP:
            _leave_to_the_queue(lab, outcome.left)
            return EXIT_HUNG_UP
        for run in outcome.runs:
            if run.state in BAD:
                explain(run)
        if outcome.left:
            say(f"{plural(len(outcome.left), 'run')} not started.")
        if interrupts.interrupts < 2:
            finished = [run for run in outcome.runs if run.state is State.FINISHED]
            put_result(lab, finished, json=json, quiet=quiet)
    return exit_code(outcome)


def display_for(*, json: bool, quiet: bool) -> Display:
    """JSON lines, nothing, moving bars on a terminal, or a line per epoch."""
    if json:
        return JsonDisplay()
    if quiet:
        return QuietDisplay()
    if is_terminal(sys.stderr):
        from labtui.cli.live import LiveDisplay

        return LiveDisplay()
    return LineDisplay()


def explain(run: Run) -> None:
    """Say why a run went wrong: the reason, the end of its log, and where the rest is."""
    say("")
    say(f"{label(run)}: ", Painted(run.state.value, COLORS[run.state]), f": {run.reason}" if run.reason else "")
    for line in last_lines(run, LOG_LINES):
        say(f"  | {line}")
    if run.attempt:
        say(f"  the whole log: {run.paths.attempt(run.attempt).log}")
    if run.state is State.LOST:
        say(f"  go on from its last checkpoint: labtui resume {run.id}")


def exit_code(outcome: Outcome) -> int:
    """A signal's code, else 1 where a run failed or diverged, else that of what was in the way."""
    if outcome.signal_code:
        return outcome.signal_code
    codes = {_code_of(run) for run in outcome.runs if run.state in BAD} | {fault.exit_code for fault in outcome.faults}
    order = (LabError.exit_code, EnvironmentFault.exit_code, UsageError.exit_code)
    return next((code for code in order if code in codes), 0)


def _code_of(run: Run) -> int:
    """The engine ends with 2 for a bad spec and 3 for its surroundings; everything else is a failed run."""
    known = (UsageError.exit_code, EnvironmentFault.exit_code)
    code = run.exit.code if run.exit is not None else None
    return code if code in known else LabError.exit_code


def _job(lab: Lab, planned: "PlannedRun", wish: str, where: Placement, interpreter: Interpreter) -> Job:
    def begin(device: Device, threads: int, slot: Slot) -> Run:
        return start(lab, planned, device=device, threads=threads, slot=slot, interpreter=interpreter)

    def wait_in_line() -> Run:
        return enqueue(lab, planned, device=wish, threads=where.threads, per_device=where.per_device, by=BY)

    return Job(f"{planned.spec.display_title} s{planned.spec.seed}", begin, wait_in_line)


def _resume_job(lab: Lab, run: Run, wish: str, own_threads: int, interpreter: Interpreter, *, take_over: bool) -> Job:
    def go_on(device: Device, threads: int, slot: Slot) -> Run:
        return resume(lab, run, device=device, threads=threads, slot=slot, take_over=take_over, interpreter=interpreter)

    def wait_in_line() -> Run:
        enqueue_next_attempt(lab, run, device=wish, threads=own_threads, by=BY)
        return run

    return Job(label(run), go_on, wait_in_line)


def _leave_to_the_queue(lab: Lab, jobs: Sequence[Job]) -> None:
    """The terminal is gone, and nobody is there to be told: what has not started waits in the queue."""
    for job in jobs:
        job.enqueue()
    if jobs:
        start_queue_runner(lab)

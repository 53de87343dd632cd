"""`labtui run … --until decided`: follow a plan in this terminal, or run it in the background with -d."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from labtui.api import Lab
from labtui.api.until import (
    PlanDriver,
    PlanRequest,
    follow_plan,
    make_plan,
    place_seeds,
    plan_outcomes,
    start_in_background,
    store_plan,
)
from labtui.catalog import override
from labtui.cli.download_progress import download_progress
from labtui.cli.format import run_label
from labtui.cli.interrupts import Interrupts
from labtui.cli.streams import ReaderGone, put, put_json, say
from labtui.compare.plans import Look, Plan, PlanState
from labtui.compare.render.plan_text import end_lines, look_line, plan_lines, verdict_word
from labtui.errors import EXIT_HUNG_UP, EXIT_INTERRUPTED, EXIT_TERMINATED, LabError
from labtui.launch.stop import request_stop
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.words import plural


def run_until_decided(
    lab: Lab,
    request: PlanRequest,
    requested_device: str,
    jobs: int | None,
    *,
    detach: bool,
    dry_run: bool,
    json: bool,
    quiet: bool,
) -> int:
    """Make or find the plan, run it to its end, and return the exit code.

    0 when the plan has ended, undecided included; 1 if no seed of a comparison finished.
    """
    specs = [
        override(variant.spec, request.overrides, lab.catalog.code) for variant in lab.catalog.select(request.names)
    ]
    placement = place_seeds(requested_device, specs, jobs, request.max_seeds)
    with download_progress(quiet=quiet or json) as progress:
        plan, notices = make_plan(lab, request, placement, fetch=not dry_run, progress=progress)
    for notice in notices:
        say(notice)
    if dry_run:
        _put_plan(plan, json=json)
        return 0
    plan = store_plan(lab, plan)
    if not quiet:
        for line in plan_lines(plan):
            say(line)
    if detach:
        log = start_in_background(lab, plan, requested_device, jobs)
        say(f"The plan runs in the background. Log: {log}")
        say("The same command without -d follows it in this terminal.")
        return 0
    driver = PlanDriver(lab, plan, requested_device, placement)

    def continue_in_background() -> None:
        start_in_background(lab, plan, requested_device, jobs)

    return _follow(lab, plan, driver, continue_in_background, json=json, quiet=quiet)


class _Progress:
    """Writes what happens while a plan runs: each run that ends, and each look once."""

    def __init__(self, plan: Plan, ended: set[str], *, json: bool, quiet: bool) -> None:
        self._plan = plan
        self._ended = ended
        self._looks: dict[int, int] = {}
        self._json, self._quiet = json, quiet

    def show_looks(self, state: PlanState) -> None:
        """Write the new looks."""
        for place, one in enumerate(state.comparisons):
            for look in one.looks[self._looks.get(place, 0) :]:
                if self._json:
                    put_json({"event": "look", "row": one.comparison.row.name, **_look_json(self._plan, look)})
                elif not self._quiet:
                    say(look_line(self._plan, one, look))
            self._looks[place] = len(one.looks)

    def show_ended(self, runs: Iterable[Run]) -> None:
        """Write the runs that have ended since the last call."""
        for run in runs:
            if run.state.is_over and run.id not in self._ended:
                self._ended.add(run.id)
                if not (self._json or self._quiet):
                    say(f"{run_label(run)}: {run.state}")


def _follow(
    lab: Lab, plan: Plan, driver: PlanDriver, continue_in_background: Callable[[], object], *, json: bool, quiet: bool
) -> int:
    over = {run.id for run in lab.store.scan() if run.state.is_over}
    progress = _Progress(plan, over, json=json, quiet=quiet)
    with Interrupts() as interrupts:

        def wait(seconds: float) -> bool:
            progress.show_ended(driver.runs)
            deadline = time.monotonic() + seconds
            while not interrupts.any and time.monotonic() < deadline:
                time.sleep(0.05)
            return interrupts.any

        try:
            state = follow_plan(driver, progress.show_looks, wait)
        except LabError:
            driver.stop_queueing()
            raise
        except ReaderGone:  # as behind `| head`
            driver.stop_queueing()
            continue_in_background()
            return EXIT_HUNG_UP
        if state is None and interrupts.hung_up:
            driver.stop_queueing()
            continue_in_background()
            return EXIT_HUNG_UP
        if state is None:
            return _leave(driver, interrupts)
    driver.stop_queueing()
    driver.remove_queued()
    _put_end(plan, state, driver, json=json)
    return 1 if any(one.looks[-1].delta is None for one in state.comparisons) else 0


def _leave(driver: PlanDriver, interrupts: Interrupts) -> int:
    """Stop what this plan queued or trains, on Ctrl-C and SIGTERM."""
    active = driver.stop_queueing()
    driver.remove_queued()
    for run in active:
        if run.state is not State.QUEUED:
            request_stop(run, by="labtui run")
    say("Stopping: each run finishes its step and saves. The plan is kept: the same command continues it.")
    return EXIT_TERMINATED if interrupts.terminated else EXIT_INTERRUPTED


def _put_end(plan: Plan, state: PlanState, driver: PlanDriver, *, json: bool) -> None:
    outcomes = plan_outcomes(plan, driver.runs)
    trained = sum(len(seeds) for seeds in outcomes.values())
    seconds = [run.result.seconds for run in driver.runs if run.result is not None and run.state is State.FINISHED]
    if json:
        for one in state.comparisons:
            look = _look_json(plan, one.looks[-1])
            put_json({"event": "end", "row": one.comparison.row.name, **look, "trainings": trained})
        return
    for line in end_lines(state, trained, sum(seconds) / len(seconds) if seconds else None):
        put(line)


def _look_json(plan: Plan, look: Look) -> dict[str, Any]:
    bounds = [None if abs(edge) == float("inf") else edge for edge in (look.low, look.high)]
    return {
        "plan": plan.id,
        "seeds": look.seeds,
        "delta": look.delta,
        "interval": bounds,
        "verdict": verdict_word(plan, look.decision),
        "chance": look.chance,
        "row_failed": look.row_failed,
        "baseline_failed": look.baseline_failed,
    }


def _put_plan(plan: Plan, *, json: bool) -> None:
    if json:
        sides = [side.name for side in plan.sides]
        put_json({"plan": plan.id, "sides": sides, "max_seeds": plan.cap, "alpha": plan.alpha, "metric": plan.metric})
        return
    for line in plan_lines(plan):
        put(line)
    say(f"At most {plural(plan.cap * len(plan.sides), 'run')}; nothing was started")

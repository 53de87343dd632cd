"""What the console does to the world, each deed a call that takes its time and says in a sentence what came of it.

Run in worker threads; they raise LabErrors for people. Nothing here knows a screen. What starts and stops processes is
imported when something is to be done: it would make the first frame wait for 15 ms.
"""

import getpass
import shlex
from collections.abc import Callable, Iterable, Sequence

import msgspec

from labtui.api import Lab, Plan, PlannedRun, plan_runs
from labtui.console.launch.preview import plan_wish
from labtui.console.launch.request import Wish
from labtui.spec import Variant
from labtui.store.run import Run
from labtui.text.durations import duration
from labtui.text.sizes import size

Tell = Callable[[str], None]


def queue_defaults(lab: Lab, names: Sequence[str], tell: Tell) -> str:
    """Plan the named experiments with their defaults and queue what comes out."""
    tell(f"planning {', '.join(names)} …")
    return queue_plan(lab, plan_runs(lab, names), device="auto", at_once=1, tell=tell)


def queue_wish(lab: Lab, wish: Wish, tell: Tell) -> str:
    """Plan a wish, fetching the data that it needs, and queue what comes out."""
    plan = plan_wish(lab, wish, fetch=True, progress=_told_by_percent(tell))
    return queue_plan(lab, plan, device=wish.device, at_once=wish.at_once, tell=tell)


def _told_by_percent(tell: Tell) -> Callable[[int, int], None]:
    """Progress of a download in words, once per percent."""
    told = -1

    def progress(done: int, total: int) -> None:
        nonlocal told
        percent = 100 * done // total if total else 0
        if percent != told:
            told = percent
            tell(f"fetching data: {percent}% of {size(total)}")

    return progress


def queue_plan(lab: Lab, plan: Plan, *, device: str, at_once: int, tell: Tell) -> str:
    """Queue every run of a plan and see to it that somebody works the queue off."""
    from labtui.api import lifecycle
    from labtui.launch.environment import threads_per_run, usable_cores

    tell(f"queueing {_named(plan.runs)} …")
    threads = threads_per_run(at_once, usable_cores())
    for planned in plan.runs:
        lifecycle.enqueue(lab, planned, device=device, threads=threads, per_device=at_once, by=who())
    lifecycle.start_queue_runner(lab)
    return "  ".join([f"queued {_named(plan.runs)}{_about(plan)}", *plan.notices])


def stop_run(run: Run, tell: Tell) -> str:
    """Stop a run in stages, telling of each: asked, SIGTERM, SIGKILL."""
    from labtui.launch import stop

    ended = stop.stop(run, who(), tell=lambda text: tell(f"{label(run)}: {text}"))
    return f"{label(run)} has ended" if ended else f"{label(run)} goes on"


def go_on(lab: Lab, run: Run) -> str:
    """Queue a run that was stopped, lost or failed, or could not be started, to go on."""
    from labtui.api import lifecycle

    lifecycle.enqueue_resume(lab, run, by=who())
    lifecycle.start_queue_runner(lab)
    return f"{label(run)} waits in the queue to {'go on' if run.attempt else 'start'}"


def wake_queue(lab: Lab, told: str) -> str:
    """Have a queue go on that stood still; that, behind what was told before, or nothing."""
    from labtui.api import lifecycle

    woken = lifecycle.restart_stalled_queue(lab)
    return "; ".join(part for part in (told, woken) if part) if woken else ""


def take_out_of_queue(lab: Lab, run: Run) -> str:
    """Take a run that has not started out of the queue."""
    from labtui.api import lifecycle
    from labtui.launch.queue import entries as queue

    for entry in queue.entries(lab.store.root):
        if entry.run == run.id:
            lifecycle.remove_from_queue(lab, entry)
            return f"{label(run)} is out of the queue"
    return f"{label(run)} is not in the queue; `labtui rm` takes the folder away"


def label(run: Run) -> str:
    """How a message names a run."""
    return f"{run.display_title} seed {run.seed}" if run.seed is not None else run.id


def who() -> str:
    """Who asks, for the record."""
    try:
        return f"{getpass.getuser()}, console"
    except (KeyError, OSError):  # a container without a user database
        return "console"


def _named(runs: Sequence[PlannedRun]) -> str:
    if len(runs) == 1:
        return f"{runs[0].spec.display_title} with seed {runs[0].spec.seed}"
    return f"{len(runs)} runs"


def _about(plan: Plan) -> str:
    return f", about {duration(plan.estimate)} in all" if plan.estimate else ""


def command_for(variants: Iterable[Variant]) -> str:
    """The command line that runs these with their defaults; empty for none."""
    names = [variant.spec.name for variant in variants]
    return shlex.join(["labtui", "run", *names]) if names else ""


def command_of(run: Run) -> str:
    """The command line that repeats a run: its seed and what was overridden; empty for another tool's run."""
    if run.spec is None:
        return ""
    words = ["labtui", "run", run.name, "--seed", str(run.seed)]
    for key, value in run.spec.overrides.items():
        words += ["--set", f"{key}={value if isinstance(value, str) else msgspec.json.encode(value).decode()}"]
    return shlex.join(words)

"""`labtui stop`, `resume` and `rm`: actions on existing runs."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.options import complete_runs, existing_runs_options, json_option, yes_option
from labtui.cli.streams import is_interactive, put, say
from labtui.errors import LabError, UsageError
from labtui.launch.stop import Stage, StageTimeouts
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.clean import clean_line
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab


STOPPED_AT_ONCE = 64
"""Runs that are being stopped at a time; more do not run on one machine."""


class StateList(click.ParamType["frozenset[State]"]):
    """States in which a run is over, separated by commas."""

    name = "STATE,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> frozenset[State]:
        """The states."""
        over = {state.value: state for state in State if state.is_over}
        names = [name.strip() for name in str(value).split(",")]
        unknown = [name for name in names if name not in over]
        if unknown:
            self.fail(f"{unknown[0]!r} is not one of {', '.join(sorted(over))}.", param, ctx)
        return frozenset(over[name] for name in names)


@click.command(
    cls=LabCommand,
    examples=("labtui stop dropout", "labtui stop last --patience 60", "labtui stop --all"),
)
@click.argument("which", nargs=-1, shell_complete=complete_runs, metavar="[RUN]...")
@click.option("--all", "everything", is_flag=True, help="All active and queued runs.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help=f"Time before SIGTERM.  [default: {StageTimeouts().asked:g}]",
)
@click.option("--ask-only", is_flag=True, help="Only ask the runs to stop; send no signals.")
@existing_runs_options
def stop(lab: "Lab", *, which: tuple[str, ...], everything: bool, patience: float | None, ask_only: bool) -> int:
    """Stop runs in stages: a request, then SIGTERM, then SIGKILL.

    On request, a run finishes its step and saves. `labtui resume RUN` continues a stopped run.
    """
    runs = _active(lab) if everything else _find(lab, which)
    if not runs:
        say("No active runs.")
        return 0
    ended = _stop_all(lab, lambda run: _stop(lab, run, patience, ask_only=ask_only), runs)
    return 0 if ended or ask_only else LabError.exit_code


@click.command(
    cls=LabCommand,
    examples=("labtui resume last", "labtui resume Cifar/Dropout/s0-20261123-142501 -d"),
)
@click.argument("which", nargs=-1, required=True, shell_complete=complete_runs, metavar="RUN...")
@click.option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.  [default: the run's last device]")
@click.option("-d", "--detach", is_flag=True, help="Queue the runs and return immediately.")
@click.option("--take-over", is_flag=True, help="Also resume runs of another machine that will not come back.")
@click.option("-q", "--quiet", is_flag=True, help="Show only the table at the end.")
@json_option
@existing_runs_options
def resume(
    lab: "Lab", *, which: tuple[str, ...], device: str | None, detach: bool, take_over: bool, quiet: bool, json: bool
) -> int:
    """Resume runs that were stopped, lost or failed, each from its last checkpoint.

    On a CPU, with the threads of the first launch, the result is the same as without the interruption.
    """
    from labtui.api.lifecycle import require_resumable

    runs = _find(lab, which)
    for run in runs:
        require_resumable(run)
    if detach:
        from labtui.cli.queue import enqueue_resumed

        return enqueue_resumed(lab, runs, device, json=json)
    from labtui.cli.training import resume_runs

    return resume_runs(lab, runs, device or _common_device(runs), take_over=take_over, quiet=quiet, json=json)


@click.command(
    cls=LabCommand,
    examples=(
        "labtui rm last",
        "labtui rm Cifar/Dropout/s0-20261123-142501 --yes",
        "labtui rm --state failed,diverged --keep 3",
    ),
)
@click.argument("which", nargs=-1, shell_complete=complete_runs, metavar="[RUN]...")
@click.option(
    "--state",
    "states",
    type=StateList(),
    metavar="STATE,...",
    help="All runs that ended like this: failed, diverged, lost, stopped or finished; RUN restricts them.",
)
@click.option("--keep", type=click.IntRange(min=0), metavar="N", help="With --state: leave the N newest of them.")
@yes_option
@existing_runs_options
def rm(lab: "Lab", *, which: tuple[str, ...], states: frozenset[State] | None, keep: int | None, yes: bool) -> None:
    """Move runs to the trash of their runs folder; nothing is deleted. Refuses active runs.

    `labtui trash` lists what is there, and `labtui trash empty` deletes it.
    """
    from labtui.api.lifecycle import move_to_trash

    if states is None and keep is not None:
        raise UsageError("--keep needs --state, which selects the runs.")
    if not which and states is None:
        raise UsageError("Name a RUN, or select runs with --state.", advice="`labtui ps` lists the runs.")
    runs = _find(lab, which) if states is None else _ended(lab, which, states)[keep or 0 :]
    active = [run for run in runs if run.state.is_active]
    if active:
        raise UsageError(
            f"{active[0].id} is {active[0].state}: nothing was moved.", advice=f"labtui stop {active[0].id}"
        )
    if not runs:
        say("There is nothing to move.")
        return
    if not yes:
        _confirm(runs)
    for run in runs:
        put(str(move_to_trash(lab, run)))
    say(f"Moved {plural(len(runs), 'run')} to the trash. `labtui trash empty` frees the disk space.")


def _ended(lab: "Lab", names: Sequence[str], states: frozenset[State]) -> list[Run]:
    """labtui's own runs that ended in one of the states, newest first; only of these experiments or ids, if any."""
    ended = [run for run in lab.store.scan() if run.state in states and not run.read_only]
    chosen = [run for run in ended if not names or any(_is_named(run, name) for name in names)]
    for name in names:
        if not any(_is_named(run, name) for run in lab.store.scan()):
            raise UsageError(f"No run matches {clean_line(name)!r}.", advice="`labtui ps --all` lists the runs.")
    return chosen


def _is_named(run: Run, name: str) -> bool:
    spec = run.spec
    named = spec is not None and name in (spec.experiment, spec.name, run.display_title)
    return named or name.casefold() in run.id.casefold()


def _find(lab: "Lab", names: Sequence[str]) -> list[Run]:
    if not names:
        raise UsageError("Name a run, or use --all.", advice="`labtui ps` lists the runs.")
    return list({run.id: run for run in map(lab.store.find, names)}.values())


def _active(lab: "Lab") -> list[Run]:
    own = [run for run in lab.store.scan() if not (run.foreign or run.behind_link)]
    return [run for run in own if run.state.is_active or run.state is State.QUEUED]


def _stop_all(lab: "Lab", stop_one: Callable[[Run], bool], runs: Sequence[Run]) -> bool:
    """Take what waits out of the queue first, so that nothing new starts, then stop what is active; whether all have
    ended.

    At most `STOPPED_AT_ONCE` runs are stopped at a time, each in a thread. The threads are daemons: Ctrl-C does not
    wait.
    """
    from labtui.api.lifecycle import take_out_of_queue

    if len(runs) == 1:
        return stop_one(runs[0])
    queued = [run for run in runs if run.state is State.QUEUED]
    active = [run for run in runs if run.state is not State.QUEUED]
    active += take_out_of_queue(lab, queued, say=lambda run, text: say(f"{run.id}: {text}"))
    ended: list[bool] = []
    left = SimpleQueue[Run]()
    for run in active:
        left.put(run)

    def work() -> None:
        with suppress(Empty):
            while True:
                ended.append(stop_one(left.get_nowait()))

    threads = [Thread(target=work, daemon=True) for _ in range(min(len(active), STOPPED_AT_ONCE))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(ended) == len(active) and all(ended)


def _stop(lab: "Lab", run: Run, patience: float | None, *, ask_only: bool) -> bool:
    from labtui.api import lifecycle

    return lifecycle.stop(
        lab,
        run,
        by="labtui stop",
        say=lambda text: say(f"{run.id}: {text}"),
        timeouts=None if patience is None else StageTimeouts(asked=patience),
        until=Stage.ASKED if ask_only else Stage.KILLED,
    )


def _common_device(runs: Sequence[Run]) -> str:
    """The device that all of the runs were on. Raises UsageError where they differ."""
    names = sorted({run.launch.device for run in runs if run.launch is not None})
    if len(names) > 1:
        raise UsageError(
            f"These runs were on different devices: {', '.join(names)}.",
            advice="Use --device, or resume them separately.",
        )
    return names[0] if names else "auto"


def _confirm(runs: Sequence[Run]) -> None:
    if not is_interactive():
        raise UsageError(
            "There is no terminal to ask for confirmation: nothing was moved.", advice="Use --yes to move without it."
        )
    for run in runs:
        say(f"  {run.id} ({run.state})")
    click.confirm(f"Move {plural(len(runs), 'run')} to the trash?", abort=True, err=True)

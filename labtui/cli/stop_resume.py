"""`labtui stop`, `resume` and `rm`: what can be done to runs that exist."""

from collections.abc import Callable, Sequence
from threading import Thread
from typing import TYPE_CHECKING

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.format import plural
from labtui.cli.options import complete_runs, lab_options, yes_option
from labtui.cli.streams import is_interactive, put, say
from labtui.errors import LabError, UsageError
from labtui.store.run import Run
from labtui.store.state import State

if TYPE_CHECKING:
    from labtui.api import Lab


@click.command(
    cls=LabCommand,
    examples=("labtui stop dropout", "labtui stop last --patience 60", "labtui stop --all"),
)
@click.argument("which", nargs=-1, shell_complete=complete_runs, metavar="[RUN]...")
@click.option("--all", "everything", is_flag=True, help="Every run that is active, and what waits in the queue.")
@click.option("--patience", type=click.FloatRange(min=0), metavar="SECONDS", help="Before SIGTERM.  [default: 20]")
@click.option("--ask-only", is_flag=True, help="Ask and leave; send no signal.")
@lab_options
def stop(lab: "Lab", *, which: tuple[str, ...], everything: bool, patience: float | None, ask_only: bool) -> int:
    """Stop runs in stages, each shown: finish the step and save; then SIGTERM; then SIGKILL.

    A stopped run keeps what it has; `labtui resume RUN` goes on with it.
    """
    chosen = _active(lab) if everything else _found(lab, which)
    if not chosen:
        say("No run is active.")
        return 0
    ended = _all_at_once(lambda run: _stop(lab, run, patience, ask_only=ask_only), chosen)
    return 0 if ended or ask_only else LabError.exit_code


@click.command(
    cls=LabCommand,
    examples=("labtui resume last", "labtui resume Cifar/Dropout/s0-20261123-142501 -d"),
)
@click.argument("which", nargs=-1, required=True, shell_complete=complete_runs, metavar="RUN...")
@click.option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps.  [default: the one it was on]")
@click.option("-d", "--detach", is_flag=True, help="Queue them and give the shell back.")
@click.option("--take-over", is_flag=True, help="Also a run of another machine that is gone for good.")
@click.option("-q", "--quiet", is_flag=True, help="Only the table at the end.")
@click.option("--json", is_flag=True, help="Write JSON, one value a line.")
@lab_options
def resume(
    lab: "Lab", *, which: tuple[str, ...], device: str | None, detach: bool, take_over: bool, quiet: bool, json: bool
) -> int:
    """Go on with runs that were stopped, lost or failed, each from its last checkpoint.

    On a CPU, with the threads of the first launch, the result is the one that the run would have had undisturbed.
    """
    chosen = _found(lab, which)
    from labtui.api.lifecycle import require_resumable

    for run in chosen:
        require_resumable(run)
    if detach:
        from labtui.cli.queue import enqueue_resumed

        return enqueue_resumed(lab, chosen, device, json=json)
    from labtui.cli.training import resume_runs

    return resume_runs(lab, chosen, device or _device_of(chosen), take_over=take_over, quiet=quiet, json=json)


@click.command(cls=LabCommand, examples=("labtui rm last", "labtui rm Cifar/Dropout/s0-20261123-142501 --yes"))
@click.argument("which", nargs=-1, required=True, shell_complete=complete_runs, metavar="RUN...")
@yes_option
@lab_options
def rm(lab: "Lab", *, which: tuple[str, ...], yes: bool) -> None:
    """Move runs to the trash of their runs folder. Refuses runs that are active; deletes nothing."""
    from labtui.api.lifecycle import move_to_trash

    chosen = _found(lab, which)
    active = [run for run in chosen if run.state.is_active]
    if active:
        raise UsageError(
            f"{active[0].id} is {active[0].state}: nothing was moved.", advice=f"labtui stop {active[0].id}"
        )
    if not yes:
        _ask(chosen)
    for run in chosen:
        put(str(move_to_trash(lab, run)))
    say(f"Moved {plural(len(chosen), 'run')} to the trash; deleting it there frees the disk.")


def _found(lab: "Lab", texts: Sequence[str]) -> list[Run]:
    if not texts:
        raise UsageError("Name a run, or say --all.", advice="`labtui ps` lists the runs.")
    return list({run.id: run for run in map(lab.store.find, texts)}.values())


def _active(lab: "Lab") -> list[Run]:
    wanted = [run for run in lab.store.scan() if not run.foreign]
    return [run for run in wanted if run.state.is_active or run.state is State.QUEUED]


def _all_at_once(stop_one: Callable[[Run], bool], runs: Sequence[Run]) -> bool:
    """Stop every run in a thread of its own; whether all have ended. Ctrl-C leaves at once, whatever they wait for."""
    if len(runs) == 1:
        return stop_one(runs[0])
    ended: list[bool] = []
    threads = [Thread(target=lambda run=run: ended.append(stop_one(run)), daemon=True) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(ended) == len(runs) and all(ended)


def _stop(lab: "Lab", run: Run, patience: float | None, *, ask_only: bool) -> bool:
    from labtui.launch.stop import Patience, Stage
    from labtui.launch.stop import stop as stop_in_stages

    if run.state is State.QUEUED:
        from labtui.cli.queue import take_out_run

        return take_out_run(lab, run)
    if not run.state.is_active:
        say(f"{run.id}: it is {run.state} already")
        return True
    return stop_in_stages(
        run,
        by="labtui stop",
        patience=Patience() if patience is None else Patience(asked=patience),
        tell=lambda text: say(f"{run.id}: {text}"),
        until=Stage.ASKED if ask_only else Stage.KILLED,
    )


def _device_of(runs: Sequence[Run]) -> str:
    """The device that all of them were on."""
    names = sorted({run.launch.device for run in runs if run.launch is not None})
    if len(names) > 1:
        raise UsageError(f"These runs were on {' and '.join(names)}.", advice="Say --device, or resume them apart.")
    return names[0] if names else "auto"


def _ask(runs: Sequence[Run]) -> None:
    if not is_interactive():
        raise UsageError(
            "There is no terminal to ask on: nothing was moved.", advice="Say --yes to move without asking."
        )
    for run in runs:
        say(f"  {run.id} ({run.state})")
    click.confirm(f"Move {plural(len(runs), 'run')} to the trash?", abort=True, err=True)

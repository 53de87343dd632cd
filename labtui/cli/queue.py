"""`labtui queue` and what puts runs there: waiting runs, started one after the other by the queue runner."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from labtui.api.lifecycle import enqueue, enqueue_next_attempt, remove_from_queue, start_queue_runner
from labtui.api.placement import estimated_memory, place_runs
from labtui.cli.click_ext import LabGroup
from labtui.cli.columns import put_table
from labtui.cli.format import NOTHING, ago, plural
from labtui.cli.options import json_option, lab_from, lab_options
from labtui.cli.ps import as_json as run_as_json
from labtui.cli.streams import Piece, put, put_json, say
from labtui.errors import UsageError
from labtui.launch.queue import entries as waiting
from labtui.launch.queue.runner import standing
from labtui.store.run import Run

if TYPE_CHECKING:
    from labtui.api import Lab, Plan

BY = "labtui run -d"
HEADER = ("ENTRY", "RUN", "DEVICE", "HOST", "QUEUED", "STATE")


def _complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    lab = lab_from(ctx.params.get("catalog"), ctx.params.get("runs"), ctx.params.get("data"))
    known = (*waiting.entries(lab.store.root), *waiting.failed(lab.store.root))
    return [CompletionItem(entry.run) for entry in known if entry.run.startswith(incomplete)]


@click.group(cls=LabGroup)
def queue() -> None:
    """Runs that wait for a device: list them, take one out, try a failed one again.

    `labtui run -d` and the console put runs here; a runner in the background starts them, one after the other.
    """


@queue.command(examples=("labtui queue ls", "labtui queue ls --json"))
@json_option
@lab_options
def ls(lab: "Lab", *, json: bool) -> None:
    """List what waits, first come first, and what could not be started, with the reason."""
    known = (*waiting.entries(lab.store.root), *waiting.failed(lab.store.root))
    if json:
        for entry in known:
            put_json(_as_json(entry))
        return
    if not known:
        say(f"Nothing waits in {lab.store.root}.")
        return
    put_table(HEADER, [_row(entry) for entry in known])
    _say_standing(lab)


@queue.command(examples=("labtui queue rm dropout/s0", "labtui queue rm --all"))
@click.argument("names", nargs=-1, shell_complete=_complete, metavar="[ENTRY]...")
@click.option("--all", "everything", is_flag=True, help="Everything that waits or could not be started.")
@lab_options
def rm(lab: "Lab", *, names: tuple[str, ...], everything: bool) -> None:
    """Take runs out of the queue. ENTRY is a queue entry, or the id (or a part of it) of its run."""
    for entry in _found(lab, names, everything=everything):
        put(f"{entry.run}: {'taken out' if remove_from_queue(lab, entry) else 'it was gone already'}")


@queue.command(examples=("labtui queue retry --all",))
@click.argument("names", nargs=-1, shell_complete=_complete, metavar="[ENTRY]...")
@click.option("--all", "everything", is_flag=True, help="Everything that could not be started.")
@lab_options
def retry(lab: "Lab", *, names: tuple[str, ...], everything: bool) -> None:
    """Queue again what could not be started, on this machine; also gets a queue going that stands still."""
    chosen = list(waiting.failed(lab.store.root)) if everything else _found(lab, names, everything=False)
    for entry in chosen:
        again = waiting.retry(lab.store.root, entry, by="labtui queue retry")
        put(f"{again.run}: queued as {again.name}")
    _say_runner(start_queue_runner(lab))


def enqueue_all(lab: "Lab", plan: "Plan", device: str, jobs: int | None, *, json: bool) -> int:
    """Queue everything that was planned."""
    memory = estimated_memory(planned.spec for planned in plan.runs)
    where = place_runs(device, runs=len(plan.runs), jobs=jobs, memory=memory)

    def one(place: int) -> Run:
        return enqueue(lab, plan.runs[place], device=device, threads=where.threads, per_device=where.per_device, by=BY)

    return _enqueue(lab, one, len(plan.runs), json=json)


def enqueue_resumed(lab: "Lab", runs: Sequence[Run], device: str | None, *, json: bool) -> int:
    """Queue runs to go on from their last checkpoints, each on its own device where none is named."""

    def one(place: int) -> Run:
        run = runs[place]
        wish = device or (run.launch.device if run.launch is not None else "auto")
        threads = place_runs(wish, runs=1).threads
        enqueue_next_attempt(lab, run, device=wish, threads=threads, by="labtui resume -d")
        return run

    return _enqueue(lab, one, len(runs), json=json)


def take_out_run(lab: "Lab", run: Run) -> bool:
    """Take a run out of the queue by its id; whether it was there."""
    mine = [entry for entry in waiting.entries(lab.store.root) if entry.run == run.id]
    for entry in mine:
        say(f"{run.id}: {'taken out of the queue' if remove_from_queue(lab, entry) else 'it was gone already'}")
    if not mine:
        say(f"{run.id}: it has not started, and nothing in the queue starts it. `labtui rm {run.id}` takes it away.")
    return True


def _enqueue(lab: "Lab", one: Callable[[int], Run], count: int, *, json: bool) -> int:
    for place in range(count):
        run = one(place)
        if json:
            put_json({"event": "queued", **run_as_json(run)})
        else:
            put(run.id)
    started = start_queue_runner(lab)
    if not json:
        say(f"{plural(count, 'run')} queued. `labtui ps` watches, `labtui queue ls` lists what waits.")
        _say_runner(started)
    return 0


def _say_runner(started: bool) -> None:
    if started:
        say("A queue runner was started; it ends when nothing waits any more.")


def _say_standing(lab: "Lab") -> None:
    if count := standing(lab.store.root):
        waits = "1 run waits" if count == 1 else f"{count} runs wait"
        say(f"{waits} and no queue runner is at work. `labtui queue retry --all` starts one, and so does the console.")


def _found(lab: "Lab", names: Sequence[str], *, everything: bool) -> list[waiting.Entry]:
    if everything:
        return [*waiting.entries(lab.store.root), *waiting.failed(lab.store.root)]
    if not names:
        raise UsageError("Name an entry, or say --all.", advice="`labtui queue ls` lists them.")
    return [waiting.find(lab.store.root, name) for name in names]


def _row(entry: waiting.Entry) -> tuple[Piece, ...]:
    ticket = entry.ticket
    state = f"could not be started: {entry.reason}" if entry.reason else "waits"
    if ticket is None:
        return (entry.name, entry.run, NOTHING, NOTHING, NOTHING, state)
    if not entry.is_here:
        state += f" for {ticket.origin.host}"
    return (entry.name, entry.run, ticket.device, ticket.origin.host, ago(ticket.when), state)


def _as_json(entry: waiting.Entry) -> dict[str, object]:
    ticket = entry.ticket
    return {
        "entry": entry.name,
        "run": entry.run,
        "waits": not entry.reason,
        "reason": entry.reason,
        "device": ticket.device if ticket is not None else None,
        "threads": ticket.threads if ticket is not None else None,
        "host": ticket.origin.host if ticket is not None else None,
        "queued": ticket.when if ticket is not None else None,
        "resume": ticket.resume if ticket is not None else None,
    }

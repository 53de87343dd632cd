"""`labtui queue`, and adding runs to the queue: the queue runner starts them as devices come free."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from labtui.api.lifecycle import enqueue_next_attempt, enqueue_plan, remove_from_queue, start_queue_runner
from labtui.api.placement import place_runs
from labtui.api.planning import threads_notice
from labtui.cli.click_ext import LabGroup
from labtui.cli.options import existing_runs_options, json_option, lab_from
from labtui.cli.ps import as_json as run_as_json
from labtui.cli.streams import Part, put, put_json, put_table, say
from labtui.errors import UsageError
from labtui.launch.queue.entries import QueueEntry, failed_entries, find_entry, retry_entry, waiting_entries
from labtui.launch.queue.runner import count_unattended
from labtui.store.run import Run
from labtui.text.durations import ago, moment
from labtui.text.numbers import DASH
from labtui.text.tables import Column
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab, LaunchPlan

COLUMNS = tuple(map(Column, ("ENTRY", "RUN", "DEVICE", "HOST", "QUEUED", "STATE")))


def _complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    lab = lab_from(ctx.params.get("catalog"), ctx.params.get("runs"), ctx.params.get("data"))
    known = (*waiting_entries(lab.store.root), *failed_entries(lab.store.root))
    return [CompletionItem(entry.run) for entry in known if entry.run.startswith(incomplete)]


@click.group(cls=LabGroup)
def queue() -> None:
    """List, move, remove, pause and retry queued runs.

    `labtui run -d` and the console queue runs; a queue runner in the background starts them, one after the other.
    """


@queue.command(examples=("labtui queue ls", "labtui queue ls --json"))
@json_option
@existing_runs_options
def ls(lab: "Lab", *, json: bool) -> None:
    """List the waiting runs in order, and those that could not be started, with the reason."""
    known = (*waiting_entries(lab.store.root), *failed_entries(lab.store.root))
    if json:
        for entry in known:
            put_json(_as_json(entry))
        return
    if not known:
        say(f"No runs are waiting in {lab.store.root}.")
        _say_if_paused(lab)
        return
    put_table(COLUMNS, [_row(entry) for entry in known])
    if not _say_if_paused(lab):
        _say_if_stopped(lab)


@queue.command(examples=("labtui queue rm dropout/s0", "labtui queue rm --all"))
@click.argument("names", nargs=-1, shell_complete=_complete, metavar="[ENTRY]...")
@click.option("--all", "everything", is_flag=True, help="All waiting runs and those that could not be started.")
@existing_runs_options
def rm(lab: "Lab", *, names: tuple[str, ...], everything: bool) -> None:
    """Remove runs from the queue. ENTRY is a queue entry, or the id of its run or a part of it."""
    for entry in _find(lab, names, everything=everything):
        removed = remove_from_queue(lab, entry)
        put(f"{entry.run}: {'removed from the queue' if removed else 'was no longer in the queue'}")


@queue.command(examples=("labtui queue retry --all",))
@click.argument("names", nargs=-1, shell_complete=_complete, metavar="[ENTRY]...")
@click.option("--all", "everything", is_flag=True, help="All runs that could not be started.")
@existing_runs_options
def retry(lab: "Lab", *, names: tuple[str, ...], everything: bool) -> None:
    """Queue again the runs that could not be started.

    They are queued on this machine. A queue runner is started if none is active.
    """
    chosen = list(failed_entries(lab.store.root)) if everything else _find(lab, names, everything=False)
    for entry in chosen:
        again = retry_entry(lab.store.root, entry, by="labtui queue retry")
        put(f"{again.run}: queued as {again.name}")
    _say_runner(start_queue_runner(lab))


@queue.command(
    examples=(
        "labtui queue move dropout/s0",
        "labtui queue move adam --last",
        "labtui queue move s2 --before dropout/s0",
    )
)
@click.argument("names", nargs=-1, required=True, shell_complete=_complete, metavar="ENTRY...")
@click.option("--first", is_flag=True, help="To the front of the queue, which is the default.")
@click.option("--last", is_flag=True, help="To the end of the queue.")
@click.option("--before", metavar="ENTRY", shell_complete=_complete, help="Before this entry.")
@existing_runs_options
def move(lab: "Lab", *, names: tuple[str, ...], first: bool, last: bool, before: str | None) -> None:
    """Change the order of the queue: move waiting runs to its front, to its end, or before another.

    ENTRY is a queue entry, or the id of its run or a part of it. Several keep the order in which they are named.
    """
    from labtui.launch.queue.order import move as move_entries

    if first + last + (before is not None) > 1:
        raise UsageError("Use only one of --first, --last and --before.")
    root = lab.store.root
    chosen = list({entry.name: entry for name in names for entry in _waiting(lab, name)}.values())
    move_entries(root, chosen, before=find_entry(root, before) if before is not None else None, last=last)
    where = "to the end" if last else f"before {before}" if before is not None else "to the front"
    for entry in chosen:
        put(f"{entry.run}: moved {where}")


@queue.command("pause", examples=("labtui queue pause",))
@existing_runs_options
def pause_queue(lab: "Lab") -> None:
    """Start nothing from the queue until `labtui queue continue`. Runs that have started continue."""
    from labtui.launch.queue.order import pause

    changed = pause(lab.store.root, by="labtui queue pause")
    say(f"The queue {'is paused' if changed else 'was paused already'}. `labtui queue continue` continues it.")


@queue.command("continue", examples=("labtui queue continue",))
@existing_runs_options
def continue_queue(lab: "Lab") -> None:
    """Continue a queue that was paused. A queue runner is started if runs wait and none is active."""
    from labtui.launch.queue.order import unpause

    say("The queue continues." if unpause(lab.store.root) else "The queue was not paused.")
    if waiting_entries(lab.store.root):
        _say_runner(start_queue_runner(lab))


def enqueue_all(lab: "Lab", plan: "LaunchPlan", device: str, jobs: int | None, *, json: bool) -> int:
    """Queue the planned runs and return the exit code."""
    if notice := threads_notice(plan, place_runs(device, runs=len(plan.runs), jobs=jobs).threads):
        say(notice)
    return _enqueue(
        lab, enqueue_plan(lab, plan, device=device, jobs=jobs, by="labtui run -d"), len(plan.runs), json=json
    )


def enqueue_resumed(lab: "Lab", runs: Sequence[Run], device: str | None, *, json: bool) -> int:
    """Queue runs to resume from their last checkpoints, each on its last device where none is given."""

    def enqueued() -> Iterator[Run]:
        for run in runs:
            requested_device = device or (run.launch.device if run.launch is not None else "auto")
            threads = place_runs(requested_device, runs=1).threads
            enqueue_next_attempt(lab, run, device=requested_device, threads=threads, by="labtui resume -d")
            yield run

    return _enqueue(lab, enqueued(), len(runs), json=json)


def _enqueue(lab: "Lab", enqueued: Iterable[Run], count: int, *, json: bool) -> int:
    """Queue runs by iterating over them, print each, and make sure that a queue runner is running."""
    started = False
    for place, run in enumerate(enqueued):
        if not place:
            started = start_queue_runner(lab)  # the first one need not wait until all are queued
        if json:
            put_json({"event": "queued", **run_as_json(run)})
        else:
            put(run.id)
    started = start_queue_runner(lab) or started
    if not json:
        say(f"{plural(count, 'run')} queued. `labtui ps` shows their progress, `labtui queue ls` those that wait.")
        _say_runner(started)
        _say_if_paused(lab)
    return 0


def _say_runner(started: bool) -> None:
    if started:
        say("Started a queue runner; it exits when the queue is empty.")


def _say_if_paused(lab: "Lab") -> bool:
    from labtui.launch.queue.order import paused

    pause = paused(lab.store.root)
    if pause is not None:
        say(f"The queue is paused since {moment(pause.when, time.time())}. `labtui queue continue` continues it.")
    return pause is not None


def _say_if_stopped(lab: "Lab") -> None:
    if number := count_unattended(lab.store.root):
        waiting_runs = f"{plural(number, 'run')} {'is' if number == 1 else 'are'} waiting"
        say(f"{waiting_runs}, but no queue runner is active. `labtui queue retry --all` or the console starts one.")


def _waiting(lab: "Lab", name: str) -> list[QueueEntry]:
    """The waiting entries of this name: one, or all runs of an experiment's title in the order of the queue."""
    waiting = waiting_entries(lab.store.root)
    found = [entry for entry in waiting if name.casefold() in entry.run.casefold()]
    return found or [find_entry(lab.store.root, name)]


def _find(lab: "Lab", names: Sequence[str], *, everything: bool) -> list[QueueEntry]:
    if everything:
        return [*waiting_entries(lab.store.root), *failed_entries(lab.store.root)]
    if not names:
        raise UsageError("Name an entry, or use --all.", advice="`labtui queue ls` lists them.")
    return [find_entry(lab.store.root, name) for name in names]


def _row(entry: QueueEntry) -> tuple[Part, ...]:
    ticket = entry.ticket
    state = f"could not be started: {entry.reason}" if entry.reason else "waiting"
    if ticket is None:
        return (entry.name, entry.run, DASH, DASH, DASH, state)
    if not entry.is_here:
        state += f" for {ticket.origin.host}"
    return (entry.name, entry.run, ticket.device, ticket.origin.host, ago(ticket.when), state)


def _as_json(entry: QueueEntry) -> dict[str, object]:
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

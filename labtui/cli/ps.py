"""`labtui ps`: the runs of a runs folder, as their files tell."""

from typing import TYPE_CHECKING, Any

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.columns import put_table
from labtui.cli.format import NOTHING, ago, duration, number, plural, progress, state_piece
from labtui.cli.options import json_option, lab_options
from labtui.cli.streams import Piece, put_json, say
from labtui.store.run import Run
from labtui.store.tags import LIVE_ACCURACY

if TYPE_CHECKING:
    from labtui.api import Lab

HEADER = ("RUN", "STATE", "EPOCH", "ACCURACY", "IMAGES/S", "ETA", "DEVICE", "STARTED", "WHY")

RECENT = 10
"""Runs listed at least, ended ones among them, where --all is not given."""


@click.command(cls=LabCommand, examples=("labtui ps", "labtui ps --all", "labtui ps --json"))
@click.option("-a", "--all", "everything", is_flag=True, help=f"All runs, not just the active and the {RECENT} newest.")
@json_option
@lab_options
def ps(lab: "Lab", *, everything: bool, json: bool) -> None:
    """List runs: what they do now, or how they ended. Runs of other tools are listed too."""
    runs = lab.store.scan()
    listed = [run for place, run in enumerate(runs) if everything or place < RECENT or not run.state.is_over]
    if json:
        for run in listed:
            put_json(as_json(run))
        return
    if not runs:
        say(f"No runs in {lab.store.root} yet. `labtui run NAME` makes one; `labtui ls` lists the names.")
        return
    put_table(HEADER, [_row(run) for run in listed], right=("EPOCH", "ACCURACY", "IMAGES/S", "ETA"))
    if len(listed) < len(runs):
        say(f"{plural(len(runs) - len(listed), 'older run')} not listed; --all lists them.")


def as_json(run: Run) -> dict[str, Any]:
    """A run as JSON: what `ps` and `queue` and `stop` say of it."""
    beat = run.beat if run.state.is_active else None
    return {
        "id": run.id,
        "name": run.name,
        "title": run.display_title,
        "seed": run.seed,
        "state": run.state.value,
        "reason": run.why,
        "attempt": run.attempt,
        "progress": progress(run),
        "accuracy": accuracy(run),
        "images_per_second": _rate(run),
        "eta": beat.eta if beat is not None else None,
        "device": run.launch.device if run.launch is not None else None,
        "host": run.launch.host if run.launch is not None else None,
        "started": run.launch.started if run.launch is not None else None,
        "folder": str(run.folder),
    }


def accuracy(run: Run) -> float | None:
    """What a live list shows as accuracy, in percent: from the result, or of an active run from its curves."""
    if run.result is not None:
        found = [run.result.last[tag].number for tag in LIVE_ACCURACY if tag in run.result.last]
        return found[0] if found else None
    return _live_accuracy(run) if run.state.is_active else None


def _live_accuracy(run: Run) -> float | None:
    from labtui.store.reader import read_curves  # numpy: only where something is running

    curves = read_curves(run.folder)
    for tag in LIVE_ACCURACY:
        last = curves[tag].last if tag in curves else None
        if last is not None:
            return last[1]
    return None


def _rate(run: Run) -> float | None:
    if run.result is not None:
        return run.result.images_per_second
    return run.beat.images_per_second if run.beat is not None and run.state.is_active else None


def _row(run: Run) -> tuple[Piece, ...]:
    launch = run.launch
    eta = run.beat.eta if run.beat is not None and run.state.is_active else None
    return (
        run.id,
        state_piece(run.state),
        progress(run),
        number(accuracy(run), 2),
        number(_rate(run)),
        duration(eta),
        launch.device if launch is not None else NOTHING,
        ago(launch.started if launch is not None else None),
        run.why,
    )

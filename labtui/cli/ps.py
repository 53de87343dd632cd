"""`labtui ps`: the runs of a runs folder."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.format import progress, state_span
from labtui.cli.options import existing_runs_options, json_option, where_option
from labtui.cli.streams import Part, put_json, put_table, say
from labtui.spec import ProgramSpec
from labtui.store.conditions import Condition, full_key
from labtui.store.run import Run
from labtui.store.settings_keys import setting_order, settings_text, varying_keys
from labtui.store.tags import LIVE_ACCURACY
from labtui.text.durations import ago, duration
from labtui.text.numbers import DASH, accuracy, count, loss
from labtui.text.spans import cut
from labtui.text.tables import Column
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab

COLUMNS = (
    Column("RUN", middle=True),
    Column("STATE"),
    Column("EPOCH", right=True),
    Column("ACCURACY", right=True),
    Column("IMAGES/S", right=True),
    Column("ETA", right=True),
    Column("DEVICE"),
    Column("STARTED"),
    Column("TAGS"),
    Column("HYPERPARAMETERS"),
    Column("REASON"),
)

WIDEST = 60
"""Cells of the hyperparameters in the list."""

RECENT = 10
"""Runs that are listed without --all: the newest, whatever their state; active runs are always listed."""


@click.command(cls=LabCommand, examples=("labtui ps", "labtui ps --all", "labtui ps --json"))
@click.option("-a", "--all", "everything", is_flag=True, help=f"All runs, not only the active and the {RECENT} newest.")
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Only runs with this tag; repeatable: with all of them."
)
@where_option
@click.option("--sort", metavar="KEY", help="Sort by a hyperparameter, smallest first; runs without it come last.")
@json_option
@existing_runs_options
def ps(
    lab: "Lab", *, everything: bool, tags: tuple[str, ...], where: tuple[Condition, ...], sort: str | None, json: bool
) -> None:
    """List runs: their progress, or how they ended. Includes the runs of other tools.

    Of those, the hyperparameters are listed that differ between the runs, as far as their folders say them.
    """
    every = lab.store.scan()
    runs = [run for run in every if set(tags) <= set(run.tags) and all(one.holds(settings(run)) for one in where)]
    if sort is not None:
        runs.sort(key=lambda run: _place(run, sort))
    listed = [run for place, run in enumerate(runs) if everything or place < RECENT or not run.state.is_over]
    listed = [_with_damage(run) for run in listed]
    if json:
        for run in listed:
            put_json(as_json(run))
        return
    if not runs:
        for notice in lab.store.notices:
            say(notice)
        if every and where:
            say(f"Of {plural(len(every), 'run')}, none meets the conditions. `labtui ps --json` lists hyperparameters.")
            return
        if every:
            say(f"No run is tagged {' and '.join(tags)}. `labtui tag` lists the tags.")
            return
        say(f"No runs in {lab.store.root} yet. `labtui run NAME` starts one; `labtui ls` lists the names.")
        return
    empty = {"TAGS"} - {"TAGS" for run in listed if run.tags}
    empty |= {"HYPERPARAMETERS"} - {"HYPERPARAMETERS" for run in listed if run.hyperparameters.values}
    columns = _columns(listed)
    keys = varying_keys(values for run in listed if (values := run.hyperparameters.values))
    rows = [dict(zip((column.title for column in columns), _row(run, keys), strict=True)) for run in listed]
    shown = [column for column in columns if column.title not in empty]
    put_table(shown, [tuple(row[column.title] for column in shown) for row in rows])
    for notice in lab.store.notices:
        say(notice)
    if len(listed) < len(runs):
        say(f"{plural(len(runs) - len(listed), 'older run')} not shown; --all shows them.")


def _columns(runs: Sequence[Run]) -> tuple[Column, ...]:
    """The columns, named for what they show where programs are among the runs."""
    if not any(isinstance(run.spec, ProgramSpec) for run in runs):
        return COLUMNS
    titles = {"EPOCH": "PROGRESS", "ACCURACY": "METRIC"}
    return tuple(replace(column, title=titles.get(column.title, column.title)) for column in COLUMNS)


def as_json(run: Run) -> dict[str, Any]:
    """A run as the JSON of `ps` and of queued runs."""
    beat = run.beat if run.state.is_active else None
    return {
        "id": run.id,
        "name": run.name,
        "title": run.display_title,
        "seed": run.seed,
        "state": run.state.value,
        "tags": run.tags,
        "hyperparameters": dict(settings(run)) or None,
        "reason": run.why,
        "attempt": run.attempt,
        "progress": progress(run),
        "accuracy": accuracy_of(run),
        "metric": _metric(run),
        "images_per_second": _rate(run),
        "eta": beat.eta if beat is not None else None,
        "device": run.launch.device if run.launch is not None else None,
        "host": run.launch.host if run.launch is not None else None,
        "started": run.launch.started if run.launch is not None else None,
        "undrawn": run.undrawn or None,
        "best_checkpoint": _best_checkpoint(run),
        "folder": str(run.folder),
    }


def _with_damage(run: Run) -> Run:
    """The run with what was found in its event files: its result does not show that its curves are cut short."""
    from labtui.store.curve_cache import CurveCache
    from labtui.store.reader import read_to_end

    reader = read_to_end(run.folder, CurveCache.of_user(os.environ), foreign=not run.has_own_tags, below=run.below)
    return run.with_files_read(reader.damage, reader.undrawn)


def accuracy_of(run: Run) -> float | None:
    """The accuracy to list, in percent: from the result, or of an active run from its curves."""
    if run.result is not None:
        last = run.result.last
        return next((last[tag].number for tag in LIVE_ACCURACY if tag in last), None)
    return _live_accuracy(run) if run.state.is_active and run.has_own_tags else None


def _metric(run: Run) -> dict[str, Any] | None:
    """The metric that a program is judged by, with its last value; None for runs of labtui's own engine."""
    if not isinstance(run.spec, ProgramSpec) or run.spec.metric is None:
        return None
    tag = run.spec.metric.tag
    value = _last_value(run, tag)
    return {"tag": tag, "value": value if value is not None and value - value == 0 else None}


def _last_value(run: Run, tag: str) -> float | None:
    if run.result is not None:
        return run.result.last[tag].number if tag in run.result.last else None
    if not run.state.is_active:
        return None
    from labtui.store.reader import read_curves  # imports numpy: only where a run is active

    last = curve.last if (curve := read_curves(run.folder).get(tag)) is not None else None
    return last[1] if last else None


def _figure(run: Run) -> str:
    """What a run is judged by, as the list shows it."""
    if not isinstance(run.spec, ProgramSpec):
        return accuracy(accuracy_of(run))
    value = _last_value(run, run.spec.metric.tag) if run.spec.metric else None
    return DASH if value is None else loss(value)


def _live_accuracy(run: Run) -> float | None:
    from labtui.store.reader import read_curves  # imports numpy: only where a run is active

    curves = read_curves(run.folder)
    for tag in LIVE_ACCURACY:
        last = curves[tag].last if tag in curves else None
        if last is not None:
            return last[1]
    return None


def _best_checkpoint(run: Run) -> str | None:
    """The path of the checkpoint of the best epoch, if the run keeps one and there is one."""
    best = run.paths.best_checkpoint
    return str(best) if run.keeps_best and best.exists() else None


def _rate(run: Run) -> float | None:
    if run.result is not None:
        return run.result.images_per_second
    return run.beat.images_per_second if run.beat is not None and run.state.is_active else None


def settings(run: Run) -> Mapping[str, Any]:
    """The hyperparameters of another tool's run, or the parameters of a program."""
    return run.spec.param if isinstance(run.spec, ProgramSpec) else run.hyperparameters.values


def _place(run: Run, name: str) -> tuple[int, float, str]:
    """Where a run comes by a hyperparameter: numbers, then texts, then runs without it."""
    values = settings(run)
    key = full_key(name, values)
    return setting_order(values[key] if key is not None else None)


def _row(run: Run, keys: Sequence[str]) -> tuple[Part, ...]:
    launch = run.launch
    eta = run.beat.eta if run.beat is not None and run.state.is_active else None
    return (
        run.id,
        state_span(run.state),
        progress(run),
        _figure(run),
        count(_rate(run) or None),
        duration(eta),
        launch.device if launch is not None else DASH,
        ago(launch.started if launch is not None else None),
        " ".join(run.tags),
        cut(settings_text(run.hyperparameters.values, keys), WIDEST),
        run.why,
    )

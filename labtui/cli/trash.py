"""`labtui trash`: what `labtui rm` moved aside, and freeing its disk space."""

from typing import TYPE_CHECKING

import click

from labtui.cli.click_ext import LabGroup
from labtui.cli.options import existing_runs_options, json_option, yes_option
from labtui.cli.streams import is_interactive, put_json, put_table, say
from labtui.errors import UsageError
from labtui.text.durations import ago
from labtui.text.sizes import size
from labtui.text.tables import Column
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab

COLUMNS = (Column("FOLDER"), Column("MOVED"), Column("SIZE", right=True))


@click.group(cls=LabGroup)
def trash() -> None:
    """List the runs in the trash, and delete them for good.

    `labtui rm` moves runs there. To restore one, move its folder back by hand; its event files are renamed from
    `tfevents` to `removed`.
    """


@trash.command(examples=("labtui trash ls",))
@json_option
@existing_runs_options
def ls(lab: "Lab", *, json: bool) -> None:
    """List the runs in the trash with their sizes, oldest first."""
    trashed = lab.store.trashed()
    if json:
        for run in trashed:
            put_json({"folder": str(run.folder), "moved": run.moved, "bytes": run.size})
        return
    if not trashed:
        say("The trash is empty.")
        return
    put_table(COLUMNS, [(str(run.folder), ago(run.moved), size(run.size)) for run in trashed])


@trash.command(examples=("labtui trash empty", "labtui trash empty --older-than 30 --yes"))
@click.option(
    "--older-than", type=click.FloatRange(min=0), metavar="DAYS", help="Only runs moved there more than DAYS days ago."
)
@yes_option
@existing_runs_options
def empty(lab: "Lab", *, older_than: float | None, yes: bool) -> None:
    """Delete the runs in the trash. This cannot be undone."""
    import time

    limit = time.time() - (older_than or 0.0) * 86_400
    trashed = [run for run in lab.store.trashed() if older_than is None or run.moved < limit]
    if not trashed:
        say("There is nothing to delete.")
        return
    freed = size(sum(run.size for run in trashed))
    if not yes:
        if not is_interactive():
            raise UsageError(
                "There is no terminal to ask for confirmation: nothing was deleted.",
                advice="Use --yes to delete without it.",
            )
        for run in trashed:
            say(f"  {run.folder.name}")
        click.confirm(f"Delete {plural(len(trashed), 'run')} ({freed}) for good?", abort=True, err=True)
    for run in trashed:
        lab.store.delete_trashed(run)
    say(f"Deleted {plural(len(trashed), 'run')}; {freed} freed.")

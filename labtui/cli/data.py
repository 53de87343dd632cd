"""`labtui data`: the data sets, where they lie, and their figures."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from labtui.cli.click_ext import LabGroup
from labtui.cli.columns import put_table
from labtui.cli.download_progress import shown_transfer
from labtui.cli.format import number, size
from labtui.cli.options import json_option, lab_options
from labtui.cli.streams import put, put_json, say

if TYPE_CHECKING:
    from labtui.api import Lab

HEADER = ("NAME", "TITLE", "TRAIN", "TEST", "DOWNLOAD", "STATE", "WHERE")


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from labtui.datasets import known_datasets

    known = known_datasets().values()
    return [CompletionItem(info.name, help=info.title) for info in known if info.name.startswith(incomplete)]


@click.group(cls=LabGroup)
def data() -> None:
    """Data sets: which there are, fetching one, its mean and deviation."""


@data.command(examples=("labtui data ls", "labtui --data /big/disk data ls --json"))
@json_option
@lab_options
def ls(lab: "Lab", *, json: bool) -> None:
    """List the data sets and whether they are here; sizes are looked at, contents are not."""
    from labtui.datasets import listing

    rows = listing(lab.data_root)
    if json:
        for row in rows:
            put_json(asdict(row))
        return
    put_table(
        HEADER,
        [
            (
                row.name,
                row.title,
                number(row.train_images),
                number(row.test_images),
                size(row.download_bytes) if row.download_bytes else "none",
                row.state,
                row.where,
            )
            for row in rows
        ],
        right=("TRAIN", "TEST", "DOWNLOAD"),
    )


@data.command(examples=("labtui data get cifar10", "labtui --data /big/disk data get cifar10"))
@click.argument("name", shell_complete=_complete)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@lab_options
def get(lab: "Lab", *, name: str, quiet: bool) -> None:
    """Fetch a data set and check every file. What is here already is kept; an unfinished fetch goes on."""
    from labtui.datasets import fetch
    from labtui.datasets import get as info_of

    title = info_of(name).title
    with shown_transfer(quiet=quiet) as progress:
        fetch(name, lab.data_root, progress=progress)
    if not quiet:
        say(f"{title} is in {lab.data_root}, every file checked.")


@data.command(examples=("labtui data stats cifar10", "labtui data stats digits --json"))
@click.argument("name", shell_complete=_complete)
@json_option
@lab_options
def stats(lab: "Lab", *, name: str, json: bool) -> None:
    """Measure mean and deviation of the training images, per channel.

    The deviation is the mean of each image's own (unbiased) one, which the catalog's normalization uses; the one over
    all pixels stands beside it.
    """
    from labtui.datasets import get as info_of
    from labtui.datasets import image_statistics, load, statistics_rows

    info = info_of(name)
    measured = image_statistics(load(name, lab.data_root).train)
    if json:
        put_json({"name": name, **asdict(measured)})
        return
    rows = statistics_rows(info, measured)
    width = max(len(row.title) for row in rows)
    for row in rows:
        figures = ", ".join(f"{value:.4f}" for value in row.values)
        put(f"{row.title:<{width}}  ({figures})  {row.note}".rstrip())
    say(f"{number(measured.images)} training images of {info.title}, in 0..1")

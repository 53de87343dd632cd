"""`labtui data`: the data sets, where they are, and their statistics."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from labtui.cli.click_ext import LabGroup
from labtui.cli.download_progress import download_progress
from labtui.cli.options import json_option, lab_options
from labtui.cli.streams import put, put_json, put_table, say
from labtui.text.numbers import count
from labtui.text.sizes import size
from labtui.text.tables import Column

if TYPE_CHECKING:
    from labtui.api import Lab

COLUMNS = (
    Column("NAME"),
    Column("TITLE"),
    Column("TRAIN", right=True),
    Column("TEST", right=True),
    Column("DOWNLOAD", right=True),
    Column("STATE"),
    Column("WHERE"),
)


def _complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from labtui.datasets import known_datasets

    known = known_datasets().values()
    return [CompletionItem(info.name, help=info.title) for info in known if info.name.startswith(incomplete)]


@click.group(cls=LabGroup)
def data() -> None:
    """List and download data sets; measure their mean and standard deviation."""


@data.command(examples=("labtui data ls", "labtui --data /big/disk data ls --json"))
@json_option
@lab_options
def ls(lab: "Lab", *, json: bool) -> None:
    """List the data sets and whether they are available locally. Checks file sizes, not contents."""
    from labtui.datasets import listing

    rows = listing(lab.data_root)
    if json:
        for row in rows:
            put_json(asdict(row))
        return
    cells = [
        (
            row.name,
            row.title,
            count(row.train_images),
            count(row.test_images),
            size(row.download_bytes) if row.download_bytes else "none",
            row.state,
            row.where,
        )
        for row in rows
    ]
    put_table(COLUMNS, cells)


@data.command(examples=("labtui data get cifar10", "labtui --data /big/disk data get cifar10"))
@click.argument("name", shell_complete=_complete)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@lab_options
def get(lab: "Lab", *, name: str, quiet: bool) -> None:
    """Download a data set and check every file. Continues an unfinished download."""
    from labtui.datasets import fetch
    from labtui.datasets import get as info_of

    title = info_of(name).title
    with download_progress(quiet=quiet) as progress:
        fetch(name, lab.data_root, progress=progress)
    if not quiet:
        say(f"{title} is in {lab.data_root}; all files are checked.")


@data.command(examples=("labtui data stats cifar10", "labtui data stats digits --json"))
@click.argument("name", shell_complete=_complete)
@json_option
@lab_options
def stats(lab: "Lab", *, name: str, json: bool) -> None:
    """Measure the mean and the standard deviation of the training images, per channel.

    The deviation used by the catalog's normalization is the mean of the (unbiased) deviations of the single images; the
    deviation over all pixels is shown beside it.
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
        values = ", ".join(f"{value:.4f}" for value in row.values)
        put(f"{row.title:<{width}}  ({values})  {row.note}".rstrip())
    say(f"{count(measured.images)} training images of {info.title}, with pixels from 0 to 1")

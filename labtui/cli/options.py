"""Options that several commands share."""

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from labtui.api import Lab

F = TypeVar("F", bound=Callable[..., Any])

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)

catalog_option = click.option(
    "--catalog",
    type=FILE,
    metavar="FILE",
    help="The catalog.  [default: experiments.toml in this folder or a parent]",
)
runs_option = click.option(
    "--runs",
    "--logdir",
    "runs",
    type=FOLDER,
    metavar="DIR",
    help="The runs folder.  [default: runs/ beside the catalog]",
)
data_option = click.option(
    "--data", type=FOLDER, metavar="DIR", help="The data folder.  [default: LABTUI_DATA, ./data, the XDG cache]"
)
json_option = click.option("--json", is_flag=True, help="Write JSON, one value per line.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")


def lab_options(function: F) -> F:
    """Add --catalog, --runs and --data, and pass the `lab` that they open."""

    @functools.wraps(function)
    def call(*arguments: Any, catalog: Path | None, runs: Path | None, data: Path | None, **options: Any) -> Any:
        return function(*arguments, lab=lab_from(catalog, runs, data), **options)

    for option in (data_option, runs_option, catalog_option):
        option(call)
    return call  # type: ignore[return-value]  # the wrapper takes three more options; only click calls it


def lab_from(catalog: Path | None, runs: Path | None, data: Path | None) -> "Lab":
    """Open the catalog, runs folder and data folder that these options name."""
    from labtui.api import open_lab

    return open_lab(catalog=catalog, runs=runs, data=data, environ=os.environ, cwd=Path.cwd())


def complete_experiments(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Sequence[CompletionItem]:
    """Names of the catalog's experiments, for shell completion."""
    lab = _lab_of(ctx)
    variants = [(variant.spec.name, variant.spec.title) for variant in lab.catalog.variants] if lab else []
    whole = [(experiment.name, experiment.title) for experiment in lab.catalog.experiments] if lab else []
    return _items([*whole, *variants], incomplete)


def complete_runs(ctx: click.Context, _param: click.Parameter, incomplete: str) -> Sequence[CompletionItem]:
    """Ids of runs, for shell completion."""
    lab = _lab_of(ctx)
    return _items([(run.id, run.state) for run in lab.store.scan()] if lab else [], incomplete)


def _lab_of(ctx: click.Context) -> "Lab | None":
    from labtui.errors import LabError

    try:
        return lab_from(ctx.params.get("catalog"), ctx.params.get("runs"), ctx.params.get("data"))
    except (LabError, OSError):  # better no completion than a message in the middle of a prompt
        return None


def _items(choices: Sequence[tuple[str, str]], incomplete: str) -> list[CompletionItem]:
    unique = dict(reversed(choices))
    return [CompletionItem(name, help=text) for name, text in sorted(unique.items()) if name.startswith(incomplete)]

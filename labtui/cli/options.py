"""Options that several commands share."""

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from labtui.errors import UsageError

if TYPE_CHECKING:
    from labtui.api import Lab
    from labtui.store.conditions import Condition

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
    multiple=True,
    metavar="DIR",
    help="The runs folder.  [default: runs/ beside the catalog]",
)
several_runs_option = click.option(
    "--runs",
    "--logdir",
    "runs",
    type=FOLDER,
    multiple=True,
    metavar="DIR",
    help="The runs folder; repeatable: further ones are only read.  [default: runs/ beside the catalog]",
)
data_option = click.option(
    "--data", type=FOLDER, metavar="DIR", help="The data folder.  [default: LABTUI_DATA, ./data, the XDG cache]"
)
json_option = click.option("--json", is_flag=True, help="Write JSON, one value per line.")


def _conditions(_ctx: click.Context, _param: click.Parameter, texts: Sequence[str]) -> "tuple[Condition, ...]":
    from labtui.store.conditions import parse_condition

    return tuple(map(parse_condition, texts))


where_option = click.option(
    "--where",
    multiple=True,
    callback=_conditions,
    metavar="CONDITION",
    help="Only runs whose hyperparameters meet a condition: lr=0.1, dropout>0.2; repeatable: all of them.",
)
_GROUP_OPTIONS = (
    click.option(
        "--group",
        metavar="PATTERN",
        help="Of other tools' runs: read name and seed from their names, such as '{name}-seed{seed}'; any other field "
        "in braces is a hyperparameter.",
    ),
    click.option(
        "--factor",
        "factors",
        multiple=True,
        metavar="KEY",
        help="Of other tools' runs: the hyperparameter that is under test, where several differ; repeatable.",
    ),
    click.option(
        "--ignore",
        "ignored",
        multiple=True,
        metavar="KEY",
        help="Of other tools' runs: a hyperparameter that does not matter; repeatable.",
    ),
    where_option,
)


def group_options(function: F) -> F:
    """Add the options that group runs of other tools, and pass them as `rules`; None if none was given."""

    @functools.wraps(function)
    def call(
        *arguments: Any,
        group: str | None,
        factors: tuple[str, ...],
        ignored: tuple[str, ...],
        where: "tuple[Condition, ...]",
        **options: Any,
    ) -> Any:
        rules = None
        if group is not None or factors or ignored or where:
            from labtui.compare.foreign import GroupRules

            rules = GroupRules(group or "", factors, ignored, where)
        return function(*arguments, rules=rules, **options)

    for option in reversed(_GROUP_OPTIONS):
        option(call)
    return call  # type: ignore[return-value]  # only click calls it


yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")


def lab_options(function: F) -> F:
    """Add --catalog, --runs and --data, and pass the `lab` that they open."""
    return _with_lab(function, must_exist=False)


def existing_runs_options(function: F) -> F:
    """The same for a command that only reads runs: a runs folder that the user names must exist."""
    return _with_lab(function, must_exist=True)


def _with_lab(function: F, *, must_exist: bool) -> F:
    @functools.wraps(function)
    def call(*arguments: Any, catalog: Path | None, runs: tuple[Path, ...], data: Path | None, **options: Any) -> Any:
        if not must_exist and len(runs) > 1:
            raise UsageError("--logdir is given twice: this command works on one runs folder.")
        lab = lab_from(catalog, runs, data)
        if must_exist:
            require_named_runs(lab, runs)
        return function(*arguments, lab=lab, **options)

    for option in (data_option, several_runs_option if must_exist else runs_option, catalog_option):
        option(call)
    return call  # type: ignore[return-value]  # the wrapper takes three more options; only click calls it


def require_named_runs(lab: "Lab", runs: Sequence[Path]) -> None:
    """Raises UsageError if the user named a runs folder that does not exist; it is probably mistyped."""
    for root in (lab.store.root, *lab.store.more.values()):
        if not (runs or os.environ.get("LABTUI_RUNS")) or root.is_dir():
            continue
        what = "is a file" if root.is_file() else "is a broken link" if root.is_symlink() else "does not exist"
        raise UsageError(f"The runs folder {root} {what}.", advice="Check --runs and LABTUI_RUNS.")


def lab_from(catalog: Path | None, runs: Sequence[Path] | None, data: Path | None) -> "Lab":
    """Open the catalog, the runs folders (the first is the one that is written to) and the data folder that these
    options name."""
    from labtui.api import open_lab

    first, *more = runs or (None,)
    return open_lab(catalog=catalog, runs=first, more_runs=more, data=data, environ=os.environ, cwd=Path.cwd())


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

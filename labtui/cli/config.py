"""`labtui config` and `labtui init`: which catalog and folders are meant, and whether the catalog is sound."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtui.cli.click_ext import LabCommand, LabGroup
from labtui.cli.experiments import report_problems
from labtui.cli.format import plural
from labtui.cli.options import FILE, json_option, lab_from, lab_options
from labtui.cli.streams import put, put_json, say
from labtui.errors import UsageError

if TYPE_CHECKING:
    from labtui.api import Lab

ENVIRONMENT = ("LABTUI_CATALOG", "LABTUI_RUNS", "LABTUI_DATA", "NO_COLOR", "TERM", "COLUMNS", "CUDA_VISIBLE_DEVICES")


@click.group(cls=LabGroup)
def config() -> None:
    """Where labtui looks, and whether the catalog is sound."""


@config.command(examples=("labtui config show", "labtui config show --json"))
@json_option
@lab_options
def show(lab: "Lab", *, json: bool) -> None:
    """Show the catalog, the runs folder and the data folder in use, and what the environment says."""
    values: dict[str, object] = {
        "catalog": str(lab.catalog.path),
        "catalog_builtin": lab.catalog.builtin,
        "runs": str(lab.store.root),
        "runs_writable": lab.store.writable,
        "data": str(lab.data_root),
        "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
    }
    if json:
        put_json(values)
        return
    put(f"catalog  {lab.catalog.path}{'  (built-in)' if lab.catalog.builtin else ''}")
    put(f"runs     {lab.store.root}{'' if lab.store.writable else '  (not writable: viewing only)'}")
    put(f"data     {lab.data_root}")
    for name in ENVIRONMENT:
        if name in os.environ:
            put(f"{name}={os.environ[name]}")


@config.command(examples=("labtui config validate", "labtui config validate drafts/experiments.toml"))
@click.argument("file", required=False, type=FILE)
@lab_options
def validate(lab: "Lab", *, file: Path | None) -> int:
    """Check the catalog and tell every problem at once: file, line, key and the nearest valid key. Ends with 2 then."""
    checked = lab if file is None else lab_from(file, lab.store.root, lab.data_root)
    for experiment in checked.catalog.experiments:
        put(f"good  {experiment.name}  ({plural(len(experiment.variants), 'run')} a seed)")
    good, problems = len(checked.catalog.experiments), len(checked.catalog.problems)
    say(f"{checked.catalog.path}: {plural(good, 'good experiment')}, {plural(problems, 'problem')}")
    return report_problems(checked)


@config.command(examples=("$EDITOR $(labtui config path)",))
@lab_options
def path(lab: "Lab") -> None:
    """Print the path of the catalog in use."""
    put(str(lab.catalog.path))


@config.command(examples=("labtui config schema > experiments.schema.json",))
def schema() -> None:
    """Print the catalog's JSON Schema, with which an editor completes and checks experiments.toml as it is written."""
    from labtui.catalog.json_schema import schema as catalog_schema

    put_json(catalog_schema())


@click.command(cls=LabCommand, examples=("labtui init", "labtui init ablations/experiments.toml"))
@click.argument("file", default="experiments.toml", type=FILE)
def init(file: Path) -> None:
    """Write the built-in catalog here, to be edited. Never overwrites."""
    from labtui.catalog import builtin_path

    content = builtin_path().read_bytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("xb") as stream:
            stream.write(content)
    except FileExistsError:
        raise UsageError(f"{file} is there already: it was not touched.", advice="Name another file.") from None
    say(f"Wrote {file}. `labtui config validate` checks it after an edit; `labtui ls` lists it.")

"""`labtui config` and `labtui init`: the catalog and folders in use, and the check of the catalog."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtui.cli.click_ext import LabCommand, LabGroup
from labtui.cli.experiments import report_problems
from labtui.cli.options import FILE, json_option, lab_from, lab_options
from labtui.cli.streams import put, put_json, say
from labtui.errors import UsageError
from labtui.lab_code import FOLDER, KINDS
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab

ENVIRONMENT = ("LABTUI_CATALOG", "LABTUI_RUNS", "LABTUI_DATA", "NO_COLOR", "TERM", "COLUMNS", "CUDA_VISIBLE_DEVICES")


@click.group(cls=LabGroup)
def config() -> None:
    """Show the catalog and the folders in use, and check the catalog."""


@config.command(examples=("labtui config show", "labtui config show --json"))
@json_option
@lab_options
def show(lab: "Lab", *, json: bool) -> None:
    """Show the catalog, the folders and the environment variables in use."""
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
    put(f"runs     {lab.store.root}{'' if lab.store.writable else '  (not writable: view only)'}")
    put(f"data     {lab.data_root}")
    for name in ENVIRONMENT:
        if name in os.environ:
            put(f"{name}={os.environ[name]}")


@config.command(examples=("labtui config validate", "labtui config validate drafts/experiments.toml"))
@click.argument("file", required=False, type=FILE)
@lab_options
def validate(lab: "Lab", *, file: Path | None) -> int:
    """Check the catalog and list all problems.

    Each has its file, line, key and the nearest valid key. Exits with 2 if there are problems.
    """
    checked = lab if file is None else lab_from(file, (lab.store.root,), lab.data_root)
    for experiment in checked.catalog.experiments:
        put(f"ok  {experiment.name}  ({plural(len(experiment.variants), 'run')} per seed)")
    valid, problems = len(checked.catalog.experiments), len(checked.catalog.problems)
    say(f"{checked.catalog.path}: {plural(valid, 'valid experiment')}, {plural(problems, 'problem')}")
    return report_problems(checked)


@config.command(examples=("$EDITOR $(labtui config path)",))
@lab_options
def path(lab: "Lab") -> None:
    """Print the path of the catalog in use."""
    put(str(lab.catalog.path))


@config.command(examples=("labtui config schema > experiments.schema.json",))
def schema() -> None:
    """Print the catalog's JSON Schema, for completion in an editor."""
    from labtui.catalog.json_schema import schema as catalog_schema

    put_json(catalog_schema())


@click.command(
    cls=LabCommand, examples=("labtui init", "labtui init ablations/experiments.toml", "labtui init --from train.py")
)
@click.argument("file", default="experiments.toml", type=FILE)
@click.option(
    "--from",
    "script",
    type=FILE,
    metavar="SCRIPT",
    help="Write an entry for a training script of yours; its options are read from the source, nothing is executed.",
)
def init(file: Path, script: Path | None) -> None:
    """Write the built-in catalog to a file that you can edit, with examples of your own code. Never overwrites a file.

    The examples are in lab/ beside the file: a model, a data set and a transform, and an experiment with each. With
    --from, an entry for the script is added to the file, which may exist.
    """
    if script is not None:
        _add_entry(file, script)
        return
    from labtui.catalog import builtin_path, example

    content = builtin_path().read_bytes()
    code = file.parent / FOLDER
    with_code = not code.exists()
    if with_code:
        content += example("experiments.toml").encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("xb") as stream:
            stream.write(content)
    except FileExistsError:
        raise UsageError(f"{file} exists already; it was not changed.", advice="Name another file.") from None
    if with_code:
        code.mkdir()
        for kind in KINDS:
            (code / f"{kind}.py").write_text(example(f"{kind}.py"), "utf-8")
    beside = f", and {code}/ with examples of your own code" if with_code else ""
    say(f"Wrote {file}{beside}. `labtui config validate` checks it after an edit; `labtui ls` lists its experiments.")


def _add_entry(file: Path, script: Path) -> None:
    """Append an entry for a script to a catalog, or make one with just this entry."""
    from labtui.api.commands import command_title
    from labtui.catalog.from_script import entry_for

    if not script.is_file():
        raise UsageError(f"There is no file {script}.")
    name = command_title([script.name])
    before = file.read_text("utf-8") if file.exists() else ""
    if f"[experiment.{name}]" in before:
        raise UsageError(f"{file} has an entry {name} already; it was not changed.", advice="Rename it, or edit it.")
    try:
        relative = str(script.resolve().relative_to(file.resolve().parent))
    except ValueError:
        relative = str(script.resolve())
    entry = entry_for(relative, name, script.read_text("utf-8", "replace"))
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(("\n" if before else "") + entry)
    put(entry.rstrip("\n"))
    say(f"Added to {file}. `labtui run {name} --dry-run` shows the command; docs/programs.md describes the keys.")

"""`labtui ls` and `labtui show`: the experiments of the catalog."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import click
import msgspec

from labtui.cli.click_ext import LabCommand
from labtui.cli.format import state_span
from labtui.cli.options import complete_experiments, json_option, lab_options
from labtui.cli.streams import Part, put, put_json, put_table, say
from labtui.errors import UsageError
from labtui.program import shown_command
from labtui.spec import Experiment, ProgramSpec, Reference, RunSpec, Variant, differences, flatten, recipe
from labtui.store.run import Run
from labtui.store.tags import StepUnit, step_unit
from labtui.text.numbers import DASH
from labtui.text.tables import Column
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab

COLUMNS = (
    Column("NAME"),
    Column("TITLE"),
    Column("DATA"),
    Column("EPOCHS", right=True),
    Column("RUNS", right=True),
    Column("LAST"),
    Column("DESCRIPTION"),
)


@click.command(
    cls=LabCommand,
    examples=("labtui ls", "labtui ls --json", "labtui --catalog other.toml ls"),
)
@json_option
@lab_options
def ls(lab: "Lab", *, json: bool) -> int:
    """List the experiments of the catalog.

    RUNS counts all runs of an entry, LAST is the state of the newest. Exits with 2 if an entry has a problem; the valid
    ones are listed anyway.
    """
    runs = lab.store.scan()
    if json:
        for variant in lab.catalog.variants:
            put_json(_as_json(variant, lab.catalog.experiment(variant.spec.experiment), runs))
    else:
        put_table(COLUMNS, [_row(variant, runs) for variant in lab.catalog.variants])
        where = (
            "the built-in catalog (`labtui init` writes it to a file)" if lab.catalog.builtin else str(lab.catalog.path)
        )
        say(f"{plural(len(lab.catalog.variants), 'entry', 'entries')} from {where}")
    return report_problems(lab)


@click.command(
    cls=LabCommand,
    examples=("labtui show dropout", "labtui show adam@0.01", "labtui show norm_aug --json"),
)
@click.argument("name", shell_complete=complete_experiments)
@json_option
@lab_options
def show(lab: "Lab", *, name: str, json: bool) -> None:
    """Show one experiment: its settings, its baseline, and published results."""
    variants = lab.catalog.select([name])
    experiment = lab.catalog.experiment(variants[0].spec.experiment)
    runs = lab.store.scan()
    if json:
        for variant in variants:
            put_json(
                _as_json(variant, experiment, runs) | {"recipe": recipe(variant.spec), "reference": _reference(variant)}
            )
        return
    _show_head(experiment)
    for variant in variants:
        _show_variant(lab, variant, runs)


def report_problems(lab: "Lab") -> int:
    """Write every problem of the catalog to stderr and return the exit code for them."""
    for problem in lab.catalog.problems:
        say(str(problem))
    return UsageError.exit_code if lab.catalog.problems else 0


def _row(variant: Variant, runs: tuple[Run, ...]) -> tuple[Part, ...]:
    spec, own = variant.spec, _runs_of(variant, runs)
    last = state_span(own[0].state) if own else DASH
    description = " ".join(variant.description.split())
    return (spec.name, spec.title, spec.dataset or DASH, str(spec.epochs or DASH), str(len(own)), last, description)


def _as_json(variant: Variant, experiment: Experiment, runs: tuple[Run, ...]) -> dict[str, Any]:
    spec, own = variant.spec, _runs_of(variant, runs)
    return {
        "name": spec.name,
        "experiment": spec.experiment,
        "title": spec.title,
        "group": spec.group,
        "description": variant.description,
        "protocol": spec.protocol if isinstance(spec, RunSpec) else None,
        "dataset": spec.dataset or None,
        "offline_dataset": experiment.offline_dataset,
        "epochs": spec.epochs,
        "seeds": experiment.seeds,
        "factor": experiment.factor,
        "baseline": experiment.baseline,
        "runs": len(own),
        "states": Counter(run.state.value for run in own),
    }


def _runs_of(variant: Variant, runs: tuple[Run, ...]) -> list[Run]:
    return [run for run in runs if run.spec is not None and run.spec.name == variant.spec.name]


def _show_head(experiment: Experiment) -> None:
    put(f"{experiment.name}  {experiment.title}")
    if experiment.description:
        put(" ".join(experiment.description.split()))
    put("")
    _pair("group", experiment.group)
    _pair("changes", ", ".join(experiment.factor) or "nothing (a baseline)")
    _pair("baseline", experiment.baseline or "none")
    _pair("seeds", ", ".join(map(str, experiment.seeds)))
    _pair("offline", experiment.offline_dataset or "none: needs its own data set")


def _show_variant(lab: "Lab", variant: Variant, runs: tuple[Run, ...]) -> None:
    put("")
    put(f"[{variant.spec.name}]")
    if isinstance(variant.spec, ProgramSpec):
        _pair("command", shown_command(variant.spec))
    for key, value in flatten(recipe(variant.spec)).items():
        _pair(key, _json_text(value))
    _show_difference(lab, variant)
    if variant.reference is not None:
        _show_reference(variant.reference)
    if variant.conclusion:
        _pair("concluded", " ".join(variant.conclusion.split()))
    for run in _runs_of(variant, runs):
        put("  run  ", run.id, "  ", state_span(run.state))


def _show_difference(lab: "Lab", variant: Variant) -> None:
    if not variant.spec.baseline:
        return
    try:
        baseline = lab.catalog.select([variant.spec.baseline])[0]
    except UsageError:  # the baseline's entry has a problem, which `ls` and `config validate` report
        return
    put(f"  against {variant.spec.baseline}:")
    for key, (own, other) in differences(variant.spec, baseline.spec).items():
        declared = any(key == factor or key.startswith(f"{factor}.") for factor in variant.spec.factor)
        note = "" if declared else "   (not a declared factor)"
        put(f"    {key}: {_json_text(own)} instead of {_json_text(other)}{note}")


def _show_reference(reference: Reference) -> None:
    for tag, figure in reference.figures.items():
        about = "about " if tag in reference.around else ""
        _pair("published", f"{tag} {about}{figure:g}{_published_at(reference, tag)}")
    if reference.in_kind:
        _pair("published", "only roughly comparable: part of the published setting is unknown")
    if reference.note:
        _pair("published", " ".join(reference.note.split()))


def _published_at(reference: Reference, tag: str) -> str:
    unit = step_unit(tag)
    step = reference.epochs.get(tag, reference.epoch) if unit is StepUnit.EPOCH else reference.steps.get(tag)
    return f" at {unit} {step}" if step else ""


def _reference(variant: Variant) -> Any:
    return None if variant.reference is None else msgspec.to_builtins(variant.reference)


def _pair(key: str, value: str) -> None:
    put(f"  {key:<28} {value}")


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

"""docs/run-folder.md matches the code, and a folder of schema 1 can be opened."""

import inspect
import re
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
import pytest
from msgspec import UnsetType

from labtui.spec import ProgramSpec, RunSpec
from labtui.store import records
from labtui.store.paths import RunPaths
from labtui.store.predictions import read_predictions
from labtui.store.reader import read_curves
from labtui.store.records import SCHEMA
from labtui.store.state import State
from labtui.store.store import Store
from labtui.store.tags import STEP_UNITS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "run-folder.md").read_text()
OLD = Path(__file__).parents[1] / "assets" / "runs-schema-1"

STRUCTS: dict[str, type[msgspec.Struct]] = {
    name: kind
    for name, kind in inspect.getmembers(records, inspect.isclass)
    if issubclass(kind, msgspec.Struct) and kind.__module__ == records.__name__
} | {"RunSpec": RunSpec, "ProgramSpec": ProgramSpec}


def section(heading: str) -> str:
    return re.split(r"^## ", DOCUMENT.split(heading, 1)[1], maxsplit=1, flags=re.M)[0]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def described(hint: Any) -> str:
    """A type as the document writes it."""
    if hint is type(None):
        return "null"
    if hint is UnsetType:
        return "absent"
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(f'"{value}"' for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(described(one) for one in arguments)
    if origin is dict:
        return "object" if arguments[1] is Any else f"object of {described(arguments[1])}"
    if origin is tuple:
        return f"list of {described(arguments[0])}" if get_origin(arguments[0]) is not tuple else "list of list"
    return str(hint.__name__)


def test_every_record_has_its_section_and_every_section_its_record() -> None:
    assert set(re.findall(r"^## .*\((\w+)\)$", DOCUMENT, flags=re.M)) == set(STRUCTS)


@pytest.mark.parametrize("name", STRUCTS)
def test_the_document_lists_the_keys_and_types_of_each_record(name: str) -> None:
    listed = [(key.strip("`"), kind) for key, kind, _ in rows(section(f"({name})\n"))]
    hints = get_type_hints(STRUCTS[name])
    assert listed == [(key, described(hints[key])) for key in STRUCTS[name].__struct_fields__]


def test_the_document_names_every_file_that_the_code_knows() -> None:
    paths = RunPaths(Path("run"))
    attempt = paths.attempt(1)
    for path in (
        paths.spec, paths.lock, paths.beat, paths.checkpoint, paths.previous_checkpoint, paths.predictions,
        paths.result, attempt.launch, attempt.log, attempt.exit,
    ):  # fmt: skip
        assert path.name in DOCUMENT, path
    assert "requests/stop.json" in DOCUMENT
    assert f"`schema` is {SCHEMA}." in DOCUMENT


def test_the_document_lists_the_tags_and_their_units() -> None:
    assert {tag.strip("`"): unit for tag, unit in rows(section("## Metrics\n"))} == {
        tag: unit.value for tag, unit in STEP_UNITS.items()
    }


def test_a_folder_of_schema_1_can_be_opened() -> None:
    (run,) = Store(OLD).scan()
    assert (run.id, run.state, run.attempt, run.damage) == (
        "Cifar/Dropout/s0-20261123-142501",
        State.FINISHED,
        2,
        "",
    )
    spec = run.spec
    assert spec
    assert run.launch
    assert run.result
    assert (run.display_title, run.seed, spec.training.epochs) == ("Dropout [epochs=3]", 0, 3)
    assert (spec.model.dropout, spec.optimizer.lr) == ((0.25, 0.5), 0.001)  # type: ignore[union-attr]
    assert (run.launch.device, run.launch.threads, run.launch.resume) == ("cpu", 2, True)
    assert run.result.model
    assert run.result.model.parameters == 62006
    curves = read_curves(run.folder)
    assert {tag: len(curve) for tag, curve in curves.items()} == {
        "train/loss": 118, "Loss on Minibatches": 23, "Train accuracy": 3, "Test accuracy": 3, "lr": 1,
        "test/accuracy": 1, "test/loss": 1,
    }  # fmt: skip
    assert curves["Test accuracy"].values.tolist() == [44.5, 50.125, 53.0]
    for tag, last in run.result.last.items():
        np.testing.assert_array_equal(np.array(curves[tag].last), np.array([last.step, last.number]))
    assert read_predictions(run.paths.predictions).predicted.tolist() == [0, 1, 2, 3, 4, 5, 0, 0]


def test_the_recipe_of_the_old_folder_keeps_its_hash() -> None:
    """Runs of one recipe made by different versions of labtui are one cell only as long as the hash stays."""
    from labtui.spec import recipe_hash

    (run,) = Store(OLD).scan()
    assert run.spec
    assert recipe_hash(run.spec) == "f259f80e83c2"

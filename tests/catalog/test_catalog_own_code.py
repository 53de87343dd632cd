"""A user's own classes and functions in the catalog: read from the syntax tree, checked, hinted, never executed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from labtui.catalog import Catalog, fields, load, override
from labtui.errors import UsageError
from labtui.lab_code import file_hash, installed, read_lab
from labtui.spec import LabModel, LabTransform, LibraryModel, RunSpec, differences, flatten, recipe, recipe_hash
from tests.support.own_code import CATALOG, MODELS, write_lab

DATASETS = ("cifar10", "digits", "npz", "folder")


def loaded(folder: Path) -> Catalog:
    return load(folder / "experiments.toml", datasets=DATASETS)


def specs(folder: Path) -> dict[str, RunSpec]:
    catalog = loaded(folder)
    assert catalog.problems == ()
    found = {variant.spec.name: variant.spec for variant in catalog.variants}
    assert all(isinstance(spec, RunSpec) for spec in found.values())
    return found  # type: ignore[return-value]


def problem(folder: Path, entry: str, **files: str) -> str:
    """The one problem of the entry, which is the last one of a catalog."""
    write_lab(folder, f"{CATALOG}\n[experiment.mine]\n{entry}\n", **files)
    (found,) = [one for one in loaded(folder).problems if "mine" in one.entries]
    return str(found)


def test_a_recipe_names_classes_with_every_argument_and_the_hash_of_their_code(tmp_path: Path) -> None:
    found = specs(write_lab(tmp_path))
    source = read_lab(tmp_path).of("models")["Net"].source
    model = {"name": "Net", "width": 4, "kind": "plain", "source": source}
    assert recipe(found["net"])["model"] == model
    assert recipe(found["wide"])["model"] == model | {"width": 8}
    assert [found[f"widths@{width}"].model.arguments["width"] for width in (2, 6)] == [2, 6]  # type: ignore[union-attr]
    transforms = recipe(found["noisy"])["data"]["augment"]["transforms"]
    assert (transforms[0]["name"], transforms[0]["strength"]) == ("noise", 20)
    assert transforms[1] == {"name": "horizontal_flip", "p": 0.5}
    assert found["ramps"].data.arguments == {"count": 60}
    assert set(differences(found["net"], found["wide"])) == {"model.width"}


def test_a_spec_with_own_code_survives_its_file(tmp_path: Path) -> None:
    lists = '\n[experiment.lists]\nmodel = { name = "none", sizes = [1, 2] }\n'
    for spec in specs(write_lab(tmp_path, CATALOG + lists)).values():
        assert msgspec.json.decode(msgspec.json.encode(spec), type=RunSpec) == spec


def test_an_edit_of_the_file_or_of_what_it_imports_makes_another_recipe(tmp_path: Path) -> None:
    def hashes() -> tuple[str, str]:
        found = specs(tmp_path)
        return recipe_hash(found["net"]), recipe_hash(found["ramps"])

    write_lab(tmp_path)
    first = hashes()
    path = tmp_path / "lab" / "blocks.py"
    path.write_text(path.read_text() + "# another line\n")
    second = hashes()
    assert first[0] != second[0]
    (tmp_path / "lab" / "unrelated.py").write_text("x = 1\n")
    assert hashes() == second
    path = tmp_path / "lab" / "datasets.py"
    path.write_text(path.read_text() + "# another line\n")
    assert hashes()[1] != second[1]


def test_loading_checking_and_overriding_execute_nothing(tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'executed')!r}, 'w')\nraise SystemExit\n"
    write_lab(tmp_path, models=trap + MODELS, blocks=trap)
    (tmp_path / "lab" / "__init__.py").write_text(trap)
    spec = specs(tmp_path)["net"]
    override(spec, ["model.width=9"], loaded(tmp_path).code)
    fields(spec)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            'model.name = "Nte"',
            'mine.model.name: "Nte" is unknown. Did you mean "Net"? Allowed: "cnn", "resnet18", "Net"',
        ),
        ('model = { name = "Net", widht = 3 }', "mine.model.widht: Net has no such parameter. Did you mean width?"),
        (
            'model = { name = "Net", width = 65 }',
            "mine.model.width: 65 is not allowed. Allowed: a whole number from 2 to 64.",
        ),
        ('model = { name = "Net", width = 2.5 }', "model.width: 2.5"),
        ('model = { name = "Net", kind = "dep" }', 'model.kind: "dep" is unknown. Did you mean "deep"?'),
        (
            'model = { name = "none" }',
            "mine.model.sizes: this key is missing. Allowed: a list, each item a whole number.",
        ),
        ('model = { name = "none", sizes = [1], act = "x" }', "mine.model.act: none has no such parameter."),
        ('model = { name = "torchvision:resnet50", width = 3 }', "mine.model.width: unknown key."),
        ('model = { name = "torchvision:../x" }', "mine.model.name: "),
        (
            'data.augment.transforms = [{ name = "noize" }]',
            'transforms[0].name: "noize" is unknown. Did you mean "noise"?',
        ),
        ('data = { name = "ramps", arguments = { count = "x" } }', 'mine.data.arguments.count: "x" is text.'),
        (
            'data = { name = "digits", arguments = { count = 3 } }',
            'data.arguments: "digits" is not defined in lab/datasets.py',
        ),
        ('data = { name = "ramp" }', 'mine.data.name: there is no data set "ramp". Did you mean "ramps"?'),
        (
            'data = { name = "ramps", normalize = "dataset" }',
            "data.normalize: the images of a data set in lab/datasets.py",
        ),
        (
            'factor = ["model.widht"]',
            'mine.factor[0]: "model.widht" is not a key of a recipe. Did you mean "model.width"',
        ),
        ('model.name = "lab"', 'mine.model.name: "lab" is unknown.'),
    ],
)
def test_what_is_wrong_is_said_with_line_key_and_the_nearest_name(tmp_path: Path, entry: str, words: str) -> None:
    assert words in problem(tmp_path, entry)


def test_a_file_that_cannot_be_parsed_is_named_where_its_name_is_missing(tmp_path: Path) -> None:
    said = problem(
        tmp_path, 'model.name = "cnn"\ndata.augment.transforms = [{ name = "new" }]', transforms="def new(:\n"
    )
    assert "It may be in lab/transforms.py:1: invalid syntax, which cannot be read." in said


def test_overrides_are_checked_against_the_signature(tmp_path: Path) -> None:
    write_lab(tmp_path)
    catalog, spec = loaded(tmp_path), specs(tmp_path)["net"]
    changed = override(spec, ["width=16", "kind=deep"], catalog.code)
    assert isinstance(changed.model, LabModel)  # type: ignore[union-attr]
    assert changed.overrides == {"model.width": 16, "model.kind": "deep"}
    assert changed.display_title == "net [model.width=16, model.kind=deep]"
    with pytest.raises(UsageError, match=r"model\.width: 1 is not allowed\. Allowed: a whole number from 2 to 64"):
        override(spec, ["model.width=1"], catalog.code)
    with pytest.raises(UsageError, match="widht"):
        override(spec, ["widht=1"], catalog.code)
    other = override(spec, ["model.name=torchvision:resnet50", "model.name=x"][:1], catalog.code)
    assert other.model == LibraryModel(use="torchvision:resnet50")  # type: ignore[union-attr]
    assert override(other, ["model.weights=w.pt"], catalog.code).model.weights == "w.pt"  # type: ignore[union-attr]


def test_the_launch_dialog_offers_the_arguments(tmp_path: Path) -> None:
    spec = specs(write_lab(tmp_path))["wide"]
    found = {field.key: field for field in fields(spec, loaded(tmp_path).code)}
    assert [found[key].text for key in ("model.name", "model.width", "model.kind")] == ["Net", "8", "plain"]
    assert found["model.width"].type_text == "a whole number from 2 to 64"
    assert set(found["model.kind"].choices) == {"plain", "deep"}
    assert {"model.source", "data.source", "data.fingerprint", "data.path", "data.size"} & set(found) == set()


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("a: int, b: float = 1, c='x', d=True, e=2, f=0.5", "int float str bool int float"),
        ("a: list[int], b: tuple[float, float] = (1, 2)", "tuple[int, ...] tuple[float, float]"),
        ("a: Optional[int] = None, b: str | None = 'x'", "int | None str"),
        ("a: Annotated[float, Meta(ge=0, lt=1)] = 0", "Annotated[float, Meta(ge=0, lt=1)]"),
        ("a: Annotated[int, range(3)] = 0", "Annotated[int, Meta(ge=0, lt=3)]"),
        ("self, classes, num_classes, shape, in_channels, x: int", "int"),
        ("a=nn.ReLU, *args, b: int = 3, **kwargs", "int"),
        ("a: 'Strange[1]' = 3, b: Strange = None", "int Any"),
    ],
)
def test_types_and_ranges_come_from_the_signature(tmp_path: Path, signature: str, expected: str) -> None:
    write_lab(tmp_path, models=f"def one({signature}): ...\n")
    parameters = read_lab(tmp_path).of("models")["one"].parameters
    shown = " ".join(_words(parameter.hint) for parameter in parameters)
    assert shown == expected


def _words(hint: Any) -> str:
    text = repr(hint).replace("typing.", "").replace("msgspec.", "")
    return hint.__name__ if isinstance(hint, type) and "[" not in text else text


def test_a_subclass_has_the_parameters_of_its_base_and_private_names_are_not_offered(tmp_path: Path) -> None:
    write_lab(tmp_path, models=MODELS + "\nclass _Hidden: ...\ndef _helper(): ...\nX = 1\n")
    models = read_lab(tmp_path).of("models")
    assert [one.name for one in models["Broken"].parameters] == ["width", "kind"]
    assert set(models) == {"Net", "Broken", "three", "none"}


def test_a_huge_or_nested_file_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    write_lab(tmp_path, models="x = " + "(" * 5_000, datasets="#" * 1_100_000, transforms="x = " + "-" * 200_000 + "1")
    code = read_lab(tmp_path)
    assert len(code.problems) == 3
    assert code.definitions == {}


def test_a_catalog_without_code_reads_as_before(tmp_path: Path) -> None:
    (tmp_path / "experiments.toml").write_text(CATALOG.partition("[experiment.wide]")[0].replace('"Net"', '"cnn"'))
    spec = specs(tmp_path)["net"]
    assert "source" not in flatten(recipe(spec))
    assert not isinstance(spec.model, LabModel)
    assert not any(isinstance(one, LabTransform) for one in (spec.data.augment.transforms if spec.data.augment else ()))


# --- Packages that share names as entry points --------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package that shares a model and a data set, and leaves a file if it is imported."""
    site = tmp_path / "site"
    (site / "ours").mkdir(parents=True)
    (site / "ours" / "__init__.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w').close()\n")
    (site / "ours" / "nets.py").write_text("def shared(classes: int, depth: int = 3): ...\n")
    (site / "ours" / "data.py").write_text("def cifar10(): ...\ndef shapes(count: int = 5): ...\n")
    info = site / "ours-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n")
    entries = "[labtui.models]\nSharedNet = ours.nets:shared\nGone = ours.gone:x\n"
    entries += "[labtui.datasets]\nshapes = ours.data:shapes\ncifar10 = ours.data:cifar10\n"
    (info / "entry_points.txt").write_text(entries)
    monkeypatch.syspath_prepend(str(site))
    installed.cache_clear()
    yield site
    installed.cache_clear()


def test_a_name_that_a_package_shares_is_read_from_its_file_without_importing_it(tmp_path: Path, package: Path) -> None:
    entry = '\n[experiment.mine]\nmodel = { name = "SharedNet", depth = 4 }\n'
    entry += 'data.name = "shapes"\nfactor = ["model.depth"]\n'
    spec = specs(write_lab(tmp_path, CATALOG + entry))["mine"]
    assert recipe(spec)["model"] == {"name": "SharedNet", "depth": 4, "source": file_hash(package / "ours" / "nets.py")}
    assert spec.data.arguments == {"count": 5}
    assert not (tmp_path / "executed").exists()
    assert "mine.model.deep: SharedNet has no such parameter." in problem(
        tmp_path, 'model = { name = "SharedNet", deep = 4 }'
    )


def test_a_package_cannot_take_the_place_of_a_registered_data_set_or_of_the_own_code(
    tmp_path: Path, package: Path
) -> None:
    entries = package / "ours-1.0.dist-info" / "entry_points.txt"
    entries.write_text(entries.read_text().replace("SharedNet", "Net"))
    spec = specs(write_lab(tmp_path, CATALOG + '\n[experiment.mine]\ndata.name = "cifar10"\n'))["mine"]
    assert spec.data.source is None
    assert recipe(spec)["model"]["width"] == 4

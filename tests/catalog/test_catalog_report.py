"""The built-in catalog is the lab report: its 13 runs, recipe by recipe, and every figure that it published."""

import tomllib
from pathlib import Path

import pytest

from labtui.catalog import Catalog, builtin_path, load
from labtui.spec import (
    Adam,
    Cnn,
    ColorJitter,
    HorizontalFlip,
    Penalty,
    Resize,
    Rotation,
    Sgd,
    Variant,
    differences,
    flatten,
)
from labtui.store.tags import (
    MINIBATCH_ACCURACY,
    MINIBATCH_LOSS,
    REPORT_TEST_ACCURACY,
    REPORT_TEST_LOSS,
    REPORT_TRAIN_ACCURACY,
    REPORT_TRAIN_LOSS,
)

DATASETS = ("cifar10", "digits", "fashion-mnist")

RUNS = {
    "network": "Network",
    "augmentation": "Augmentation",
    "normalization": "Normalization",
    "norm_aug": "Norm_Aug",
    "dropout": "Dropout",
    "l1": "L1",
    "l2": "L2",
    "adam@0.01": "Adam 0.01",
    "adam@0.001": "Adam 0.001",
    "adam@0.0001": "Adam 0.0001",
    "sgd@0.01": "SGD 0.01",
    "sgd@0.001": "SGD 0.001",
    "sgd@0.0001": "SGD 0.0001",
}

# What each run changes of the baseline's recipe, as the report's table has it.
FULL = {"data.train_fraction": 1.0}
CHANGES = {
    "network": {},
    "augmentation": FULL | {"data.augment": "the report's"},
    "normalization": FULL | {"data.normalize": "dataset"},
    "norm_aug": FULL | {"data.augment": "the report's", "data.normalize": "dataset"},
    "dropout": FULL | {"model.dropout": (0.3, 0.2)},
    "l1": FULL | {"penalty": Penalty(norm="l1", weight=0.5, modules="fc1")},
    "l2": FULL | {"penalty": Penalty(norm="l2", weight=0.5, modules="fc1")},
    "adam@0.01": FULL | {"optimizer": Adam(lr=0.01)},
    "adam@0.001": FULL,
    "adam@0.0001": FULL | {"optimizer": Adam(lr=0.0001)},
    "sgd@0.01": FULL | {"optimizer": Sgd(lr=0.01)},
    "sgd@0.001": FULL | {"optimizer": Sgd(lr=0.001)},
    "sgd@0.0001": FULL | {"optimizer": Sgd(lr=0.0001)},
}

# Train Loss, Test Loss, Train accuracy, Test accuracy, relative; then the last minibatch point: loss, accuracy, the
# step of each, relative.
PUBLISHED = {
    "network": (0.0924, 0.1387, 60, 55.9, "1m 52s", None, None, None, None),
    "augmentation": (0.07862, 0.1248, None, 65.93, "10m 48s", 0.76, 74.22, (150, 150), "11m 46s"),
    "normalization": (0.07022, 0.1295, 77.5, 66.24, "4m 26s", 0.7836, None, (70, None), "4m 47s"),
    "norm_aug": (0.06956, 0.1215, 79, 69.32, "12m 21s", None, 78.13, (None, 150), "13m 25s"),
    "dropout": (0.08806, 0.1323, None, 61.04, "3m 32s", 0.8034, 69.53, (70, 70), "3m 48s"),
    "l1": (0.2801, 0.1623, None, 35.28, "3m 34s", 10.1, None, (70, None), "3m 51s"),
    "l2": (0.11, 0.1482, None, 47.67, "3m 29s", None, 52.34, None, "3m 46s"),
    "adam@0.01": (0.1342, None, 10.01, 10, "2m 45s", 2.307, 8.594, (70, 70), None),
    "adam@0.001": (0.08308, None, 68.74, 64.26, "3m 18s", 0.8094, 75.78, (70, 70), None),
    "adam@0.0001": (0.1082, None, 45.06, 45.41, "3m 19s", 1.554, 41.41, (70, 70), None),
    "sgd@0.01": (0.1272, 0.1787, 22.23, 24.13, "2m 24s", 2.048, 22.66, (64, 68), None),
    "sgd@0.001": (0.1342, 0.1901, 10, 10, "2m 46s", 2.298, 10.94, (64, 68), None),
    "sgd@0.0001": (0.1342, 0.1902, 10, 10.02, "2m 47s", 2.302, 14.06, (64, 68), None),
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(builtin_path(), builtin=True, datasets=DATASETS)


def variant(catalog: Catalog, name: str) -> Variant:
    (found,) = catalog.select([name])
    return found


def test_the_catalog_has_no_problems_and_nine_entries(catalog: Catalog) -> None:
    assert catalog.problems == ()
    assert len(catalog.experiments) == 9


def test_the_thirteen_runs_have_the_names_of_the_report_in_its_order(catalog: Catalog) -> None:
    assert {one.spec.name: one.spec.title for one in catalog.variants} == RUNS
    assert list(RUNS) == [one.spec.name for one in catalog.variants]
    assert {one.spec.group for one in catalog.variants} == {"Cifar"}


def test_the_baseline_is_the_report_s(catalog: Catalog) -> None:
    spec = variant(catalog, "network").spec
    assert spec.protocol == "report"
    assert (spec.data.name, spec.data.train_fraction, spec.data.augment, spec.data.normalize) == (
        "cifar10",
        0.5,
        None,
        None,
    )
    assert spec.model == Cnn(dropout=(0.0, 0.0))
    assert spec.penalty is None
    assert spec.optimizer == Adam(lr=1e-3)
    training = spec.training
    assert (training.epochs, training.batch_size, training.test_batch_size, training.log_every) == (10, 128, 64, 50)
    assert training.precision == "fp32"


@pytest.mark.parametrize("name", RUNS)
def test_a_run_changes_of_the_baseline_s_recipe_what_the_report_s_table_says_and_nothing_else(
    catalog: Catalog, name: str
) -> None:
    spec, baseline = variant(catalog, name).spec, variant(catalog, "network").spec
    for key, expected in CHANGES[name].items():
        found = spec
        for part in key.split("."):
            found = getattr(found, part)
        assert found == expected or key == "data.augment"
    changed = set(differences(spec, baseline))
    allowed = tuple(CHANGES[name])
    assert all(any(key == one or key.startswith(f"{one}.") for one in allowed) for key in changed)
    assert bool(changed) == bool(allowed)


@pytest.mark.parametrize("name", ["augmentation", "norm_aug"])
def test_augmentation_is_the_report_s_appended_and_on_the_test_set_too(catalog: Catalog, name: str) -> None:
    augment = variant(catalog, name).spec.data.augment
    assert augment is not None
    assert augment.transforms == (
        Resize(size=32),
        HorizontalFlip(p=0.5),
        Rotation(degrees=10),
        ColorJitter(brightness=0.3, contrast=0.2, saturation=0.2, hue=0.1),
    )
    assert (augment.mode, augment.test) == ("append", True)


def test_adam_0_001_is_the_baseline_s_twin_on_the_whole_training_set(catalog: Catalog) -> None:
    assert differences(variant(catalog, "adam@0.001").spec, variant(catalog, "network").spec) == {
        "data.train_fraction": (1.0, 0.5)
    }


@pytest.mark.parametrize("name", RUNS)
def test_a_declared_factor_covers_what_differs_except_the_half_training_set(catalog: Catalog, name: str) -> None:
    spec = variant(catalog, name).spec
    undeclared = {
        key
        for key in differences(spec, variant(catalog, "network").spec)
        if not any(key == one or key.startswith(f"{one}.") for one in spec.factor)
    }
    assert undeclared == (set() if name == "network" else {"data.train_fraction"})


def test_the_network_is_the_baseline_of_all_and_has_none(catalog: Catalog) -> None:
    assert {one.spec.name: one.spec.baseline for one in catalog.variants} == {
        name: None if name == "network" else "network" for name in RUNS
    }


def test_each_variant_has_one_seed_an_offline_data_set_a_description_and_a_conclusion_in_one_sentence(
    catalog: Catalog,
) -> None:
    for experiment in catalog.experiments:
        assert experiment.seeds == (0,)
        assert experiment.offline_dataset == "digits"
        for one in experiment.variants:
            assert one.description
            assert one.conclusion.endswith(".")
            assert one.conclusion[:-1].count(". ") == 0


@pytest.mark.parametrize("name", RUNS)
def test_the_published_figures_are_the_report_s_to_the_letter(catalog: Catalog, name: str) -> None:
    reference = variant(catalog, name).reference
    assert reference is not None
    train_loss, test_loss, train_accuracy, test_accuracy, relative, loss, accuracy, steps, late = PUBLISHED[name]
    figures = {
        REPORT_TRAIN_LOSS: train_loss,
        REPORT_TEST_LOSS: test_loss,
        REPORT_TRAIN_ACCURACY: train_accuracy,
        REPORT_TEST_ACCURACY: test_accuracy,
        MINIBATCH_LOSS: loss,
        MINIBATCH_ACCURACY: accuracy,
    }
    assert reference.figures == {tag: figure for tag, figure in figures.items() if figure is not None}
    tags = (MINIBATCH_LOSS, MINIBATCH_ACCURACY)
    assert reference.steps == {tag: step for tag, step in zip(tags, steps or (), strict=False) if step is not None}
    late_tags = [tag for tag in tags if late and tag in reference.figures]
    assert reference.relative == {REPORT_TEST_ACCURACY: relative} | dict.fromkeys(late_tags, late)


@pytest.mark.parametrize("name", RUNS)
def test_the_figures_were_published_at_epoch_10_and_sgd_s_at_8_and_9(catalog: Catalog, name: str) -> None:
    reference = variant(catalog, name).reference
    assert reference is not None
    sgd = name.startswith("sgd")
    assert reference.epoch == (8 if sgd else 10)
    assert reference.epochs == ({REPORT_TEST_ACCURACY: 9} if sgd else {})


def test_only_what_rests_on_an_assumption_is_in_kind_and_only_words_are_around(catalog: Catalog) -> None:
    in_kind = {one.spec.name for one in catalog.variants if one.reference and one.reference.in_kind}
    around = {one.spec.name: one.reference.around for one in catalog.variants if one.reference and one.reference.around}
    assert in_kind == {"augmentation", "norm_aug"}
    assert around == {"network": (REPORT_TRAIN_ACCURACY,), "norm_aug": (REPORT_TRAIN_ACCURACY,)}


def test_the_file_is_plain_toml_for_other_tools_too() -> None:
    tables = tomllib.loads(builtin_path().read_text("utf-8"))
    assert set(tables) == {"defaults", "experiment"}
    assert all(len(line) <= 120 for line in builtin_path().read_text("utf-8").splitlines())


def commented_entries(text: str) -> str:
    """The example entries in the comments, their signs taken away."""
    lines = [line.removeprefix("# ").removeprefix("    ") for line in text.splitlines() if line.startswith("#")]
    entries: list[str] = []
    inside = False
    for line in lines:
        inside = line.startswith("[experiment.") or (inside and bool(line.strip("# ")))
        if inside:
            entries.append(line)
    return "\n".join(entries)


def test_the_examples_in_the_comments_work_as_they_are(tmp_path: Path) -> None:
    text = builtin_path().read_text("utf-8")
    path = tmp_path / "experiments.toml"
    path.write_text(f"{text}\n{commented_entries(text)}\n", "utf-8")
    catalog = load(path, datasets=DATASETS)
    assert catalog.problems == ()
    heavy, careful, dropout = catalog.select(["heavy_dropout", "careful", "careful_dropout"])
    assert flatten({"model": {"dropout": (0.5, 0.5)}}).items() <= {"model.dropout": heavy.spec.model.dropout}.items()  # type: ignore[union-attr]
    assert (careful.spec.protocol, careful.spec.baseline, careful.spec.data.train_fraction) == ("standard", None, 1.0)
    assert set(differences(dropout.spec, careful.spec)) == {"model.dropout"}
    assert catalog.experiment("careful_dropout").seeds == (0, 1, 2, 3, 4)

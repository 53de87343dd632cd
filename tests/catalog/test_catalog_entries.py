"""Inheritance, grids and seeds: what an entry becomes."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.catalog import Catalog, load, parse_seeds
from labtui.errors import UsageError
from labtui.spec import Adam, AdamW, Augment, Cosine, Normalize, RandomCrop, ResNet18, Sgd, Variant

DATASETS = ("cifar10", "digits", "fashion-mnist")

BASE = """\
[defaults]
protocol = "report"
data = { name = "cifar10", train_fraction = 0.5 }
model.name = "cnn"
optimizer = { name = "adam", lr = 0.01, betas = [0.8, 0.99] }
penalty = { norm = "l1", weight = 0.5 }
baseline = "base"
offline_dataset = "digits"

[experiment.base]
"""


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def of(text: str, base: str = BASE) -> Catalog:
        path = tmp_path / "experiments.toml"
        path.write_text(base + text, "utf-8")
        return load(path, datasets=DATASETS)

    return of


def variant(catalog: Catalog, name: str) -> Variant:
    assert catalog.problems == ()
    (found,) = catalog.select([name])
    return found


def test_tables_merge_key_by_key(read: Any) -> None:
    spec = variant(read("[experiment.x]\noptimizer.lr = 0.5\ndata.name = 'digits'\n"), "x").spec
    assert spec.optimizer == Adam(lr=0.5, betas=(0.8, 0.99))
    assert (spec.data.name, spec.data.train_fraction) == ("digits", 0.5)


def test_another_name_replaces_a_registry_s_whole_table(read: Any) -> None:
    catalog = read(
        "[experiment.a]\noptimizer = { name = 'sgd' }\n[experiment.b]\noptimizer = { name = 'adam', lr = 1 }\n"
        "[experiment.c]\nextends = 'a'\noptimizer.name = 'adamw'\n[experiment.d]\nmodel.name = 'resnet18'\n"
        "penalty = { norm = 'l2', weight = 1, modules = 'fc' }\n"
    )
    assert variant(catalog, "a").spec.optimizer == Sgd()
    assert variant(catalog, "b").spec.optimizer == Adam(lr=1.0, betas=(0.8, 0.99))
    assert variant(catalog, "c").spec.optimizer == AdamW()
    assert variant(catalog, "d").spec.model == ResNet18()


def test_none_switches_off_what_is_inherited(read: Any) -> None:
    catalog = read(
        "[experiment.x]\npenalty = 'none'\nbaseline = 'none'\noffline_dataset = 'none'\n"
        "[experiment.y]\nextends = 'x'\npenalty = { norm = 'l2', weight = 1 }\n"
    )
    assert variant(catalog, "x").spec.penalty is None
    assert variant(catalog, "x").spec.baseline is None
    assert catalog.experiment("x").offline_dataset is None
    assert variant(catalog, "y").spec.penalty is not None


def test_an_entry_inherits_everything_but_what_belongs_to_one_entry(read: Any) -> None:
    catalog = read(
        "[experiment.a]\ntitle = 'A'\ngroup = 'G'\nseeds = 3\ndescription = 'd'\nconclusion = 'c'\n"
        "factor = ['penalty']\nsmallest_effect = 2\nreference.figures.'Test accuracy' = 50\ntraining.epochs = 3\n"
        "[experiment.b]\nextends = 'a'\n"
    )
    child, experiment = variant(catalog, "b"), catalog.experiment("b")
    assert (experiment.group, experiment.seeds, experiment.factor) == ("G", (0, 1, 2), ("penalty",))
    assert (child.smallest_effect, child.spec.training.epochs) == (2.0, 3)
    assert (experiment.title, experiment.description, child.conclusion, child.reference) == ("b", "", "", None)


def test_the_nearest_entry_of_a_chain_wins(read: Any) -> None:
    catalog = read(
        "[experiment.a]\ntraining = { epochs = 2, batch_size = 2 }\n"
        "[experiment.b]\nextends = 'a'\ntraining.epochs = 3\n[experiment.c]\nextends = 'b'\ntraining.log_every = 4\n"
    )
    training = variant(catalog, "c").spec.training
    assert (training.epochs, training.batch_size, training.log_every, training.test_batch_size) == (3, 2, 4, 64)


def test_every_part_of_the_vocabulary_can_be_said(read: Any) -> None:
    catalog = read(
        """
[experiment.x]
protocol = "standard"
scheduler = { name = "cosine", warmup_epochs = 1, final = 0.1 }
training.precision = "bf16"
data.normalize = { mean = [0.5, 0.5, 0.5], std = [0.2, 0.2, 0.2] }
[[experiment.x.data.augment.transforms]]
name = "random_crop"
[[experiment.x.data.augment.transforms]]
name = "random_crop"
padding = 2
"""
    )
    spec = variant(catalog, "x").spec
    assert spec.scheduler == Cosine(warmup_epochs=1.0, final=0.1)
    assert spec.data.normalize == Normalize(mean=(0.5,) * 3, std=(0.2,) * 3)
    assert spec.data.augment == Augment(transforms=(RandomCrop(padding=4), RandomCrop(padding=2)))


def test_an_entry_is_not_its_own_baseline(read: Any) -> None:
    catalog = read("[experiment.r]\nbaseline = 'r@0.1'\ngrid.optimizer.lr = [0.1, 0.2]\n")
    assert variant(catalog, "base").spec.baseline is None
    assert catalog.experiment("base").baseline is None
    assert [one.spec.baseline for one in catalog.select(["r"])] == [None, "r@0.1"]


def test_the_same_title_in_two_groups_makes_two_folders(read: Any) -> None:
    catalog = read("[experiment.a]\ntitle = 'T'\n[experiment.b]\ntitle = 'T'\ngroup = 'Other'\n")
    assert catalog.problems == ()


@pytest.mark.parametrize("form", ["grid.optimizer.lr = [0.1, 2]", 'grid."optimizer.lr" = [0.1, 2]'])
def test_a_grid_is_one_member_per_value_with_the_factor_that_it_varies(read: Any, form: str) -> None:
    catalog = read(f"[experiment.r]\ntitle = 'Rate'\n{form}\n")
    members = catalog.select(["r"])
    assert [(one.spec.name, one.spec.title) for one in members] == [("r@0.1", "Rate 0.1"), ("r@2", "Rate 2")]
    assert [one.spec.optimizer.lr for one in members] == [0.1, 2.0]
    assert {one.spec.factor for one in members} == {("optimizer.lr",)}


def test_variants_have_their_own_notes_or_else_the_entry_s(read: Any) -> None:
    catalog = read(
        "[experiment.r]\ndescription = 'all'\nconclusion = 'so'\ngrid.optimizer.lr = [0.1, 0.2]\n"
        "[experiment.r.member.'0.2']\ndescription = 'this'\nreference.figures.'Test accuracy' = 1\n"
    )
    first, second = catalog.select(["r"])
    assert (first.description, first.conclusion, first.reference) == ("all", "so", None)
    assert (second.description, second.conclusion) == ("this", "so")
    assert second.reference is not None


def test_a_grid_is_inherited_unless_an_entry_says_none(read: Any) -> None:
    catalog = read(
        "[experiment.r]\ngrid.optimizer.lr = [0.1, 0.2]\n"
        "[experiment.s]\nextends = 'r'\ntraining.epochs = 2\n"
        "[experiment.t]\nextends = 'r'\ngrid = 'none'\noptimizer.lr = 0.3\n"
        "[experiment.u]\nextends = 'r'\ngrid.training.epochs = [1, 2]\n"
    )
    assert [one.spec.name for one in catalog.select(["s", "t", "u"])] == [
        *("s@0.1", "s@0.2", "t"),
        *("u@0.1_1", "u@0.1_2", "u@0.2_1", "u@0.2_2"),
    ]


def test_a_key_that_an_inherited_grid_would_override_is_a_problem(read: Any) -> None:
    catalog = read(
        "[experiment.r]\ngrid.optimizer.lr = [0.1, 0.2]\n[experiment.s]\nextends = 'r'\noptimizer.lr = 0.3\n"
    )
    (problem,) = catalog.problems
    assert (problem.line, problem.key) == (15, "experiment.s.optimizer.lr")
    assert 'grid = "none"' in problem.message


def test_a_grid_over_names_brings_each_one_s_own_defaults(read: Any) -> None:
    catalog = read(
        "[experiment.o]\ngrid.optimizer.name = ['adam', 'sgd']\ngrid.data.augment = ['none']\n"
        "grid.training.precision = ['fp32', 'bf16']\n[experiment.n]\noptimizer = { name = 'sgd', momentum = 0.9 }\n"
        "grid.optimizer.nesterov = [true, false]\ngrid.model.dropout = [[0.1, 0.2], [0, 0]]\n"
    )
    assert catalog.problems == ()
    assert [one.spec.name for one in catalog.select(["o"])] == [
        "o@adam_none_fp32",
        "o@adam_none_bf16",
        "o@sgd_none_fp32",
        "o@sgd_none_bf16",
    ]
    assert catalog.select(["o"])[0].spec.optimizer == Adam(lr=0.01, betas=(0.8, 0.99))
    assert catalog.select(["o"])[2].spec.optimizer == Sgd()
    assert [one.spec.title for one in catalog.select(["n"])][:2] == ["n nesterov 0.1-0.2", "n nesterov 0-0"]


rates = st.floats(min_value=1e-12, max_value=1_000, exclude_min=True)
axes = st.fixed_dictionaries(
    {},
    optional={
        "optimizer.lr": st.lists(rates, min_size=1, max_size=5, unique=True),
        "training.epochs": st.lists(st.integers(1, 100_000), min_size=1, max_size=5, unique=True),
        "data.train_fraction": st.lists(st.sampled_from([0.1, 0.25, 1, 0.5]), min_size=1, max_size=3, unique=True),
    },
)


@settings(deadline=None)
@given(axes)
def test_a_grid_makes_every_combination_once_in_the_order_written(
    tmp_path_factory: pytest.TempPathFactory, grid: dict[str, list[Any]]
) -> None:
    path = tmp_path_factory.mktemp("grid") / "experiments.toml"
    lines = "".join(f"grid.{key} = {json.dumps(values)}\n" for key, values in grid.items())
    path.write_text(f"{BASE}[experiment.g]\n{lines}", "utf-8")
    catalog = load(path, datasets=DATASETS)
    assert catalog.problems == ()
    expected = list(itertools.product(*grid.values()))
    members = catalog.select(["g"])
    assert len(members) == len(expected) == len({one.spec.name for one in members})
    for member, point in zip(members, expected, strict=True):
        for key, value in zip(grid, point, strict=True):
            found: Any = member.spec
            for part in key.split("."):
                found = getattr(found, part)
            assert found == value
        assert catalog.select([member.spec.name]) == (member,)


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=30, unique=True))
def test_seeds_are_read_back_as_they_are_listed(seeds: list[int]) -> None:
    assert parse_seeds(",".join(map(str, seeds)) + ",") == tuple(seeds)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1001), st.integers(0, 999))
def test_a_range_of_seeds_includes_both_ends(first: int, more: int) -> None:
    assert parse_seeds(f"{first}-{first + more}") == tuple(range(first, first + more + 1))


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("3", (0, 1, 2)),
        ("1", (0,)),
        (" 0,4,7 ", (0, 4, 7)),
        ("0-4", (0, 1, 2, 3, 4)),
        ("7,", (7,)),
        ("0-2, 9", (0, 1, 2, 9)),
    ],
)
def test_seeds_have_three_forms(text: str, seeds: tuple[int, ...], read: Any) -> None:
    assert parse_seeds(text) == seeds
    assert read(f"[experiment.x]\nseeds = '{text}'\n").experiment("x").seeds == seeds


@pytest.mark.parametrize("seeds", ["2", "[5, 3]", "'0-1'"])
def test_seeds_of_an_entry_are_a_count_a_list_or_text_and_the_variant_has_the_first(seeds: str, read: Any) -> None:
    experiment = read(f"[experiment.x]\nseeds = {seeds}\n").experiment("x")
    assert experiment.seeds == {"2": (0, 1), "[5, 3]": (5, 3), "'0-1'": (0, 1)}[seeds]
    assert experiment.variants[0].spec.seed == experiment.seeds[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not a list of seeds"),
        ("0", "a count from 1 to 1,000"),
        ("1001", "a count from 1 to 1,000"),
        ("9" * 5000, "a count from 1 to 1,000"),
        ("-1", "is not a list of seeds"),
        ("1.5", "is not a list of seeds"),
        ("a", "is not a list of seeds"),
        ("٣", "is not a list of seeds"),
        ("4-0", "is in the wrong order: write 0-4"),
        ("0-1000", "1,001 seeds"),
        ("1,1", "seed 1 is listed twice"),
        ("0-3,2", "seed 2 is listed twice"),
        ("4294967296,", "not a seed"),
        (",", "is not a list of seeds"),
        ("1\x1b[31m", "is not a list of seeds"),
    ],
)
def test_what_names_no_seeds_is_refused_with_what_would(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        parse_seeds(text)
    assert "\x1b" not in caught.value.message

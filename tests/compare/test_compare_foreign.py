"""Runs of other tools are grouped by what they say about themselves; what tells seeds apart is no hyperparameter."""

from pathlib import Path
from typing import Any

import pytest

from labtui.compare.foreign import Grouped, GroupRules, grouped, title_of, titles_of
from labtui.errors import UsageError
from labtui.store.conditions import parse_condition
from labtui.store.hyperparameters import Hyperparameters
from labtui.store.run import Run
from labtui.store.state import State


def tried(run_id: str, at: float = 0.0, **values: Any) -> Run:
    return Run(
        id=run_id,
        folder=Path(run_id),
        state=State.QUIET,
        reason="",
        modified=at,
        foreign=True,
        hyperparameters=Hyperparameters(values, "hparams.yaml" if values else ""),
    )


def groups(found: Grouped) -> dict[str, list[tuple[str, int]]]:
    """The runs of each group with their seeds."""
    titles: dict[str, list[tuple[str, int]]] = {title: [] for title in found.titles}
    for run_id, spec in found.specs.items():
        titles[spec.title].append((run_id, spec.seed))
    return titles


def test_runs_that_differ_in_seed_and_labels_alone_are_one_group_named_by_what_differs() -> None:
    runs = [
        tried(f"version_{lr}{seed}", **{"opt.lr": lr, "bs": 64, "seed": seed, "log_dir": f"/x/{lr}{seed}"})
        for lr in (0.1, 0.2)
        for seed in (3, 4)
    ]
    found = grouped(runs, GroupRules(), None)
    assert groups(found) == {
        "lr=0.1": [("version_0.13", 3), ("version_0.14", 4)],
        "lr=0.2": [("version_0.23", 3), ("version_0.24", 4)],
    }
    assert found.specs["version_0.13"].param == {"opt.lr": 0.1, "bs": 64}
    assert found.remarks == ()


def test_the_only_part_that_differs_from_the_baseline_is_the_factor_and_several_are_not() -> None:
    runs = [tried("a", lr=1, p=0), tried("b", lr=2, p=0), tried("c", lr=2, p=1), tried("d", lr=1, p=1, q=2)]
    found = grouped(runs, GroupRules(), None, baseline="lr=1,p=0,q=none")
    assert [found.specs[name].factor for name in "abcd"] == [(), ("param.lr",), (), ()]
    declared = grouped(runs, GroupRules(factor=("lr", "p")), None, baseline="lr=1,p=0")
    assert declared.specs["c"].factor == ("param.lr", "param.p")
    with pytest.raises(UsageError, match="'x' is no hyperparameter"):
        grouped(runs, GroupRules(factor=("x",)), None)


def test_a_pattern_over_names_gives_name_seed_and_hyperparameters() -> None:
    runs = [tried(f"exp/{name}-seed{seed}/version_0") for name in ("base", "wide-seed-x") for seed in (0, 12)]
    found = grouped([*runs, tried("exp/notes")], GroupRules("{name}-seed{seed}"), None)
    assert groups(found) == {
        "base": [("exp/base-seed0/version_0", 0), ("exp/base-seed12/version_0", 12)],
        "wide-seed-x": [("exp/wide-seed-x-seed0/version_0", 0), ("exp/wide-seed-x-seed12/version_0", 12)],
    }
    assert found.remarks == ("1 run left out, whose name does not fit the pattern: exp/notes",)
    assert found.specs["exp/base-seed0/version_0"].param == {"name": "base"}
    by_value = grouped([tried("cnn_lr1e-3_s1"), tried("cnn_lr0.01_s1")], GroupRules("{net}_lr{lr}_s{seed}"), None)
    assert set(by_value.titles) == {"lr=0.001", "lr=0.01"}
    assert by_value.specs["cnn_lr1e-3_s1"].param == {"net": "cnn", "lr": 0.001}
    nested = grouped([tried("big/s1"), tried("big/s2"), tried("small/s1")], GroupRules("{name}/s{seed}"), None)
    assert nested.titles == ("big", "small")


@pytest.mark.parametrize("pattern", ["name", "{}", "{a}{b}", "{a}-{a}", "{a b}", "{name}_{seed}"])
def test_a_pattern_that_is_none_or_fits_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError):
        grouped([tried("base-x")], GroupRules(pattern), None)


def test_the_name_of_a_group_is_no_hyperparameter_where_others_tell_groups_apart() -> None:
    runs = [tried(f"{name}-{seed}", lr=lr, it=f"{name}{seed}") for name, lr in (("a", 1), ("b", 2)) for seed in (0, 1)]
    found = grouped(runs, GroupRules("{name}-{seed}"), None)
    assert found.specs["a-0"].param == {"lr": 1}, "`it` differs within the group"
    assert found.titles == ("a", "b")
    assert "within a group, runs differ in it" in found.remarks[0]


def test_runs_without_a_seed_are_numbered_and_said() -> None:
    found = grouped([tried("a", 1, lr=1), tried("b", 2, lr=1, seed=0), tried("c", 3, lr=1)], GroupRules(), None)
    assert [spec.seed for spec in found.specs.values()] == [1, 0, 2]
    assert found.remarks == ("2 runs without a seed: runs of equal hyperparameters count as seeds",)


def test_a_seed_that_repeats_is_said() -> None:
    found = grouped([tried("a", 1, lr=1, seed=42), tried("b", 2, lr=1, seed=42)], GroupRules(), None)
    assert found.remarks == ("1 run repeats a seed of the same group: per seed, the newest counts",)


def test_of_several_seeds_the_one_that_differs_counts() -> None:
    runs = [tried(name, lr=1, seed=42, data_seed=number) for number, name in enumerate("abc")]
    assert [spec.seed for spec in grouped(runs, GroupRules(), None).specs.values()] == [0, 1, 2]


@pytest.mark.parametrize("seed", ["x", -1, 2**40, True, 1.5])
def test_a_seed_that_is_no_seed_is_none(seed: Any) -> None:
    (spec,) = grouped([tried("a", lr=1, seed=seed)], GroupRules(), None).specs.values()
    assert (spec.seed, spec.param) == (0, {"lr": 1})


def test_folders_stay_apart_where_merging_them_would_count_a_seed_twice() -> None:
    twice = [tried(f"{net}/version_{seed}", lr=1, seed=seed) for net in ("resnet", "vgg") for seed in (0, 1)]
    assert groups(grouped(twice, GroupRules(), None)) == {
        "folder=resnet": [("resnet/version_0", 0), ("resnet/version_1", 1)],
        "folder=vgg": [("vgg/version_0", 0), ("vgg/version_1", 1)],
    }
    nameless = [tried(f"{net}/version_{number}", lr=1) for net in ("resnet", "vgg") for number in (0, 1)]
    assert grouped(nameless, GroupRules(), None).titles == ("folder=resnet", "folder=vgg")
    by_seed = [tried(f"seed{seed}/lightning_logs/version_0", lr=1, seed=seed) for seed in (0, 1)]
    assert len(grouped(by_seed, GroupRules(), None, group="logs").titles) == 1
    assert grouped(by_seed, GroupRules(), None, group="logs").titles == ("logs",)


def test_a_seed_that_was_run_again_in_a_folder_of_its_own_keeps_no_folders_apart() -> None:
    runs = [tried(f"out{number}/runs/Nov29_12-00-00_host", number, lr=1, seed=number % 3) for number in range(4)]
    found = grouped(runs, GroupRules(), None, group="logs")
    assert found.titles == ("logs",)
    assert found.remarks == ("1 run repeats a seed of the same group: per seed, the newest counts",)


def test_runs_that_say_nothing_are_a_row_each_and_it_is_said_how_to_group_them() -> None:
    found = grouped([tried("x/a"), tried("x/b")], GroupRules(), None)
    assert found.titles == ("x/a", "x/b")
    assert "--group '{name}-seed{seed}'" in found.remarks[0]


def test_keys_can_be_ignored_and_runs_selected() -> None:
    runs = [tried(f"r{seed}", lr=seed % 2, id=f"#{seed}", seed=seed) for seed in range(4)]
    assert len(grouped(runs, GroupRules(), None).titles) == 4
    found = grouped(runs, GroupRules(ignored=("id",), where=(parse_condition("seed<3"),)), None)
    assert groups(found) == {"lr=0": [("r0", 0), ("r2", 2)], "lr=1": [("r1", 1)]}


def test_titles_are_short_and_differ() -> None:
    runs = [
        tried(f"r{number}", **{f"key_number_{key}": number for key in range(9)}, text="x" * 500) for number in range(30)
    ]
    titles = grouped(runs, GroupRules(), None).titles
    assert len(set(titles)) == 30
    assert max(map(len, titles)) <= 60
    assert titles[:2] == ("key_number_0=0,…", "key_number_0=1,…"), "the first keys that tell them apart"
    near = grouped([tried("a", lr=0.1234567), tried("b", lr=0.1234568)], GroupRules(), None).titles
    assert near == ("lr=0.123457 #1", "lr=0.123457 #2")


def test_a_group_is_found_by_a_part_of_its_title() -> None:
    titles = ("lr=0.1,p=0", "lr=0.1,p=1", "lr=0.2,p=0")
    assert title_of("lr=0.2", titles) == "lr=0.2,p=0"
    assert title_of("p=1, lr=0.1", titles) == "lr=0.1,p=1"
    assert titles_of("lr=0.1", titles) == titles[:2]
    with pytest.raises(UsageError, match="fits 2 groups"):
        title_of("p=0", titles)
    with pytest.raises(UsageError, match="is no group"):
        titles_of("nowhere", titles)

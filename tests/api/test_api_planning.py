"""Planning runs from names."""

from pathlib import Path

import pytest

from labtui import datasets
from labtui.api import Lab, plan_runs
from labtui.errors import MachineError, UsageError
from labtui.spec import Normalize, recipe_hash
from tests.support.labs import make_lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path)


def test_every_seed_of_every_member_is_planned_in_the_catalogs_order(lab: Lab) -> None:
    plan = plan_runs(lab, [], fetch=False)
    assert [(planned.spec.name, planned.spec.seed) for planned in plan.runs] == [
        ("network", 0),
        ("dropout", 0),
        ("normalization", 0),
        ("normalization", 1),
        ("adam@0.01", 0),
        ("adam@0.001", 0),
    ]


def test_given_seeds_replace_the_catalogs(lab: Lab) -> None:
    assert [planned.spec.seed for planned in plan_runs(lab, ["normalization"], seeds=(4, 7), fetch=False).runs] == [
        4,
        7,
    ]


def test_a_plan_without_fetching_keeps_the_requested_data_set_and_says_what_would_happen(lab: Lab) -> None:
    plan = plan_runs(lab, ["dropout"], fetch=False)
    (planned,) = plan.runs
    assert (planned.spec.data.name, planned.images, planned.steps, planned.present) == ("cifar10", 50_000, 782, False)
    (notice,) = plan.notices
    assert "labtui data get cifar10" in notice
    assert "Digits" in notice


def test_a_fallback_to_another_data_set_has_one_notice(lab: Lab) -> None:
    plan = plan_runs(lab, [])
    specs = [planned.spec for planned in plan.runs]
    assert {spec.data.name for spec in specs} == {"digits"}
    assert {spec.group for spec in specs} == {"Digits"}
    assert {spec.fallback_from for spec in specs} == {"cifar10"}
    (notice,) = plan.notices
    assert "CIFAR-10 is not available" in notice
    assert "runs/Digits" in notice
    assert "not comparable" in notice
    assert "\n" not in notice


def test_a_replacement_data_set_has_at_most_eight_points_per_epoch(lab: Lab) -> None:
    (planned,) = plan_runs(lab, ["dropout"]).runs
    assert planned.steps == 2 * 12
    assert planned.spec.training.log_every == max(1, 12 // 8)


def test_a_log_interval_from_an_override_is_used_on_a_replacement_data_set(lab: Lab) -> None:
    (planned,) = plan_runs(lab, ["dropout"], overrides=["training.log_every=5"]).runs
    assert planned.spec.training.log_every == 5


def test_normalization_uses_the_mean_and_deviation_of_the_chosen_data_set(lab: Lab) -> None:
    here, there = datasets.get("digits"), datasets.get("cifar10")
    (on_digits, _) = plan_runs(lab, ["normalization"]).runs
    (on_cifar, _) = plan_runs(lab, ["normalization"], fetch=False).runs
    assert on_digits.spec.data.normalize == Normalize(mean=here.mean, std=here.std)
    assert on_cifar.spec.data.normalize == Normalize(mean=there.mean, std=there.std)


def test_a_pinned_data_set_never_falls_back(lab: Lab) -> None:
    with pytest.raises(MachineError, match="CIFAR-10"):
        plan_runs(lab, ["dropout"], dataset="cifar10")


def test_the_fallback_data_set_requested_by_name_is_the_same_cell_as_a_fallback(lab: Lab) -> None:
    (asked,) = plan_runs(lab, ["dropout"], dataset="digits").runs
    (fallen,) = plan_runs(lab, ["dropout"]).runs
    assert recipe_hash(asked.spec) == recipe_hash(fallen.spec)
    assert asked.spec.fallback_from is None
    assert asked.spec.display_title == "Dropout"


def test_a_data_set_that_the_entry_does_not_declare_is_part_of_the_title(lab: Lab) -> None:
    (planned,) = plan_runs(lab, ["dropout"], dataset="fashion-mnist", fetch=False).runs
    assert planned.spec.display_title == "Dropout [data.name=fashion-mnist]"
    assert planned.spec.group == datasets.get("fashion-mnist").group


def test_a_data_set_set_by_its_key_is_pinned_like_one_given_by_name(lab: Lab) -> None:
    (by_key,) = plan_runs(lab, ["dropout"], overrides=["data.name=digits"]).runs
    (by_name,) = plan_runs(lab, ["dropout"], dataset="digits").runs
    assert by_key.spec.group == by_name.spec.group == "Digits"
    assert recipe_hash(by_key.spec) == recipe_hash(by_name.spec)


def test_an_unknown_data_set_is_an_error_before_anything_is_fetched(lab: Lab) -> None:
    with pytest.raises(UsageError, match="cifar10"):
        plan_runs(lab, ["dropout"], dataset="cifar-10")


def test_a_broken_entry_has_a_notice_and_the_valid_ones_are_planned(tmp_path: Path) -> None:
    broken = '\n[experiment.bad]\ntitle = "Bad"\noptimizer.lr = -1\n'
    (tmp_path / "catalog").mkdir()
    from tests.support.labs import CATALOG

    lab = make_lab(tmp_path / "catalog", CATALOG + broken)
    plan = plan_runs(lab, ["dropout"], fetch=False)
    assert len(plan.runs) == 1
    assert "1 problem" in plan.notices[0]
    with pytest.raises(UsageError, match=r"optimizer\.lr"):
        plan_runs(lab, ["bad"], fetch=False)

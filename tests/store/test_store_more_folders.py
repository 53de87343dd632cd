"""Several runs folders as one: the first is written to, the others are only read."""

from pathlib import Path

import pytest

from labtui.errors import UsageError
from labtui.store.state import State
from labtui.store.store import Store
from tests.support.samples import make_result, make_spec, write_run


def finished(folder: Path, seed: int = 0) -> None:
    write_run(folder / "Cifar" / "Dropout" / f"s{seed}-1", spec=make_spec(seed=seed), result=make_result(), attempt=1)


def ids(first: Path, *more: Path) -> list[str]:
    return sorted(run.id for run in Store(first, more=more).scan())


def test_runs_of_all_folders_are_found_and_those_of_further_ones_carry_the_folders_name(tmp_path: Path) -> None:
    finished(tmp_path / "runs")
    finished(tmp_path / "old", 1)
    (tmp_path / "tb" / "version_0").mkdir(parents=True)
    (tmp_path / "tb" / "version_0" / "events.out.tfevents.1.host").touch()
    store = Store(tmp_path / "runs", more=(tmp_path / "old", tmp_path / "tb"))
    runs = {run.id: run for run in store.scan()}
    assert sorted(runs) == ["Cifar/Dropout/s0-1", "old/Cifar/Dropout/s1-1", "tb/version_0"]
    other = runs["old/Cifar/Dropout/s1-1"]
    assert (other.state, other.spec, other.read_only) == (State.FINISHED, make_spec(seed=1), True)
    assert other.folder == tmp_path / "old" / "Cifar" / "Dropout" / "s1-1"
    assert Store(tmp_path / "runs", more=(tmp_path / "old",)).get(other.id) == other, "also without a scan before"
    assert not runs["Cifar/Dropout/s0-1"].read_only
    with pytest.raises(UsageError, match="outside of this runs folder"):
        store.remove(other)
    assert store.create(make_spec(seed=2)).folder.is_relative_to(tmp_path / "runs")


def test_names_are_told_apart_from_each_other_and_from_what_is_below_the_first_folder(tmp_path: Path) -> None:
    for folder in ("runs", "a/runs", "b/runs", "Cifar"):
        finished(tmp_path / folder)
    found = ids(tmp_path / "runs", tmp_path / "a" / "runs", tmp_path / "b" / "runs", tmp_path / "Cifar")
    below = "Cifar/Dropout/s0-1"
    assert found == sorted([below, f"runs/{below}", f"runs-2/{below}", f"Cifar-2/{below}"])


def test_a_run_is_found_once_however_the_folders_lie(tmp_path: Path) -> None:
    root = tmp_path / "lab" / "runs"
    finished(root)
    finished(tmp_path / "lab" / "others", 1)
    assert ids(root, root, root / "Cifar") == ["Cifar/Dropout/s0-1"]
    assert ids(root, tmp_path / "lab") == ["Cifar/Dropout/s0-1", "lab/others/Cifar/Dropout/s1-1"], "it lies around it"
    (tmp_path / "link").symlink_to(tmp_path / "lab" / "others")
    twice = ids(root, tmp_path / "link", tmp_path / "lab" / "others")
    assert twice == ["Cifar/Dropout/s0-1", "others/Cifar/Dropout/s1-1"]


def test_a_folder_that_is_gone_is_empty_and_the_others_are_shown(tmp_path: Path) -> None:
    finished(tmp_path / "old")
    assert ids(tmp_path / "runs", tmp_path / "gone", tmp_path / "old") == ["old/Cifar/Dropout/s0-1"]

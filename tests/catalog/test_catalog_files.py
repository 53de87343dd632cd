"""Where the catalog is looked for, and files that are none."""

import os
import shutil
from pathlib import Path

import pytest

from labtui.catalog import builtin_path, find, load
from labtui.errors import UsageError
from tests.support.bad_catalogs import GOOD

DATASETS = ("cifar10", "digits", "fashion-mnist")


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with a catalog, and one two levels below it."""
    (tmp_path / "experiments.toml").write_text(GOOD)
    (tmp_path / "deep" / "down").mkdir(parents=True)
    return tmp_path


def test_a_named_catalog_comes_first_then_the_environment_then_the_nearest_above(lab: Path) -> None:
    here = lab / "deep" / "down"
    environ = {"LABTUI_CATALOG": "env.toml"}
    assert find(Path("named.toml"), cwd=here, environ=environ) == (here / "named.toml", False)
    assert find(None, cwd=here, environ=environ) == (here / "env.toml", False)
    assert find(None, cwd=here, environ={"LABTUI_CATALOG": ""}) == (lab / "experiments.toml", False)
    (lab / "deep" / "experiments.toml").write_text(GOOD)
    assert find(None, cwd=here, environ={}) == (lab / "deep" / "experiments.toml", False)


def test_a_home_folder_is_understood_in_a_named_catalog(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(lab))
    assert find(Path("~/mine.toml"), cwd=lab, environ={}) == (lab / "mine.toml", False)


def test_without_a_catalog_the_built_in_one_is_used_and_said_so(tmp_path: Path) -> None:
    path, builtin = find(None, cwd=tmp_path, environ={})
    assert (path, builtin) == (builtin_path(), True)
    catalog = load(path, builtin=builtin, datasets=DATASETS)
    assert catalog.builtin
    with pytest.raises(UsageError, match="in the built-in catalog"):
        catalog.select(["nothing"])


def test_a_folder_of_the_catalog_s_name_is_passed_over(lab: Path) -> None:
    (lab / "deep" / "experiments.toml").mkdir()
    assert find(None, cwd=lab / "deep", environ={}) == (lab / "experiments.toml", False)


def test_a_link_leads_to_the_catalog(lab: Path) -> None:
    link = lab / "deep" / "experiments.toml"
    link.symlink_to(lab / "experiments.toml")
    path, _ = find(None, cwd=lab / "deep", environ={})
    assert path == link
    assert len(load(path, datasets=DATASETS).experiments) == 2


def test_a_link_to_nowhere_is_reported_rather_than_skipped(lab: Path) -> None:
    (lab / "deep" / "experiments.toml").symlink_to(lab / "gone.toml")
    path, _ = find(None, cwd=lab / "deep", environ={})
    with pytest.raises(UsageError, match="There is no catalog"):
        load(path, datasets=DATASETS)


@pytest.mark.timeout(20)
def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "experiments.toml"
    os.mkfifo(fifo)
    with pytest.raises(UsageError, match="not a regular file"):
        load(fifo, datasets=DATASETS)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/tty"])
def test_a_device_is_not_opened(tmp_path: Path, device: str) -> None:
    link = tmp_path / "experiments.toml"
    link.symlink_to(device)
    with pytest.raises(UsageError, match="not a regular file"):
        load(link, datasets=DATASETS)


def test_a_folder_a_missing_file_a_loop_and_a_nul_in_the_name_are_reported_with_what_to_do(tmp_path: Path) -> None:
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    for path, words in (
        (tmp_path, "is a folder"),
        (tmp_path / "gone.toml", "There is no catalog"),
        (loop, "cannot be read"),
        (tmp_path / "a\0b.toml", "cannot be read"),
        (tmp_path / "gone" / "x.toml", "There is no catalog"),
    ):
        with pytest.raises(UsageError, match=words) as caught:
            load(path, datasets=DATASETS)
        assert "labtui init" in caught.value.advice
        assert "\0" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_reported(lab: Path) -> None:
    path = lab / "experiments.toml"
    path.chmod(0)
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        load(path, datasets=DATASETS)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "experiments.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (GOOD + "[experiment.x]\nseeds = 0\n").replace("\n", "\r\n").encode())
    catalog = load(path, datasets=DATASETS)
    assert [(problem.line, problem.key) for problem in catalog.problems] == [(14, "experiment.x.seeds")]
    assert len(catalog.experiments) == 2


def test_an_entry_knows_its_line(lab: Path) -> None:
    catalog = load(lab / "experiments.toml", datasets=DATASETS)
    assert {experiment.name: experiment.line for experiment in catalog.experiments} == {"network": 7, "rates": 10}


def test_a_copy_of_the_built_in_catalog_is_the_same_catalog(tmp_path: Path) -> None:
    copy = tmp_path / "experiments.toml"
    shutil.copy(builtin_path(), copy)
    assert load(copy, datasets=DATASETS).experiments == load(builtin_path(), datasets=DATASETS).experiments

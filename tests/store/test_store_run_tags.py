"""Tags of runs: words of the user's own beside everything that is trained and judged."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from labtui.errors import UsageError
from labtui.store.run import Run
from labtui.store.run_tags import MAX_TAGS, change_tags
from labtui.store.store import Store
from tests.support.samples import make_result, make_spec, write_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    write_run(tmp_path / "runs" / "Cifar" / "Dropout" / "s0-1", result=make_result(), attempt=1)
    (run,) = Store(tmp_path / "runs").scan()
    return run


def again(run: Run) -> Run:
    (found,) = Store(run.folder.parents[2]).scan()
    return found


def test_tags_are_added_and_removed_and_change_nothing_else_about_a_run(run: Run) -> None:
    assert change_tags(run, add=["paper", "draft", "paper"]) == ("paper", "draft")
    assert change_tags(run, add=["best"], remove=["draft", "never"]) == ("paper", "best")
    found = again(run)
    assert found.tags == ("paper", "best")
    assert (found.state, found.modified, found.damage) == (run.state, run.modified, ""), "it did not end just now"


def test_a_scan_that_goes_on_sees_new_tags(run: Run) -> None:
    store = Store(run.folder.parents[2])
    store.scan()
    change_tags(run, add=["paper"])
    assert store.scan()[0].tags == ("paper",)


def test_no_tag_is_lost_if_several_processes_add_one_at_once(run: Run) -> None:
    words = [f"word{number}" for number in range(MAX_TAGS)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda word: change_tags(run, add=[word]), words))
    assert sorted(again(run).tags) == sorted(words)
    with pytest.raises(UsageError, match="the limit"):
        change_tags(run, add=["one-more"])
    assert not list(run.folder.glob(".*")), "no lock or temporary file is left"


@pytest.mark.parametrize("text", ["", "two words", "+x", "-x", "a/b", "x" * 41, "a\x1b[2J", "#x"])
def test_what_is_no_single_word_is_no_tag(run: Run, text: str) -> None:
    with pytest.raises(UsageError, match="cannot be a tag"):
        change_tags(run, add=[text])
    assert not run.paths.tags.exists()


def test_a_strangers_tags_are_shown_only_where_they_are_words_and_a_damaged_file_is_never_replaced(run: Run) -> None:
    run.paths.tags.write_text('{"tags": ["good", "bad\\u001b[2J", "two words"], "more": 1}')
    assert again(run).tags == ("good",)
    run.paths.tags.write_text("{")
    assert (again(run).tags, again(run).damage) == ((), "")
    with pytest.raises(UsageError, match="is damaged and was not changed"):
        change_tags(run, add=["paper"])
    assert run.paths.tags.read_text() == "{"


def test_folders_of_other_tools_and_runs_behind_links_are_not_tagged(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    (root / "version_0").mkdir(parents=True)
    (root / "version_0" / "events.out.tfevents.1.host").touch()
    write_run(tmp_path / "disk" / "s0-1", spec=make_spec())
    (root / "linked").symlink_to(tmp_path / "disk")
    runs = Store(root).scan()
    assert len(runs) == 2
    for run in runs:
        with pytest.raises(UsageError, match="cannot be tagged"):
            change_tags(run, add=["paper"])

"""Create runs, find them, remove them."""

import errno
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from labtui.api.lifecycle import require_resumable
from labtui.errors import MachineError, UsageError
from labtui.spec import Training
from labtui.store.files import read_json
from labtui.store.lock import hold
from labtui.store.records import SpecFile
from labtui.store.safe_paths import OutsideRoot
from labtui.store.state import State
from labtui.store.store import Store
from tests.support.faults import hits
from tests.support.processes import environment
from tests.support.samples import gone_process, make_beat, make_launch, make_result, make_spec, write_run


def files_below(root: Path) -> dict[str, tuple[int, int]]:
    """Everything below a root with size and time of change: equal before and after, if nothing was written."""
    return {
        str(path.relative_to(root)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
    }


def write_events(folder: Path, name: str = "events.out.tfevents.1.host") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"")
    return folder / name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


# --- making -------------------------------------------------------------------------------------------------------


def test_a_new_run_has_the_reports_name_and_its_spec_on_the_disk(root: Path) -> None:
    spec = make_spec(seed=7)
    run = Store(root).create(spec, data_fingerprint="abc", planned_steps=40)
    assert run.folder.parent == root / "Cifar" / "Dropout"
    assert time.strptime(run.folder.name, "s7-%Y%m%d-%H%M%S")
    assert run.id == f"Cifar/Dropout/{run.folder.name}"
    written = read_json(run.paths.spec, SpecFile)
    assert (written.spec, written.run_id, written.data_fingerprint, written.planned_steps) == (spec, run.id, "abc", 40)
    assert (run.state, run.attempt, run.damage) == (State.QUEUED, 0, "")
    assert (run.spec, run.seed, run.title, run.group, run.name) == (spec, 7, "Dropout", "Cifar", "dropout")


def test_the_second_run_in_one_second_gets_another_name(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = time.strftime
    monkeypatch.setattr(time, "strftime", lambda form: real(form, time.gmtime(0)))
    store = Store(root)
    names = [store.create(make_spec()).folder.name for _ in range(3)]
    assert names == ["s0-19700101-000000", "s0-19700101-000000-2", "s0-19700101-000000-3"]


CREATOR = """
import sys
import threading
from pathlib import Path
from tests.support.samples import make_spec
from labtui.store.store import Store
store = Store(Path(sys.argv[1]))
for _ in range(200):
    print(store.create(make_spec()).id)
"""


def test_eight_processes_that_create_200_runs_each_create_1600_different_ones(root: Path) -> None:
    command = [sys.executable, "-c", CREATOR, root]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) for _ in range(8)]
    ids = [line for process in processes for line in process.communicate()[0].split("\n") if line]
    assert [process.returncode for process in processes] == [0] * 8
    assert len(set(ids)) == 1600
    runs = Store(root).scan()
    assert {run.id for run in runs} == set(ids)
    assert all(run.spec_file and run.spec_file.run_id == run.id for run in runs)


def test_creating_a_run_leaves_a_whole_run_or_none_wherever_it_is_stopped(root: Path) -> None:
    made = 0
    fresh = partial(shutil.rmtree, root, ignore_errors=True)
    for hit in hits(lambda: Store(root).create(make_spec()), prepare=fresh):
        runs = Store(root).scan()
        assert not any(run.damage for run in runs), hit
        made += hit.operation == "not reached"
        if hit.kind != "kill":
            assert isinstance(hit.error, MachineError | None), hit
            assert (hit.error is None) == (hit.operation == "not reached"), hit
            assert not [path for path in root.rglob("s0-*") if not (path / "spec.json").exists()], hit
            assert not list(root.rglob(".spec*")), hit
    assert made == 3


@pytest.mark.parametrize(
    ("number", "message"),
    [(errno.ENOSPC, "is full"), (errno.EROFS, "cannot be written"), (errno.EACCES, "cannot be written")],
)
def test_a_problem_with_the_disk_is_reported_with_what_to_do(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, message: str
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    root.mkdir()
    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(MachineError, match=message) as caught:
        Store(root).create(make_spec())
    assert caught.value.exit_code == 3
    assert caught.value.advice


def test_a_group_that_is_a_link_out_of_the_runs_folder_is_refused(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root.mkdir()
    (root / "Cifar").symlink_to(outside)
    with pytest.raises(OutsideRoot, match="symbolic link"):
        Store(root).create(make_spec())
    assert not list(outside.iterdir())


def test_the_runs_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "runs").symlink_to(tmp_path / "disk")
    store = Store(tmp_path / "runs")
    run = store.create(make_spec())
    assert [one.id for one in store.scan()] == [run.id]


def test_a_read_only_root_is_not_writable_and_a_missing_one_is_like_its_parent(tmp_path: Path) -> None:
    assert Store(tmp_path / "a" / "b").writable
    (tmp_path / "file").touch()
    assert not Store(tmp_path / "file" / "runs").writable
    if os.geteuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        assert not Store(tmp_path / "closed").writable


# --- finding ------------------------------------------------------------------------------------------------------


def test_an_absent_root_has_no_runs(root: Path) -> None:
    assert Store(root).scan() == ()
    assert not root.exists()


def test_runs_are_listed_newest_first(root: Path) -> None:
    store = Store(root)
    made = [store.create(make_spec(seed=seed)).id for seed in range(4)]
    assert [run.id for run in store.scan()] == made[::-1]
    assert [run.id for run in Store(root).scan()] == made[::-1]


def test_folders_of_other_tools_are_runs_at_any_depth(root: Path) -> None:
    write_events(root)
    write_events(root / "lightning_logs" / "version_0")
    write_events(root / "keras" / "train")
    write_events(root / "keras" / "validation", "events.out.tfevents.2.host.profile-empty")
    write_events(root / "a" / "b" / "c" / "d")
    runs = Store(root).scan()
    assert {run.id for run in runs} == {".", "lightning_logs/version_0", "keras", "a/b/c/d"}, "Keras' pair is one run"
    assert all(run.foreign and run.read_only and run.state is State.QUIET and run.spec is None for run in runs)
    deep = next(run for run in runs if run.id == "a/b/c/d")
    assert (deep.group, deep.title, deep.name, deep.seed) == ("a/b/c", "d", "a/b/c/d", None)


def test_hidden_folders_and_labtuis_own_folder_are_skipped(root: Path) -> None:
    write_events(root / ".labtui" / "trash" / "x")
    write_events(root / ".hidden")
    write_events(root / "good")
    assert [run.id for run in Store(root).scan()] == ["good"]


def test_event_files_and_folders_behind_links_are_read_and_marked(root: Path, tmp_path: Path) -> None:
    write_events(tmp_path / "elsewhere" / "deep")
    write_events(root / "good")
    (root / "link").symlink_to(tmp_path / "elsewhere")
    (root / "linked").mkdir()
    (root / "linked" / "events.out.tfevents.1").symlink_to(root / "good" / "events.out.tfevents.1.host")
    runs = {run.id: run for run in Store(root).scan()}
    assert runs.keys() == {"good", "link/deep", "linked"}
    assert runs["link/deep"].linked_to == str(tmp_path / "elsewhere" / "deep")
    assert not runs["good"].linked_to
    assert not runs["linked"].linked_to, "its folder lies below the root; only what is in it is linked"


def test_each_folder_is_found_once_and_where_it_lies_whatever_links_lead_there(root: Path, tmp_path: Path) -> None:
    write_events(tmp_path / "disk" / "x" / "y")
    write_events(root / "z" / "run")
    (root / "a").symlink_to(root / "z" / "run")
    (root / "b").symlink_to(tmp_path / "disk" / "x" / "y")
    (root / "c").symlink_to(tmp_path / "disk" / "x")
    (root / "d").symlink_to(root / "c")
    (tmp_path / "disk" / "x" / "round").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "x" / "home").symlink_to(root / "z")
    assert sorted(run.id for run in Store(root).scan()) == ["b", "z/run"]


def test_links_to_a_folder_around_the_runs_and_links_that_lead_nowhere_are_said(root: Path, tmp_path: Path) -> None:
    write_events(root / "good")
    write_events(tmp_path / "other")
    (root / "up").symlink_to(tmp_path)
    (root / "loop").symlink_to(root)
    (root / "good" / "self").symlink_to("self")
    (root / "gone").symlink_to(tmp_path / "unplugged")
    store = Store(root)
    assert [run.id for run in store.scan()] == ["good"]
    above, broken = sorted(store.notices, key=len, reverse=True)
    assert above == f"Links that lead to a folder that contains {root} are not followed: loop, up."
    assert broken == f"2 links below {root} lead nowhere: gone, good/self."


def test_a_hidden_folder_with_a_link_to_it_is_shown_but_never_the_trash(root: Path) -> None:
    write_events(root / ".archive" / "run")
    write_events(root / ".labtui" / "trash" / "x")
    (root / "archive").symlink_to(root / ".archive")
    (root / "trash").symlink_to(root / ".labtui" / "trash")
    assert [run.id for run in Store(root).scan()] == ["archive/run"]


def test_a_run_of_labtui_behind_a_link_is_read_and_never_written_moved_or_resumed(root: Path, tmp_path: Path) -> None:
    paths = write_run(tmp_path / "disk" / "Cifar" / "Dropout" / "s0-1", result=make_result(), attempt=1)
    root.mkdir()
    (root / "Cifar").symlink_to(tmp_path / "disk" / "Cifar")
    before = files_below(tmp_path / "disk")
    store = Store(root)
    (run,) = store.scan()
    assert (run.id, run.state, run.spec) == ("Cifar/Dropout/s0-1", State.FINISHED, make_spec())
    assert run.read_only
    assert Store(root).get(run.id) == run, "also without a scan before"
    with pytest.raises(UsageError, match="outside of this runs folder"):
        store.remove(run)
    with pytest.raises(UsageError, match="outside of this runs folder"):
        require_resumable(run)
    assert files_below(tmp_path / "disk") == before
    (paths.folder / "new").touch()
    write_run(paths.folder, attempt=2)
    assert store.get(run.id).attempt == 2, "a change behind the link is seen"


def test_a_search_that_reached_its_limit_is_reported(root: Path) -> None:
    write_events(root.joinpath(*"abcdefghijklmn"))
    store = Store(root)
    assert store.scan() == ()
    assert any("too deep" in notice for notice in store.notices)


def test_reading_writes_nothing_and_needs_no_write_permission(root: Path) -> None:
    store = Store(root)
    store.create(make_spec())
    write_run(root / "Cifar" / "L1" / "s0-1", launch=make_launch(engine=gone_process(), parent=gone_process()))
    write_events(root / "foreign")
    before = files_below(root)
    for path in [root, *root.rglob("*")]:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
    looking = Store(root)
    assert len(looking.scan()) == 3
    assert looking.find("last")
    assert looking.scan() == looking.scan()
    for path in [root, *root.rglob("*")]:
        path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o700)
    assert files_below(root) == before


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_settled_runs_are_not_read_again_until_something_changes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from labtui.store.observer import Observer

    clock = Clock()
    store = Store(root, observer=Observer(clock))
    for seed in range(5):
        store.create(make_spec(seed=seed))
    store.scan()
    clock.now += 10
    first = store.scan()

    def forbidden(path: object, *args: object, **kwargs: object) -> int:
        raise AssertionError(f"{path} was opened although nothing changed")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", forbidden)
        assert store.scan() == first
    write_run(first[2].folder, spec=first[2].spec, result=make_result(), attempt=1)
    assert [run.state for run in store.scan()] == [
        State.FINISHED if run.id == first[2].id else State.QUEUED for run in store.scan()
    ]


def test_a_run_that_vanishes_between_two_scans_is_no_longer_listed(root: Path) -> None:
    store = Store(root)
    remaining, gone = store.create(make_spec()), store.create(make_spec())
    store.scan()
    gone.paths.spec.unlink()
    gone.folder.rmdir()
    assert [run.id for run in store.scan()] == [remaining.id]
    with pytest.raises(UsageError, match="There is no run"):
        store.get(gone.id)


@pytest.fixture
def three(root: Path) -> Store:
    write_run(root / "Cifar" / "Dropout" / "s0-20261123-142501")
    write_run(root / "Cifar" / "Dropout" / "s1-20261123-150000", spec=make_spec(seed=1))
    write_run(
        root / "Cifar" / "Adam 0.01" / "s0-20261123-160000",
        spec=make_spec(experiment="adam", member="0.01", title="Adam 0.01"),
    )
    return Store(root)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("last", "Cifar/Adam 0.01/s0-20261123-160000"),
        ("Cifar/Dropout/s0-20261123-142501", "Cifar/Dropout/s0-20261123-142501"),
        ("s1-20261123", "Cifar/Dropout/s1-20261123-150000"),
        ("142501", "Cifar/Dropout/s0-20261123-142501"),
        ("dropout", "Cifar/Dropout/s1-20261123-150000"),
        ("Dropout", "Cifar/Dropout/s1-20261123-150000"),
        ("adam", "Cifar/Adam 0.01/s0-20261123-160000"),
        ("adam@0.01", "Cifar/Adam 0.01/s0-20261123-160000"),
        ("ADAM 0.01/", "Cifar/Adam 0.01/s0-20261123-160000"),
    ],
)
def test_a_run_is_found_by_id_part_of_it_experiment_or_last(three: Store, text: str, found: str) -> None:
    assert three.find(text).id == found


def test_a_run_is_found_by_the_path_of_its_folder(three: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = three.root / "Cifar" / "Dropout" / "s0-20261123-142501"
    assert three.find(str(folder)).folder == folder
    monkeypatch.chdir(three.root.parent)
    assert three.find("runs/Cifar/Dropout/s0-20261123-142501").folder == folder


def test_a_name_that_matches_several_runs_or_none_is_an_error_with_candidates(three: Store) -> None:
    with pytest.raises(UsageError, match=r"(?s)matches 2 runs.*Dropout/s1-20261123-150000 \(queued\)"):
        three.find("cifar/dropout/")
    with pytest.raises(UsageError, match=r"(?s)No run matches 'nothing'.*Cifar/Adam"):
        three.find("nothing")
    with pytest.raises(UsageError, match="There are no runs"):
        Store(three.root / "nowhere").find("last")


@pytest.mark.parametrize("run_id", ["../outside", "/etc", "", "Cifar/../Cifar/Dropout/x", "Cifar", "a\0b", "."])
def test_an_id_never_leads_out_of_the_runs_folder(three: Store, run_id: str, tmp_path: Path) -> None:
    write_run(tmp_path / "outside")
    with pytest.raises(UsageError, match="There is no run"):
        three.get(run_id)


def test_get_sees_what_changed_since_the_last_scan(three: Store) -> None:
    run_id = "Cifar/Dropout/s0-20261123-142501"
    assert Store(three.root).get(run_id).state is State.QUEUED
    three.scan()
    write_run(three.root / run_id, result=make_result(), attempt=1)
    assert three.get(run_id).state is State.FINISHED


# --- damage -------------------------------------------------------------------------------------------------------


def broken(root: Path, old: bytes, new: bytes) -> Path:
    paths = write_run(root / "Cifar" / "Dropout" / "s0-1")
    content = paths.spec.read_bytes()
    assert old in content
    paths.spec.write_bytes(content.replace(old, new))
    return paths.spec


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"seed": 0', b'"seed": "zero"', "spec.json: key spec.seed: Expected `int`"),
        (b'"name": "adam"', b'"name": "magic"', "spec.json: key spec.optimizer.name: Invalid value 'magic'"),
        (b'"schema": 1,', b'"schema": 1,,', "spec.json: JSON is malformed"),
        (b'"group": "Cifar"', b'"group": "../../etc"', "spec.json: key spec.group: Expected `str` matching regex"),
        (
            b'"member": ""',
            b'"member": "\\u001b]52;c;eA==\\u0007"',
            "spec.json: key spec.member: contains control characters",
        ),
    ],
)
def test_a_damaged_spec_is_reported_with_its_key_and_not_changed(
    root: Path, old: bytes, new: bytes, message: str
) -> None:
    path = broken(root, old, new)
    content = path.read_bytes()
    (run,) = Store(root).scan()
    assert run.damage.startswith(message), run.damage
    assert (run.state, run.reason) == (State.FAILED, run.damage)
    assert (run.spec, run.title, run.group) == (None, "s0-1", "Cifar/Dropout")
    assert not run.read_only, "a damaged run may be removed"
    assert path.read_bytes() == content


def test_a_spec_that_is_a_link_a_pipe_or_huge_is_damaged_and_not_read(root: Path, tmp_path: Path) -> None:
    target = write_run(tmp_path / "other").spec
    for name in ("link", "pipe", "huge"):
        (root / name).mkdir(parents=True)
    (root / "link" / "spec.json").symlink_to(target)
    os.mkfifo(root / "pipe" / "spec.json")
    with (root / "huge" / "spec.json").open("wb") as stream:
        stream.truncate(5 << 20)
    damage = {run.id: run.damage for run in Store(root).scan()}
    assert "symbolic link" in damage["link"]
    assert "not a regular file" in damage["pipe"]
    assert "5,242,880 bytes" in damage["huge"]


@pytest.mark.parametrize("spec_changed", [False, True])
def test_a_run_made_by_a_newer_labtui_is_shown_and_not_changed(root: Path, spec_changed: bool) -> None:
    path = broken(root, b'"schema": 1', b'"schema": 2')
    if spec_changed:
        path.write_bytes(path.read_bytes().replace(b'"seed": 0', b'"seeds": [0]'))
    store = Store(root)
    (run,) = store.scan()
    assert run.damage == "created by a newer version of labtui (schema 2; this version knows 1): read-only"
    assert run.read_only
    with pytest.raises(UsageError, match="newer version of labtui"):
        store.remove(run)
    assert path.exists()


def test_damage_in_the_other_files_is_reported_beside_what_can_be_read(root: Path) -> None:
    paths = write_run(root / "a", launch=make_launch(), beat=make_beat(), result=make_result())
    paths.result.write_text('{"attempt": 1}')
    (run,) = Store(root).scan()
    assert run.damage.startswith("result.json: ")
    assert "outcome" in run.damage
    assert run.spec == make_spec()
    assert run.result is None


def test_keys_that_a_later_labtui_adds_to_records_are_ignored(root: Path) -> None:
    paths = write_run(root / "a", result=make_result(), attempt=1)
    paths.result.write_text(paths.result.read_text().replace("{", '{"carbon": {"grams": 3},', 1))
    (run,) = Store(root).scan()
    assert (run.state, run.damage) == (State.FINISHED, "")


# --- removing -----------------------------------------------------------------------------------------------------


def finished(root: Path, name: str = "s0-1") -> Store:
    paths = write_run(root / "Cifar" / "Dropout" / name, result=make_result(), attempt=1)
    write_events(paths.folder)
    write_events(paths.folder / "below")
    return Store(root)


def test_a_removed_run_is_in_the_trash_where_tensorboard_does_not_see_it(root: Path) -> None:
    store = finished(root)
    run = store.find("last")
    trashed = store.remove(run)
    assert store.scan() == ()
    assert not run.folder.exists()
    assert trashed.parent == root / ".labtui" / "trash"
    assert read_json(trashed / "spec.json", SpecFile).spec == make_spec()
    assert not list(root.rglob("*tfevents*"))
    assert len(list(trashed.rglob("events.out.removed.1.host"))) == 2


def test_two_runs_of_the_same_name_can_both_be_removed(root: Path) -> None:
    places = [(store := finished(root)).remove(store.find("last")) for _ in range(3)]
    assert len(set(places)) == 3
    assert all((place / "spec.json").exists() for place in places)


def test_a_run_that_is_active_is_not_removed(root: Path) -> None:
    write_run(root / "a", launch=make_launch(), beat=make_beat())
    store = Store(root)
    with pytest.raises(UsageError, match="a is running"):
        store.remove(store.find("a"))
    assert (root / "a" / "spec.json").exists()


def test_a_run_whose_lock_is_held_is_not_removed(root: Path) -> None:
    store = finished(root)
    run = store.find("last")
    with hold(run.paths.lock), pytest.raises(UsageError, match="is starting or running"):
        store.remove(run)
    assert run.folder.exists()


def test_a_run_of_another_tool_is_not_removed(root: Path) -> None:
    write_events(root / "foreign")
    store = Store(root)
    with pytest.raises(UsageError, match="created by another tool"):
        store.remove(store.find("foreign"))


def test_a_trash_that_is_a_link_out_of_the_runs_folder_is_refused(root: Path, tmp_path: Path) -> None:
    store = finished(root)
    (tmp_path / "outside").mkdir()
    (root / ".labtui").symlink_to(tmp_path / "outside")
    with pytest.raises(OutsideRoot):
        store.remove(store.find("last"))
    assert not list((tmp_path / "outside").iterdir())
    assert len(store.scan()) == 1


def test_links_inside_a_removed_run_are_not_followed(root: Path, tmp_path: Path) -> None:
    outside = write_events(tmp_path / "outside")
    store = finished(root)
    (root / "Cifar" / "Dropout" / "s0-1" / "link").symlink_to(outside.parent)
    store.remove(store.find("last"))
    assert outside.exists()


def test_a_removal_stopped_at_any_file_operation_loses_nothing_and_the_next_one_completes_it(root: Path) -> None:
    def remove() -> None:
        store = Store(root)
        store.remove(store.find("last"))

    for hit in hits(remove, prepare=lambda: finished(root)):
        whole = [path.parent for path in root.rglob("spec.json")]
        assert whole, hit
        assert all(len([*path.rglob("events.out.*")]) == 2 for path in whole), hit
        store = Store(root)
        for run in store.scan():
            store.remove(run)
        finished(root, "another")
        store.remove(store.find("another"))
        assert not list(root.rglob("*tfevents*")), hit


def test_overridden_runs_say_so_in_their_title(root: Path) -> None:
    spec = make_spec(training=Training(epochs=1), overrides={"training.epochs": 1})
    run = Store(root).create(spec)
    assert (run.title, run.display_title) == ("Dropout", "Dropout [epochs=1]")
    assert run.folder.parent.name == "Dropout"


def test_several_threads_may_scan_at_once(root: Path) -> None:
    store = Store(root)
    faults: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for _ in range(20):
                run = store.create(make_spec(seed=seed))
                store.scan()
                assert store.get(run.id).seed == seed
                store.remove(run)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert store.scan() == ()

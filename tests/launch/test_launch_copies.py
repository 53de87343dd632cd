"""Run folders that are copied, moved or removed while an engine trains in them, and containers that share one."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from labtui.launch.launcher import start
from labtui.launch.queue.requeue import runs_to_requeue
from labtui.launch.stop import Stage as StopStage
from labtui.launch.stop import carry_out, has_ended, stop
from labtui.spec import Cnn, Data, Training
from labtui.store import process
from labtui.store.files import read_json, write_json
from labtui.store.paths import RunPaths
from labtui.store.records import Beat, Exit, Launch, Result
from labtui.store.run import Run
from labtui.store.state import State
from labtui.store.store import Store
from tests.support.launch.stage import CPU, Stage, is_there, launch_of, pids, wait_until
from tests.support.samples import make_spec

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="open files of other processes are read from /proc")


def copy_of(run: Run, root: Path, copy: Callable[[Path, Path], object] = shutil.copytree) -> Run:
    """A copy of a run's folder below another runs folder."""
    folder = root / run.id
    folder.parent.mkdir(parents=True, exist_ok=True)
    copy(run.folder, folder)
    return Store(root).get(run.id)


def stop_now(stage: Stage, run: Run) -> None:
    assert stop(stage.store.get(run.id), "a test", report=lambda _: None)
    stage.ended(run)


def hard_linked(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=lambda a, b: Path(b).hardlink_to(a))


@pytest.mark.parametrize("copy", [shutil.copytree, hard_linked])
def test_stopping_a_copy_of_a_running_run_leaves_the_original_running(
    stage: Stage, tmp_path: Path, copy: Callable[[Path, Path], object]
) -> None:
    original = stage.started()
    backup = copy_of(original, tmp_path / "backup", copy)
    assert (backup.state, backup.reason) == (State.LOST, "this folder is a copy, made before the run ended")
    for step in (StopStage.TERMINATED, StopStage.KILLED):
        assert not carry_out(backup, step, "a test").sent
    assert has_ended(backup)
    assert stage.store.get(original.id).state.is_active
    assert all(map(is_there, pids(original)))
    stop_now(stage, original)


@LINUX
@pytest.mark.parametrize("alone", [False, True])
def test_a_copy_of_a_run_that_0_1_0_started_is_told_by_the_files_that_its_processes_have_open(
    stage: Stage, tmp_path: Path, alone: bool
) -> None:
    original = stage.started("refuse")
    as_010(original)
    if alone:
        launch = launch_of(original)
        assert launch
        process_of(launch.parent).kill()
        wait_until(lambda: not is_there(launch.parent.pid))
    backup = copy_of(original, tmp_path / "backup")
    assert backup.state is State.LOST
    assert not carry_out(backup, StopStage.KILLED, "a test").sent
    assert stage.store.get(original.id).state.is_active
    assert carry_out(stage.store.get(original.id), StopStage.KILLED, "a test").sent
    stage.ended(original)


def as_010(run: Run) -> None:
    """Remove from launch.json what 0.1.0 did not write."""
    path = run.paths.last_attempt().launch
    write_json(path, msgspec.structs.replace(read_json(path, Launch), folder_inode=None, pid_namespace=""))


def process_of(who: object) -> "subprocess.Popen[bytes]":
    import psutil

    return psutil.Process(who.pid)


def test_the_queue_runner_does_not_start_copies(stage: Stage, tmp_path: Path) -> None:
    original = stage.started()
    root = tmp_path / "backup"
    copy_of(original, root)
    assert runs_to_requeue(root, Store(root).scan()) == []
    stop_now(stage, original)


def test_a_copy_can_be_resumed_while_the_original_trains(stage: Stage, tmp_path: Path) -> None:
    original = stage.started()
    root = tmp_path / "backup"
    other = Stage(root)
    backup = copy_of(original, root)
    other.start(backup, resume=True)
    wait_until(lambda: other.store.get(backup.id).state.is_active)
    assert stop(other.store.get(backup.id), "a test", report=lambda _: None)
    assert stage.store.get(original.id).state.is_active
    stop_now(stage, original)


def test_a_run_whose_processes_are_in_another_container_is_stopped_by_request_and_not_called_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.started()
    monkeypatch.setattr(process, "pid_namespace", lambda: "pid:[1]")
    monkeypatch.setattr(process, "process_id", lambda _: None)
    assert stage.store.get(run.id).state.is_active
    assert not has_ended(run)
    for step in (StopStage.TERMINATED, StopStage.KILLED):
        assert not carry_out(run, step, "a test").sent
    lines: list[str] = []
    stop(run, "a test", report=lines.append)
    assert lines[0] == "asked to finish the step and save"
    monkeypatch.undo()
    assert stage.ended(run).state is State.STOPPED


def test_0_1_0_in_another_container_holds_the_lock_and_has_not_ended(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.started()
    as_010(run)
    monkeypatch.setattr(process, "process_id", lambda _: None)
    assert not has_ended(run)
    monkeypatch.undo()
    stop_now(stage, run)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_two_containers_share_a_runs_folder(stage: Stage) -> None:
    run = stage.started()
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-m", "labtui", "--runs", str(stage.root)]
    if subprocess.run([*command, "ps"], capture_output=True, check=False).returncode:
        pytest.skip("new pid namespaces are not allowed here")
    listed = subprocess.run([*command, "ps", "--json"], capture_output=True, check=True, text=True).stdout
    assert '"running"' in listed or '"starting"' in listed
    stopped = subprocess.run([*command, "stop", "--all"], capture_output=True, check=False, text=True)
    assert stopped.returncode == 0, stopped
    assert stage.ended(run).state is State.STOPPED


def real_run(stage: Stage) -> Run:
    """A run of the real engine that trains and has a checkpoint soon."""
    spec = make_spec(data=Data(name="digits"), model=Cnn(), training=Training(epochs=5_000))
    run = stage.store.create(spec)
    start(run.folder, device=CPU, threads=1, data_root=stage.root)
    wait_until(lambda: epoch(run.paths) > 1, 120)
    return stage.store.get(run.id)


def epoch(paths: RunPaths) -> int:
    return read_json(paths.beat, Beat).epoch if paths.beat.exists() else 0


@pytest.mark.timeout(300)
def test_a_run_whose_folder_is_moved_while_it_trains_continues_there_and_says_so(stage: Stage, tmp_path: Path) -> None:
    run = real_run(stage)
    moved = tmp_path / "moved"
    stage.root.rename(moved)
    paths = RunPaths(moved / run.id)
    before = epoch(paths)
    wait_until(lambda: epoch(paths) > before + 1)
    assert f"moved while the run trained: it is {paths.folder}" in read_json(paths.beat, Beat).warning
    there = Store(moved).get(run.id)
    assert there.state is State.RUNNING
    assert stop(there, "a test", report=lambda _: None)
    assert read_json(paths.result, Result).epochs >= before
    assert paths.checkpoint.exists()
    assert read_json(paths.attempt(1).exit, Exit).code == 0
    assert not stage.root.exists()


@pytest.mark.timeout(300)
def test_a_run_whose_folder_is_removed_while_it_trains_ends(stage: Stage) -> None:
    run = real_run(stage)
    processes = pids(run)
    shutil.rmtree(stage.root)
    wait_until(lambda: not any(map(is_there, processes)))

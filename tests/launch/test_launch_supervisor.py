"""An attempt from its claim to its end, whatever the engine does."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labtui.errors import LabError, MachineError
from labtui.launch.launcher import AlreadyRunning, Interpreter, NotStarted, start
from labtui.launch.stop import request_stop, terminate
from labtui.store.lock import hold, probe
from labtui.store.state import State
from tests.support.launch.stage import (
    CPU,
    Stage,
    children_of,
    engines,
    exit_of,
    is_there,
    launch_of,
    log_of,
    pids,
    wait_until,
)
from tests.support.processes import ROOT


def test_a_start_returns_once_the_attempt_is_claimed_and_recorded(stage: Stage) -> None:
    run = stage.run()

    claimed = stage.start(run)

    assert claimed.attempt == 1
    assert probe(run.paths.lock) == "held"
    launch = launch_of(run)
    assert launch is not None
    assert launch.parent is not None
    assert launch.parent.pid not in (0, os.getpid())
    os.kill(launch.parent.pid, signal.SIGTERM)
    stage.ended(run)


@pytest.mark.parametrize(
    ("mode", "code", "number", "state"),
    [
        ("brief", 0, None, State.FINISHED),
        ("broken", 1, None, State.FAILED),
        ("crash", None, signal.SIGSEGV, State.FAILED),
    ],
)
def test_the_exit_of_an_engine_is_recorded(
    stage: Stage, mode: str, code: int | None, number: int | None, state: State
) -> None:
    run = stage.started(mode)

    ended = stage.ended(run)

    recorded = exit_of(run)
    assert recorded is not None
    assert (recorded.code, recorded.signal) == (code, number)
    assert ended.state is state
    assert probe(run.paths.lock) == "free"


def test_the_output_of_an_engine_is_in_the_log(stage: Stage) -> None:
    run = stage.started("broken")
    stage.ended(run)

    assert "ValueError: an error of the engine" in log_of(run)


def test_a_killed_engine_leaves_its_signal_and_no_children(stage: Stage) -> None:
    run = stage.started("family_at_work")
    children = children_of(run)
    launch = launch_of(run)

    os.kill(launch.engine.pid, signal.SIGKILL)

    stage.ended(run)
    assert exit_of(run).signal == signal.SIGKILL
    wait_until(lambda: not any(map(is_there, children)))


def test_the_children_of_an_engine_end_with_it(stage: Stage) -> None:
    run = stage.started("family")
    stage.ended(run)

    children = children_of(run)
    assert len(children) == 2
    wait_until(lambda: not any(map(is_there, children)))


def test_a_supervisor_forwards_sigterm_and_ignores_sighup(stage: Stage) -> None:
    run = stage.started("work")
    parent = launch_of(run).parent.pid

    os.kill(parent, signal.SIGHUP)
    os.kill(parent, signal.SIGTERM)

    ended = stage.ended(run)
    assert exit_of(run).code == 143
    assert ended.state is State.STOPPED


def test_an_engine_whose_supervisor_is_killed_ends_and_its_run_can_be_started_again(stage: Stage) -> None:
    run = stage.started("work")
    os.kill(launch_of(run).parent.pid, signal.SIGKILL)
    wait_until(lambda: (run.folder / "result.json").exists())

    assert stage.start(run).attempt == 2

    stage.at_work(run)
    assert engines(run) == {"1": 1, "2": 1}
    os.kill(launch_of(run).parent.pid, signal.SIGTERM)
    stage.ended(run)


def test_a_run_whose_engine_outlives_its_supervisor_is_not_started_again(stage: Stage) -> None:
    run = stage.started("refuse")
    launch = launch_of(run)
    os.kill(launch.parent.pid, signal.SIGKILL)
    wait_until(lambda: not is_there(launch.parent.pid))
    assert probe(run.paths.lock) == "free"

    with pytest.raises(AlreadyRunning, match="is still running"):
        stage.start(run)

    assert run.paths.attempt_numbers() == [1]
    os.kill(launch.engine.pid, signal.SIGKILL)
    wait_until(lambda: not is_there(launch.engine.pid))


def test_a_running_run_is_not_started_again(stage: Stage) -> None:
    run = stage.started("work")

    with pytest.raises(AlreadyRunning, match="already running"):
        stage.start(run)

    assert run.paths.attempt_numbers() == [1]
    os.kill(launch_of(run).parent.pid, signal.SIGTERM)
    stage.ended(run)


def test_an_attempt_is_claimed_once_even_after_it_has_ended(stage: Stage) -> None:
    run = stage.started("broken")
    stage.ended(run)

    with pytest.raises(AlreadyRunning, match="another process") as error:
        stage.start(run, attempt=1)

    assert error.value.why == "claimed"
    assert engines(run) == {"1": 1}


def test_a_finished_run_is_not_started_again(stage: Stage) -> None:
    run = stage.started("brief")
    stage.ended(run)

    with pytest.raises(NotStarted, match="finished"):
        stage.start(run, resume=True)

    assert run.paths.attempt_numbers() == [1]


def test_resume_keeps_the_threads_of_the_first_attempt(stage: Stage) -> None:
    run = stage.started("broken", threads=2)
    stage.ended(run)

    stage.start(run, "broken", threads=1, resume=True)

    stage.ended(run)
    assert (launch_of(run, 2).threads, launch_of(run, 2).resume) == (2, True)


def test_a_folder_that_is_gone_a_link_or_not_a_run_is_refused(stage: Stage) -> None:
    run = stage.run()
    link = run.folder.with_name("link")
    link.symlink_to(run.folder)
    empty = run.folder.with_name("empty")
    empty.mkdir()

    for folder, words in (
        (run.folder.with_name("gone"), "no longer exists"),
        (link, "link"),
        (empty, "not contain a spec.json"),
    ):
        with pytest.raises(LabError, match=words):
            start(folder, device=CPU, threads=1, data_root=stage.root)
    assert run.paths.attempt_numbers() == []


def test_attempts_that_lead_out_of_the_run_folder_are_not_followed(stage: Stage, tmp_path: Path) -> None:
    run = stage.run()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run.paths.attempts.symlink_to(elsewhere)

    with pytest.raises(NotStarted, match="is a link"):
        stage.start(run)

    assert list(elsewhere.iterdir()) == []


def test_left_over_files_of_other_folders_stay(stage: Stage, tmp_path: Path) -> None:
    run = stage.ended(stage.started("broken"))
    (tmp_path / ".important.tmp").touch()
    run.paths.attempt(1).stop_request.parent.rmdir()
    run.paths.attempt(1).stop_request.parent.symlink_to(tmp_path)

    stage.start(run, "broken")

    stage.ended(run)
    assert (tmp_path / ".important.tmp").exists()


def test_a_supervisor_that_is_terminated_before_there_is_an_engine_starts_none(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = tmp_path / "programs" / "git"
    git.parent.mkdir()
    git.write_text(f"#!{sys.executable} -IS\nimport time\ntime.sleep(600)\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(git.parent))
    run = stage.run()
    stage.start(run, "work", catalog_folder=stage.root)
    run = stage.store.get(run.id)

    assert request_stop(run, "a test").sent
    assert terminate(run).sent

    assert stage.ended(run).state is State.STOPPED
    assert engines(run) == {}
    assert launch_of(run).engine is None


def test_a_missing_interpreter_is_reported(stage: Stage) -> None:
    run = stage.run()

    with pytest.raises(MachineError, match="cannot be started"):
        start(run.folder, device=CPU, threads=1, data_root=stage.root, interpreter=Interpreter(path="/no/python"))


def test_the_output_of_a_python_that_cannot_run_the_supervisor_is_quoted(stage: Stage) -> None:
    run = stage.run()
    broken = Interpreter(program=("-c", "raise ImportError('no module named labtui')"))

    with pytest.raises(MachineError, match="no module named labtui"):
        start(run.folder, device=CPU, threads=1, data_root=stage.root, interpreter=broken)


def test_an_engine_sees_one_device_its_threads_its_own_group_and_no_terminal(stage: Stage) -> None:
    run = stage.started("surroundings", threads=3)
    stage.ended(run)

    seen = json.loads((run.folder / "surroundings.json").read_text())
    assert seen["environment"]["OMP_NUM_THREADS"] == seen["environment"]["MKL_NUM_THREADS"] == "3"
    assert seen["environment"]["CUDA_VISIBLE_DEVICES"] == ""
    assert seen["environment"]["PYTHONUNBUFFERED"] == "1"
    assert seen["argv"][-1] == str(run.folder)
    assert seen["group"] == seen["pid"]
    assert seen["session"] == seen["parents_group"] == seen["parent"] != os.getsid(0)
    assert seen["stdin"] == "/dev/null"
    assert seen["stdout"] == str(run.paths.attempt(1).log)
    assert str(run.paths.lock) not in seen["open"]


def test_the_engine_sees_a_gpu_by_its_uuid(stage: Stage) -> None:
    from dataclasses import replace

    gpu = replace(CPU, name="cuda:1", uuid="GPU-0a1b")
    run = stage.started("surroundings", device=gpu)
    stage.ended(run)

    seen = json.loads((run.folder / "surroundings.json").read_text())
    assert seen["environment"]["CUDA_VISIBLE_DEVICES"] == "GPU-0a1b"
    assert (launch_of(run).device, launch_of(run).device_uuid) == ("cuda:1", "GPU-0a1b")


def test_a_log_stays_short_and_keeps_its_end(stage: Stage) -> None:
    run = stage.started("flood")
    stage.ended(run)

    log = run.paths.attempt(1).log
    assert log.stat().st_size < 50 << 20
    content = log.read_bytes()
    assert content.startswith(b"[labtui: ")
    assert content.endswith(b"x\nthe last line\n")


def test_no_secret_of_the_environment_is_recorded_anywhere(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("AWS_SECRET_ACCESS_KEY", "LABTUI_TOKEN", "WANDB_API_KEY", "MY_PASSWORD")
    for name in names:
        monkeypatch.setenv(name, "hunter2-never-write-this")
    run = stage.started("brief", catalog_folder=stage.root)
    stage.ended(run)

    written = b"".join(path.read_bytes() for path in run.folder.rglob("*") if path.is_file())
    assert b"hunter2" not in written
    assert not any(name.encode() in written for name in names)


def test_left_over_temporary_files_are_removed_and_others_stay(stage: Stage) -> None:
    run = stage.run()
    paths = run.paths
    stage.start(run, "broken")
    stage.ended(run)
    leftovers = [paths.folder / ".checkpoint.pt.4711.tmp", paths.attempt(1).folder / ".exit.json.4711.tmp"]
    others = [paths.folder / "notes.tmp", paths.folder / ".hidden"]
    for path in (*leftovers, *others):
        path.touch()

    stage.start(run, "broken")

    stage.ended(run)
    assert [path.exists() for path in leftovers] == [False, False]
    assert [path.exists() for path in others] == [True, True]


def test_a_claim_that_cannot_be_recorded_is_undone(stage: Stage) -> None:
    """With a limit of 0 bytes per file, a writer sees a full disk without one being filled."""
    run = stage.run()
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    ignored = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    parent = f"import sys, labtui.launch.supervisor as parent\n{limited}{ignored}sys.exit(parent.main(sys.argv[1:]))"

    with pytest.raises(MachineError, match="Not started"):
        start(run.folder, device=CPU, threads=1, data_root=stage.root, interpreter=Interpreter(program=("-c", parent)))

    assert run.paths.attempt_numbers() == []
    assert probe(run.paths.lock) == "free"
    stage.ended(stage.started("brief"))


def test_a_start_with_a_held_lock_leaves_no_attempt(stage: Stage) -> None:
    run = stage.run()
    with hold(run.paths.lock), pytest.raises(AlreadyRunning):
        stage.start(run)
    assert run.paths.attempt_numbers() == []


@pytest.mark.parametrize("module", ["parent", "runner", "devices", "stop"])
def test_no_heavy_module_is_imported(module: str) -> None:
    code = (
        f"import sys, labtui.launch.{module}, labtui.launch.provenance as p; p.versions()\n"
        "print(*sorted({'numpy', 'torch', 'rich', 'click', 'psutil', 'pynvml', 'textual'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == ""


def test_pids_of_a_run_are_those_of_its_supervisor_and_engine(stage: Stage) -> None:
    run = stage.started("work")
    assert len(pids(run)) == 2
    assert all(map(is_there, pids(run)))
    os.kill(pids(run)[0], signal.SIGTERM)
    stage.ended(run)

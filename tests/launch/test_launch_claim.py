"""Which attempts can be claimed, after earlier attempts, other machines, restarts and with problems of the disk."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from labtui.errors import UsageError
from labtui.launch import claim as claiming
from labtui.launch.claim import Refusal, claim
from labtui.launch.launcher import NotStartable, start
from labtui.launch.order import Order
from labtui.launch.stop import kill
from labtui.store.files import read_json, write_json
from labtui.store.lock import LocksUnsupported
from labtui.store.process import process_id
from labtui.store.records import Launch, ProcessId, Result
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.launch.stage import CPU, Stage, engines, exit_of


@pytest.fixture
def left(stage: Stage) -> Run:
    """A run whose first attempt left no record of its end."""
    run = stage.ended(stage.started("broken"))
    run.paths.attempt(1).exit.unlink()
    return run


def forge(run: Run, **changes: object) -> None:
    path = run.paths.attempt(1).launch
    write_json(path, msgspec.structs.replace(read_json(path, Launch), **changes))


def refusal(run: Run, **options: object) -> str:
    """Why attempt 2 cannot be claimed; empty if it can."""
    options = {"attempt": 2, "device": "cpu", "threads": 1, "data_root": "/", "timeout": 0.0, **options}
    try:
        claim(run.paths, Order(**options)).undo()
    except Refusal as refusal:
        return refusal.why
    return ""


def test_a_run_whose_attempt_left_no_record_of_its_end_can_be_started(left: Run) -> None:
    assert refusal(left) == ""
    assert left.paths.attempt_numbers() == [1]


def test_another_process_with_a_recorded_pid_is_not_taken_for_the_engine(left: Run) -> None:
    forge(left, engine=ProcessId(pid=os.getpid(), start_time=1.0))
    assert refusal(left) == ""


def test_a_process_from_before_a_restart_is_not_taken_for_the_engine(left: Run) -> None:
    forge(left, engine=process_id(os.getpid()), boot_id="before the restart")
    assert refusal(left) == ""


@pytest.mark.parametrize("role", ["engine", "parent"])
def test_a_run_with_a_running_process_is_not_startable_even_if_the_lock_is_free(left: Run, role: str) -> None:
    forge(left, **{role: process_id(os.getpid())})
    assert refusal(left) == "running"


def test_an_attempt_of_another_machine_is_taken_over_only_on_request(left: Run) -> None:
    forge(left, host="elsewhere", boot_id="another", engine=process_id(os.getpid()))

    assert refusal(left) == "elsewhere"
    assert refusal(left, take_over=True) == ""
    write_json(left.paths.result, Result(attempt=1, outcome="stopped"))
    assert refusal(left) == ""


def test_an_attempt_that_was_claimed_and_never_launched_does_not_block_the_next(stage: Stage) -> None:
    run = stage.run()
    run.paths.attempt(1).folder.mkdir(parents=True)
    assert refusal(run) == ""


def test_an_older_attempts_result_does_not_finish_a_run(left: Run) -> None:
    write_json(left.paths.result, Result(attempt=1, outcome="finished"))
    assert refusal(left) == "finished"
    left.paths.attempt(2).folder.mkdir()
    assert refusal(left, attempt=3) == ""


def test_a_disk_without_locks_is_reported(left: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise LocksUnsupported("its disk has no locks", advice="Use another disk.")

    monkeypatch.setattr(claiming, "hold", no_locks)
    assert refusal(left) == "environment"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_reported(left: Run) -> None:
    left.folder.chmod(0o500)
    assert refusal(left) == "environment"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    place = tmp_path / "small disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk takes root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(place: Path) -> Path:
    filler = place / "filler"
    with filler.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(512))
    return filler


def test_on_a_full_disk_nothing_is_claimed_and_with_free_space_the_run_starts(small_disk: Path) -> None:
    stage = Stage(small_disk)
    run = stage.run()
    filler = fill(small_disk)

    with pytest.raises(NotStartable, match="is full") as error:
        stage.start(run, "brief")

    assert error.value.why == "full"
    assert run.paths.attempt_numbers() == []
    filler.unlink()
    stage.start(run, "brief")
    assert stage.ended(run).state is State.FINISHED


def test_the_exit_of_an_engine_is_recorded_even_on_the_disk_that_it_filled(small_disk: Path) -> None:
    stage = Stage(small_disk)
    run = stage.run()
    stage.start(run, "fill")

    assert stage.ended(run).state is State.FAILED
    assert exit_of(run).code not in (None, 0)
    assert engines(run) == {"1": 1}


def test_names_with_spaces_quotes_and_newlines_work(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "a 'run' \"folder\"\n$HOME;%s")
    run = stage.started("brief")
    assert stage.ended(run).state is State.FINISHED


def test_a_path_that_is_not_utf8_is_refused_before_anything_starts(stage: Stage) -> None:
    run = stage.run()
    with pytest.raises(UsageError, match="not UTF-8"):
        start(run.folder, device=CPU, threads=1, data_root=Path(os.fsdecode(b"/data/\xff")))
    assert run.paths.attempt_numbers() == []


def test_the_command_line_of_a_supervisor_is_readable_in_ps(stage: Stage) -> None:
    run = stage.started("refuse")
    launch = read_json(run.paths.attempt(1).launch, Launch)
    words = Path(f"/proc/{launch.parent.pid}/cmdline").read_bytes().decode().split("\0")
    assert words[0] == sys.executable
    assert str(run.folder) in words
    kill(run)
    stage.ended(run)

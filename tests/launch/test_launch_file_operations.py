"""Every writer of a launch, stopped at each of its file operations: killed, or by a full or broken disk (K2)."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from labtui.errors import LabError
from labtui.launch import supervisor
from labtui.launch.claim import Refusal, claim
from labtui.launch.launcher import next_attempt
from labtui.launch.log import CappedLog, open_log
from labtui.launch.order import Order
from labtui.launch.queue import entries
from labtui.launch.queue.entries import (
    QueueEntry,
    failed_entries,
    remove_entry,
    retry_entry,
    set_aside,
    waiting_entries,
)
from labtui.launch.queue.ticket import is_signed_by_us
from labtui.launch.stop import request_stop
from labtui.store.files import read_json
from labtui.store.paths import RunPaths, RunsPaths
from labtui.store.records import Exit, Launch, StopRequest
from labtui.store.run import Run
from labtui.store.safe_paths import private_folder
from labtui.store.state import State
from tests.support.faults import Hit, hits
from tests.support.launch.stage import Stage
from tests.support.samples import make_launch, write_run


def enqueue(stage: Stage, run: Run) -> QueueEntry:
    return entries.enqueue(stage.root, run, device="cpu", threads=1, data_root=stage.root)


def emptied(*folders: Path) -> None:
    for folder in folders:
        for path in folder.glob("*") if folder.is_dir() else ():
            if path.is_file():
                path.unlink()


def reported(hit: Hit) -> bool:
    """Whether the error became a message for users, or there was none."""
    return hit.error is None or isinstance(hit.error, LabError)


@pytest.mark.parametrize("first_ever", [True, False])
def test_an_entry_is_whole_or_absent_and_signed(stage: Stage, first_ever: bool) -> None:
    run, paths = stage.run(), RunsPaths(stage.root)

    def prepare() -> None:
        emptied(paths.queue, *([private_folder("queue")] if first_ever else []))

    points = 0
    for hit in hits(lambda: enqueue(stage, run), prepare=prepare):
        there = waiting_entries(stage.root)
        assert len(there) <= 1, hit
        assert all(entry.ticket is not None and is_signed_by_us(entry.ticket) for entry in there), hit
        assert len(there) == 1 or hit.operation != "not reached", hit
        assert reported(hit) or hit.error.errno, hit
        points += 1
    assert points > 15


def aside(stage: Stage) -> list[str]:
    return [entry.run for entry in failed_entries(stage.root)]


def waiting(stage: Stage) -> list[str]:
    return [entry.run for entry in waiting_entries(stage.root)]


def test_an_entry_that_is_set_aside_is_never_lost_or_duplicated(stage: Stage) -> None:
    run, paths = stage.run(), RunsPaths(stage.root)
    entry: list[QueueEntry] = []

    def prepare() -> None:
        emptied(paths.queue, paths.set_aside)
        entry[:] = [enqueue(stage, run)]

    for hit in hits(lambda: set_aside(entry[0], "no such device"), prepare=prepare):
        assert sorted([*waiting(stage), *aside(stage)]) == [run.id], hit
        if aside(stage):
            assert failed_entries(stage.root)[0].reason == "no such device", hit
            assert stage.store.scan()[0].state is State.FAILED
        else:
            assert stage.store.scan()[0].state is State.QUEUED


def test_an_entry_that_is_retried_is_never_lost_and_starts_its_attempt_once(stage: Stage) -> None:
    run, paths = stage.run(), RunsPaths(stage.root)

    def prepare() -> None:
        emptied(paths.queue, paths.set_aside)
        set_aside(enqueue(stage, run), "no such device")

    for hit in hits(lambda: retry_entry(stage.root, failed_entries(stage.root)[0]), prepare=prepare):
        there = [*waiting_entries(stage.root), *failed_entries(stage.root)]
        assert there, hit
        assert {(entry.ticket.run, entry.ticket.attempt) for entry in there} == {(run.id, 1)}, hit
        assert len(waiting_entries(stage.root)) <= 1, hit
        assert (waiting_entries(stage.root) and not failed_entries(stage.root)) or hit.operation != "not reached", hit


def test_an_entry_that_is_removed_exists_or_does_not(stage: Stage) -> None:
    run, paths = stage.run(), RunsPaths(stage.root)

    def prepare() -> None:
        emptied(paths.queue)
        enqueue(stage, run)

    for hit in hits(lambda: remove_entry(waiting_entries(stage.root)[0]), prepare=prepare):
        assert waiting(stage) in ([], [run.id]), hit
        assert not waiting(stage) or hit.operation != "not reached", hit
        assert reported(hit), hit


def test_a_request_to_stop_is_whole_or_absent(stage: Stage) -> None:
    paths = write_run(stage.root / "a", launch=make_launch())
    run, path = stage.store.get("a"), paths.attempt(1).stop_request

    for hit in hits(lambda: request_stop(run, "a test"), prepare=lambda: path.unlink(missing_ok=True)):
        assert not path.exists() or read_json(path, StopRequest).by == "a test", hit
        assert path.exists() or hit.operation != "not reached", hit
        assert reported(hit), hit


def test_exit_json_is_whole_or_absent_and_survives_a_transient_error(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "EXIT_PAUSE", 0.0)
    attempt = write_run(stage.root / "a", launch=make_launch()).attempt(1)

    def prepare() -> None:
        attempt.exit.unlink(missing_ok=True)
        supervisor.reserve_exit(attempt)

    for hit in hits(lambda: supervisor.write_exit(attempt, Exit(code=3, ended=1.0)), prepare=prepare):
        if hit.kind == "kill" and not attempt.exit.exists():
            continue
        assert hit.error is None or hit.operation == "unlink", hit
        assert not attempt.exit.exists() or read_json(attempt.exit, Exit).code == 3, hit
        assert attempt.exit.exists() or hit.operation != "not reached", hit


def claimed(paths: RunPaths) -> Callable[[], object]:
    def action() -> None:
        order = Order(attempt=next_attempt(paths), device="cpu", threads=1, data_root="/", timeout=0.0)
        mine = claim(paths, order)
        try:
            supervisor.record_launch(paths, order, mine, ("engine",))
        finally:
            mine.lock.close()

    return action


def test_a_claim_is_recorded_or_undone_and_never_blocks_others(stage: Stage) -> None:
    run = stage.run()
    paths = run.paths

    def prepare() -> None:
        shutil.rmtree(paths.attempts, ignore_errors=True)

    for hit in hits(claimed(paths), prepare=prepare):
        numbers = paths.attempt_numbers()
        launch = paths.attempt(1).launch
        assert numbers in ([], [1]), hit
        assert not launch.exists() or read_json(launch, Launch).attempt == 1, hit
        if hit.operation == "not reached":
            assert launch.exists(), hit
            continue
        assert hit.error is None or (isinstance(hit.error, Refusal) and numbers == []), hit
        assert stage.store.get(run.id).state in (State.QUEUED, State.STARTING, State.LOST), hit
        claimed(paths)()
        assert paths.attempt_numbers() == [*numbers, len(numbers) + 1], hit


def test_a_truncated_log_keeps_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    long = b"a line of the log\n" * 500 + b"the last line\n"

    def prepare() -> None:
        path.unlink(missing_ok=True)
        descriptor = open_log(path)
        os.write(descriptor, long)
        os.close(descriptor)

    for hit in hits(lambda: CappedLog(path, max_bytes=4096, tail_bytes=1024).check(), prepare=prepare):
        assert path.read_bytes().endswith(b"a line of the log\nthe last line\n"), hit
        assert hit.error is None, hit
        assert path.stat().st_size < 2048 or hit.operation != "not reached", hit

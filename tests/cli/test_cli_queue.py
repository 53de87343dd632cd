"""Queued runs on the command line; no queue runner is started here."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from labtui.api import lifecycle, open_lab
from labtui.errors import MachineError
from labtui.launch.queue import entries
from labtui.launch.queue.entries import find_entry, set_aside, waiting_entries
from labtui.store.lock import hold
from labtui.store.run import Run
from labtui.store.store import Store
from tests.support.command_line import NOWHERE, Answer
from tests.support.samples import gone_process, make_launch, write_run

Cli = Callable[..., Answer]


@pytest.fixture(autouse=True)
def started_runners(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The runs folders for which a queue runner would have been started."""
    roots: list[Path] = []

    def note(root: Path) -> bool:
        roots.append(root)
        return True

    monkeypatch.setattr(lifecycle, "ensure_runner", note)
    return roots


def queue(cli: Cli, *arguments: str) -> Answer:
    return cli("run", "dropout", "network", "--dataset", "digits", "--epochs", "1", "-d", *arguments)


def test_detached_runs_wait_in_order_for_the_queue_runner(cli: Cli, here: Path, started_runners: list[Path]) -> None:
    answer = queue(cli)
    assert answer.code == 0
    listed = [json.loads(line) for line in cli("queue", "ls", "--json").lines]
    assert [entry["run"] for entry in listed] == answer.lines
    assert [run.split("/")[1] for run in answer.lines] == ["Dropout", "Network"]
    assert started_runners == [here / "runs"] * 2, "once for the first, which starts at once, and once all are queued"


def test_queued_runs_can_be_printed_as_json(cli: Cli) -> None:
    events = [json.loads(line) for line in queue(cli, "--json").lines]
    assert [(event["event"], event["state"]) for event in events] == [("queued", "queued")] * 2


def test_removing_a_queued_run_removes_its_folder(cli: Cli, here: Path) -> None:
    first, second = queue(cli).lines
    assert cli("queue", "rm", first).code == 0
    assert [run.id for run in Store(here / "runs").scan()] == [second]
    assert cli("stop", second).code == 0
    assert Store(here / "runs").scan() == ()
    assert waiting_entries(here / "runs") == ()


def test_a_queued_run_that_is_removed_leaves_the_queue(cli: Cli, here: Path) -> None:
    first, second = queue(cli).lines
    assert cli("rm", first, "--yes").code == 0
    assert [entry.run for entry in waiting_entries(here / "runs")] == [second]


def test_a_run_that_could_not_be_started_is_listed_with_the_reason_and_retried(
    cli: Cli, here: Path, started_runners: list[Path]
) -> None:
    first, _ = queue(cli).lines
    set_aside(find_entry(here / "runs", first), "no cuda:3 here")
    assert "no cuda:3 here" in cli("queue", "ls").out
    started_runners.clear()
    answer = cli("queue", "retry", "--all")
    assert (answer.code, answer.out.startswith(first)) == (0, True)
    assert "no cuda:3 here" not in cli("queue", "ls").out
    assert started_runners == [here / "runs"]


def test_a_stopped_queue_is_reported_and_restarted_by_the_console(
    cli: Cli, here: Path, started_runners: list[Path]
) -> None:
    queue(cli)
    started_runners.clear()
    assert "2 runs are waiting, but no queue runner is active" in cli("queue", "ls").err
    lab = open_lab(cwd=here, environ={"LABTUI_DATA": NOWHERE})
    assert lifecycle.restart_stalled_queue(lab) == "queue restarted: 2 runs waiting"
    assert started_runners == [here / "runs"]

    cli("queue", "rm", "--all")
    started_runners.clear()
    assert lifecycle.restart_stalled_queue(lab) == ""
    assert started_runners == []


def test_lost_runs_are_resumed_by_the_console_unless_switched_off(
    here: Path, started_runners: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(here / "runs" / "lost", launch=make_launch(parent=gone_process(), engine=gone_process()))
    lab = open_lab(cwd=here, environ={"LABTUI_DATA": NOWHERE})
    monkeypatch.setenv("LABTUI_RESUME_LOST", "no")
    assert lifecycle.restart_stalled_queue(lab) == ""
    monkeypatch.delenv("LABTUI_RESUME_LOST")
    assert (
        lifecycle.restart_stalled_queue(lab)
        == "queue restarted: 1 run lost or killed, queued to resume from the last checkpoint"
    )
    assert started_runners == [here / "runs"]


def test_an_unknown_device_queues_nothing(cli: Cli, here: Path) -> None:
    assert queue(cli, "--device", "cuda:99").code == 3
    assert waiting_entries(here / "runs") == ()
    assert Store(here / "runs").scan() == ()


def test_waiting_runs_are_moved_and_the_queue_is_paused_and_continued(
    cli: Cli, here: Path, started_runners: list[Path]
) -> None:
    first, second = queue(cli).lines
    assert cli("queue", "move", "network").lines == [f"{second}: moved to the front"]
    assert [json.loads(line)["run"] for line in cli("queue", "ls", "--json").lines] == [second, first]
    assert cli("queue", "move", second, "--last").code == 0
    assert cli("queue", "move", second, "--before", first).lines == [f"{second}: moved before {first}"]
    assert [json.loads(line)["run"] for line in cli("queue", "ls", "--json").lines] == [second, first]
    assert (cli("queue", "move", first, "--first", "--last").code, cli("queue", "move", "never").code) == (2, 2)
    assert "is paused" in cli("queue", "pause").err
    assert "was paused already" in cli("queue", "pause").err
    assert "The queue is paused since" in cli("queue", "ls").err
    assert "The queue is paused since" in queue(cli, "--again").err
    started_runners.clear()
    assert "The queue continues." in cli("queue", "continue").err
    assert started_runners == [here / "runs"]
    assert "was not paused" in cli("queue", "continue").err


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every queue entry that is read from the disk."""
    seen: list[Path] = []
    read = entries.read_json

    def counted(path: Path, kind: type, **options: float) -> object:
        seen.append(path)
        return read(path, kind, **options)

    monkeypatch.setattr(entries, "read_json", counted)
    return seen


def test_many_runs_are_queued_without_reading_the_others_and_the_first_may_start_at_once(
    cli: Cli, here: Path, reads: list[Path], started_runners: list[Path]
) -> None:
    answer = cli("run", "dropout", "--dataset", "digits", "--seeds", "0-39", "-d")
    assert (answer.code, len(answer.lines)) == (0, 40)
    assert reads == [], "queueing a run costs the same however many wait"
    assert len(started_runners) == 2
    assert [entry.run for entry in waiting_entries(here / "runs")] == answer.lines, "in their order"


def test_all_queued_runs_are_stopped_with_one_look_at_the_queue(cli: Cli, here: Path, reads: list[Path]) -> None:
    cli("run", "dropout", "--dataset", "digits", "--seeds", "0-39", "-d")
    reads.clear()
    answer = cli("stop", "--all")
    assert (answer.code, answer.err.count("removed from the queue")) == (0, 40)
    assert len(reads) == 40, "each entry is read once"
    assert Store(here / "runs").scan() == ()
    assert threading.active_count() < 20


def test_emptying_the_queue_passes_over_a_run_that_is_just_being_started(cli: Cli, here: Path) -> None:
    lines = cli("run", "dropout", "--dataset", "digits", "--seeds", "0-4", "-d").lines
    with hold(here / "runs" / lines[2] / "lock"):
        answer = cli("queue", "rm", "--all")
    assert answer.code == 0, answer.err
    assert f"{lines[2]}: was no longer in the queue" in answer.lines
    assert [run.id for run in Store(here / "runs").scan()] == [lines[2]]


def test_runs_that_were_created_ahead_do_not_stay_if_queueing_fails(
    cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[str] = []
    enqueue = entries.enqueue

    def full_after_three(root: Path, run: Run, **options: object) -> object:
        if len(queued) == 3:
            raise MachineError("the disk is full")
        queued.append(run.id)
        return enqueue(root, run, **options)

    monkeypatch.setattr(entries, "enqueue", full_after_three)
    assert cli("run", "dropout", "--dataset", "digits", "--seeds", "0-19", "-d").code == 3
    assert sorted(run.id for run in Store(here / "runs").scan()) == sorted(queued)

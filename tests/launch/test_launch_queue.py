"""The queue: which entries wait, in which order, which ones are started and which are set aside."""

import json
import os
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from labtui.errors import LabError, MachineError, UsageError
from labtui.launch.devices import Device, Survey
from labtui.launch.environment import recorded_environment, restored_environment
from labtui.launch.launcher import AlreadyRunning, NotStartable, NotStarted
from labtui.launch.order import Claimed, Refused
from labtui.launch.queue import entries
from labtui.launch.queue.entries import (
    QueueEntry,
    failed_entries,
    find_entry,
    remove_entry,
    retry_entry,
    waiting_entries,
)
from labtui.launch.queue.runner import Dispatcher
from labtui.launch.queue.ticket import Ticket, is_signed_by_us
from labtui.launch.slots import acquire
from labtui.store.files import read_json, write_json
from labtui.store.run import Run
from labtui.store.safe_paths import private_folder
from labtui.store.state import State
from tests.support.launch.stage import CPU, Stage, fake_interpreter

GPUS = tuple(Device(name=f"cuda:{n}", title="a GPU", uuid=f"GPU-{n}", memory_free=1 << 36) for n in range(2))
CORES = replace(CPU, cores=2)


def enqueue(stage: Stage, run: Run, device: str = "cpu", **options: object) -> QueueEntry:
    options = {"threads": 1, "data_root": stage.root, "by": "a test", **options}
    return entries.enqueue(stage.root, run, device=device, **options)


class Recorder:
    """A launcher that starts nothing: it records what it is asked for and refuses if it has a refusal."""

    def __init__(self, refusal: NotStarted | None = None) -> None:
        self.started: list[str] = []
        self.options: list[dict[str, object]] = []
        self.refusal = refusal
        self.slots: list[object] = []

    def __call__(self, folder: Path, *, device: Device, attempt: int, slot: object, **options: object) -> Claimed:
        if self.refusal:
            raise self.refusal
        self.started.append(f"{folder.name} {attempt} {device.name}")
        self.options.append(options)
        # A supervisor would inherit the slot; here a second descriptor of it represents that.
        self.slots.append([os.dup(descriptor) for descriptor in slot.descriptors])
        return Claimed(attempt=attempt)

    def close(self) -> None:
        for descriptors in self.slots:
            for descriptor in descriptors:
                os.close(descriptor)
        self.slots = []


@pytest.fixture
def launcher() -> Recorder:
    recorder = Recorder()
    yield recorder
    recorder.close()


Dispatch = Callable[..., list[str]]


@pytest.fixture
def dispatch(stage: Stage) -> Dispatch:
    """One round of a dispatcher with the given launcher on a machine with the given devices; returns its log."""

    def one_round(launcher: Recorder, *devices: Device) -> list[str]:
        said: list[str] = []
        found = Survey(devices or (CORES,))
        with closing(Dispatcher(stage.root, launcher, said.append, lambda _: found)) as dispatcher:
            dispatcher.dispatch()
        return said

    return one_round


def test_entries_wait_in_the_order_in_which_they_were_queued(stage: Stage) -> None:
    runs = [stage.run() for _ in range(12)]
    for run in runs:
        enqueue(stage, run)

    assert [entry.run for entry in waiting_entries(stage.root)] == [run.id for run in runs]
    assert all(entry.is_here and not entry.reason for entry in waiting_entries(stage.root))


def test_a_run_that_waits_already_keeps_its_place(stage: Stage) -> None:
    one, other = stage.run(), stage.run()
    first = enqueue(stage, one)
    enqueue(stage, other)

    assert enqueue(stage, one).path == first.path
    assert [entry.run for entry in waiting_entries(stage.root)] == [one.id, other.id]


def test_an_entry_is_a_private_file_with_everything_needed_to_start(stage: Stage) -> None:
    entry = enqueue(stage, stage.run(), device="cuda:1", threads=2, resume=True, catalog_folder=stage.root)

    assert stat.S_IMODE(entry.path.stat().st_mode) == 0o600
    ticket = read_json(entry.path, Ticket)
    assert ticket == entry.ticket
    assert (ticket.device, ticket.threads, ticket.attempt, ticket.resume) == ("cuda:1", 2, 1, True)
    assert (ticket.origin.python, ticket.origin.folder) == (sys.executable, str(Path.cwd()))
    assert is_signed_by_us(ticket)
    assert not list(entry.path.parent.glob(".*.tmp"))


def test_secrets_are_not_written_into_entries(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LABTUI_TOKEN", "LABTUI_API_KEY", "LABTUI_PASSWORD", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("LABTUI_DATA", "/data")

    content = enqueue(stage, stage.run()).path.read_text()

    assert "hunter2" not in content
    assert "TOKEN" not in content
    assert json.loads(content)["origin"]["environment"]["LABTUI_DATA"] == "/data"


def test_a_restored_environment_replaces_only_the_recorded_variables() -> None:
    ours = {"PATH": "/ours", "LABTUI_DATA": "/ours", "SECRET": "s", "HOME": "/home"}
    recorded = {**recorded_environment({"PATH": "/theirs", "EDITOR": "vi"}), "LD_PRELOAD": "/evil.so"}

    assert restored_environment(recorded, ours) == {"PATH": "/theirs", "SECRET": "s", "HOME": "/home"}


def test_entries_start_in_order_with_what_they_name(stage: Stage, launcher: Recorder, dispatch: Dispatch) -> None:
    runs = [stage.run() for _ in range(2)]
    for run in runs:
        enqueue(stage, run, catalog_folder=stage.root)

    dispatch(launcher)

    assert launcher.started == [f"{run.folder.name} 1 cpu" for run in runs]
    assert launcher.options[0]["catalog_folder"] == stage.root
    interpreter = launcher.options[0]["interpreter"]
    assert (interpreter.path, interpreter.folder) == (sys.executable, Path.cwd())
    assert waiting_entries(stage.root) == ()


def test_an_entry_without_a_free_slot_waits_and_is_not_overtaken(
    stage: Stage, launcher: Recorder, dispatch: Dispatch
) -> None:
    wide, narrow, elsewhere = stage.run(), stage.run(), stage.run()
    enqueue(stage, wide, threads=2)
    enqueue(stage, narrow, threads=1)
    enqueue(stage, elsewhere, device="cuda")

    with acquire(CORES, 1, cores=2):
        dispatch(launcher, CORES, *GPUS)
        assert launcher.started == [f"{elsewhere.folder.name} 1 cuda:0"]

    dispatch(launcher, CORES, *GPUS)
    assert launcher.started[1:] == [f"{wide.folder.name} 1 cpu"]
    launcher.close()
    dispatch(launcher, CORES, *GPUS)
    assert launcher.started[2:] == [f"{narrow.folder.name} 1 cpu"]


def test_runs_that_request_any_device_spread_over_the_gpus(
    stage: Stage, launcher: Recorder, dispatch: Dispatch
) -> None:
    runs = [stage.run() for _ in range(3)]
    for run in runs:
        enqueue(stage, run, device="auto")

    dispatch(launcher, CORES, *GPUS)

    assert [line.split()[-1] for line in launcher.started] == ["cuda:0", "cuda:1"]
    assert [entry.run for entry in waiting_entries(stage.root)] == [runs[2].id]


def test_an_entry_whose_attempt_was_claimed_starts_nothing(
    stage: Stage, launcher: Recorder, dispatch: Dispatch
) -> None:
    run = stage.run()
    enqueue(stage, run)
    (run.paths.attempts / "001").mkdir(parents=True)

    assert dispatch(launcher) == [f"{run.id}: was already started"]

    assert launcher.started == []
    assert waiting_entries(stage.root) == failed_entries(stage.root) == ()


@pytest.mark.parametrize(("why", "stays"), [("running", True), ("claimed", False), ("finished", False), ("full", True)])
def test_a_refusal_that_resolves_itself_is_not_a_failure(
    stage: Stage, dispatch: Dispatch, why: str, stays: bool
) -> None:
    enqueue(stage, stage.run())
    kind = {"running": AlreadyRunning, "claimed": AlreadyRunning, "full": NotStartable}.get(why, NotStarted)

    dispatch(Recorder(kind(Refused(why=why, message="no"))))

    assert [bool(waiting_entries(stage.root)), failed_entries(stage.root)] == [stays, ()]
    with acquire(CORES, 2, cores=2) as slot:
        assert slot is not None


def test_a_full_disk_is_not_tried_again_at_once(stage: Stage) -> None:
    enqueue(stage, stage.run())
    said: list[str] = []
    recorder = Recorder(NotStartable(Refused(why="full", message="the disk is full")))
    dispatcher = Dispatcher(stage.root, recorder, said.append, lambda _: Survey((CORES,)))

    dispatcher.dispatch()
    recorder.refusal = None
    dispatcher.dispatch()

    assert recorder.started == []
    assert len(said) == 1


def broken_python(entry: QueueEntry) -> None:
    change(entry, sealed=True, origin=msgspec.structs.replace(entry.ticket.origin, python="/gone/python"))


def no_such_device(entry: QueueEntry) -> None:
    change(entry, sealed=True, device="cuda:7")


def damaged(entry: QueueEntry) -> None:
    entry.path.write_bytes(entry.path.read_bytes()[:-40])


def another_program(entry: QueueEntry) -> None:
    change(entry, sealed=False, origin=msgspec.structs.replace(entry.ticket.origin, python="/tmp/evil"))


def leads_outside(entry: QueueEntry) -> None:
    change(entry, sealed=True, run="../../elsewhere")


def leads_through_a_link(entry: QueueEntry) -> None:
    root = entry.path.parents[2]
    (root / "link").symlink_to(root / "Tests", target_is_directory=True)
    change(entry, sealed=True, run=entry.run.replace("Tests", "link"))


def change(entry: QueueEntry, *, sealed: bool, **changes: object) -> None:
    from labtui.launch.queue import ticket

    changed = msgspec.structs.replace(entry.ticket, **changes)
    write_json(entry.path, ticket.signed(changed) if sealed else changed)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (no_such_device, "There is no cuda:7"),
        (damaged, "damaged"),
        (another_program, "not created by you"),
        (leads_outside, "is not in"),
        (leads_through_a_link, "is not in"),
    ],
)
def test_an_entry_that_can_never_start_is_set_aside_with_the_reason_and_blocks_nothing(
    stage: Stage, launcher: Recorder, dispatch: Dispatch, harm: Callable[[QueueEntry], None], words: str
) -> None:
    bad, good = stage.run(), stage.run()
    harm(enqueue(stage, bad))
    enqueue(stage, good)

    said = dispatch(launcher)

    assert launcher.started == [f"{good.folder.name} 1 cpu"]
    assert waiting_entries(stage.root) == ()
    (aside,) = failed_entries(stage.root)
    assert words in aside.reason
    assert any(words in line for line in said)


def test_the_state_of_a_run_follows_its_entry(stage: Stage, launcher: Recorder, dispatch: Dispatch) -> None:
    run = stage.run()

    def reads() -> tuple[State, str]:
        scanned = next(one for one in stage.store.scan() if one.id == run.id)
        assert stage.store.get(run.id) == scanned
        return scanned.state, scanned.reason

    state, reason = reads()
    assert (state, "not queued" in reason) == (State.QUEUED, True)
    no_such_device(enqueue(stage, run))
    assert reads() == (State.QUEUED, "")
    dispatch(launcher)
    state, reason = reads()
    assert state is State.FAILED
    assert reason.startswith(
        "could not be started (`labtui queue retry` tries again): There is no cuda:7 on this machine."
    )
    retry_entry(stage.root, failed_entries(stage.root)[0])
    assert reads() == (State.QUEUED, "")


def test_a_run_that_is_queued_to_resume_or_could_not_be_resumed_says_so(
    stage: Stage, launcher: Recorder, dispatch: Dispatch
) -> None:
    run = stage.run()
    stage.start(run, "broken")
    assert "queue" not in stage.ended(run).reason
    no_such_device(enqueue(stage, stage.store.get(run.id), resume=True))
    assert stage.store.scan()[0].reason.endswith("; queued to resume")
    dispatch(launcher)
    assert "could not be resumed (`labtui queue retry` tries again): There is no cuda:7" in stage.store.scan()[0].reason


def test_an_entry_with_a_missing_interpreter_is_set_aside(stage: Stage, dispatch: Dispatch) -> None:
    from labtui.launch.launcher import start

    broken_python(enqueue(stage, stage.run()))

    dispatch(start)

    (aside,) = failed_entries(stage.root)
    assert "/gone/python cannot be started" in aside.reason


def test_a_retried_entry_gets_this_interpreter_and_environment(stage: Stage, dispatch: Dispatch) -> None:
    run = stage.run()
    another_program(enqueue(stage, run))
    dispatch(Recorder())
    (aside,) = failed_entries(stage.root)

    again = retry_entry(stage.root, aside)

    assert failed_entries(stage.root) == ()
    assert [entry.run for entry in waiting_entries(stage.root)] == [run.id]
    assert (again.ticket.origin.python, again.ticket.retries) == (sys.executable, 1)
    assert is_signed_by_us(again.ticket)


def test_a_damaged_entry_can_be_removed_but_not_retried(stage: Stage, dispatch: Dispatch) -> None:
    damaged(enqueue(stage, stage.run()))
    dispatch(Recorder())
    (aside,) = failed_entries(stage.root)

    with pytest.raises(UsageError, match="cannot be read"):
        retry_entry(stage.root, aside)

    assert remove_entry(aside)
    assert failed_entries(stage.root) == ()
    assert list(aside.path.parent.iterdir()) == []


def test_a_seal_of_another_key_is_not_ours(stage: Stage) -> None:
    entry = enqueue(stage, stage.run())
    key = private_folder("queue") / "key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.unlink()

    assert not is_signed_by_us(entry.ticket)
    for seal in ("", "\ud800 not hexadecimal"):
        assert not is_signed_by_us(msgspec.structs.replace(entry.ticket, seal=seal))


def test_entries_of_other_machines_are_shown_and_left_alone(
    stage: Stage, launcher: Recorder, dispatch: Dispatch
) -> None:
    entry = enqueue(stage, stage.run())
    change(entry, sealed=True, origin=msgspec.structs.replace(entry.ticket.origin, host="elsewhere"))

    dispatch(launcher)

    assert launcher.started == []
    assert [one.is_here for one in waiting_entries(stage.root)] == [False]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_entries_of_other_users_are_left_alone(stage: Stage, launcher: Recorder, dispatch: Dispatch) -> None:
    entry = enqueue(stage, stage.run())
    os.chown(entry.path, 65534, 65534)

    dispatch(launcher)

    assert launcher.started == []
    assert len(waiting_entries(stage.root)) == 1


def test_a_removed_entry_is_gone_and_reported_once(stage: Stage, launcher: Recorder, dispatch: Dispatch) -> None:
    entry = enqueue(stage, stage.run())

    assert remove_entry(entry)
    assert not remove_entry(entry)
    dispatch(launcher)

    assert launcher.started == []


def test_an_entry_is_found_by_its_name_its_run_or_a_part_of_it(stage: Stage) -> None:
    one, other = enqueue(stage, stage.run()), enqueue(stage, stage.run())

    assert find_entry(stage.root, one.name).path == one.path
    assert find_entry(stage.root, other.run).path == other.path
    assert find_entry(stage.root, other.run[-10:]).path == other.path
    with pytest.raises(UsageError, match="matches 2 entries"):
        find_entry(stage.root, "fake")
    with pytest.raises(UsageError, match="No queue entry matches"):
        find_entry(stage.root, "no such run")


def test_other_files_in_the_queue_folder_are_not_entries(stage: Stage) -> None:
    folder = enqueue(stage, stage.run()).path.parent
    for name in ("notes.txt", "00000002-xyz.json", ".00000003-12345678.json", "9-12345678.json"):
        (folder / name).write_text("{}")
    (folder / "00000009-00000000.json").symlink_to("/etc/passwd")

    assert [entry.ticket is None for entry in waiting_entries(stage.root)] == [False, True]


def test_a_queue_that_cannot_be_created_is_reported(stage: Stage, tmp_path: Path) -> None:
    run = stage.run()
    (stage.root / ".labtui").symlink_to(tmp_path)
    with pytest.raises(MachineError, match="symbolic link"):
        enqueue(stage, run)
    with pytest.raises(LabError, match="cannot be queued"):
        enqueue(stage, replace(run, folder=tmp_path / "elsewhere"))


def test_a_started_entry_keeps_its_slot_with_its_run(stage: Stage, dispatch: Dispatch) -> None:
    from labtui.launch.launcher import start
    from labtui.launch.stop import terminate

    run = stage.run()
    enqueue(stage, run, threads=2)

    def launch(folder: Path, **options: object) -> Claimed:
        return start(folder, **{**options, "interpreter": fake_interpreter("work")})

    dispatch(launch)
    run = stage.at_work(run)

    assert acquire(CORES, 1, cores=2) is None
    terminate(run)
    stage.ended(run)
    with acquire(CORES, 2, cores=2) as slot:
        assert slot is not None

"""Device slots: shared by everything that this user runs on the machine, and freed by the kernel."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from labtui.errors import MachineError
from labtui.launch import slots
from labtui.launch.slots import Waiter, acquire, slots_folder, wait_for_slot
from labtui.store.safe_paths import private_folder
from tests.support.launch.stage import CPU, Stage, is_there, launch_of, wait_until

GPU = replace(CPU, name="cuda:0", uuid="GPU-1", cores=None)
OTHER = replace(CPU, name="cuda:1", uuid="GPU-2", cores=None)


def test_a_gpu_has_one_slot_or_more_on_request() -> None:
    with acquire(GPU, 1) as slot:
        assert slot is not None
        assert acquire(GPU, 1) is None
        with acquire(GPU, 1, per_device=2) as second:
            assert second is not None
            assert acquire(GPU, 1, per_device=2) is None
        with acquire(OTHER, 1) as elsewhere:
            assert elsewhere is not None
    with acquire(GPU, 1) as again:
        assert again is not None


def test_runs_share_the_cores_by_their_threads() -> None:
    with acquire(CPU, 2, cores=4), acquire(CPU, 1, cores=4):
        assert acquire(CPU, 2, cores=4) is None
        with acquire(CPU, 1, cores=4) as last:
            assert last is not None
            assert acquire(CPU, 1, cores=4) is None
        with acquire(CPU, 1, cores=4) as freed:  # a try in vain holds nothing
            assert freed is not None


def test_a_run_that_needs_several_cores_is_not_overtaken_by_runs_that_need_one() -> None:
    big, small, late = Waiter(), Waiter(), Waiter()
    one, other = acquire(CPU, 1, cores=2), acquire(CPU, 1, cores=2)
    assert acquire(CPU, 2, cores=2, waiter=big) is None
    one.close()
    for _ in range(3):
        assert acquire(CPU, 1, cores=2, waiter=small) is None
        assert acquire(CPU, 1, cores=2) is None, "a process without a place does not overtake either"
        assert acquire(CPU, 2, cores=2, waiter=big) is None
    assert acquire(CPU, 2, cores=2, waiter=late) is None
    other.close()
    assert acquire(CPU, 1, cores=2, waiter=small) is None
    with acquire(CPU, 2, cores=2, waiter=big) as slot:
        assert slot is not None
        big.leave(["cpu"])
    assert acquire(CPU, 2, cores=2, waiter=late) is None, "one that came later"
    with acquire(CPU, 1, cores=2, waiter=small) as slot:
        assert slot is not None


@pytest.mark.parametrize("ended", ["killed", "suspended", "left"])
def test_a_process_that_no_longer_waits_blocks_no_other(monkeypatch: pytest.MonkeyPatch, ended: str) -> None:
    waiter = (
        "import sys\n"
        "from labtui.launch.slots import acquire; from labtui.launch.devices import Device\n"
        "from labtui.launch.slots import Waiter\n"
        "waiter = Waiter(); acquire(Device(name='cpu', title=''), 2, cores=2, waiter=waiter)\n"
        "print('waits', flush=True); sys.stdin.read(1)\n"
        "waiter.leave(['cpu']); print('left', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", waiter]
    with (
        acquire(CPU, 1, cores=2),
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout.readline() == "waits\n"
        assert acquire(CPU, 1, cores=2) is None
        if ended == "killed":
            process.kill()
            process.wait()
        elif ended == "suspended":
            process.send_signal(signal.SIGSTOP)
            monkeypatch.setattr(slots, "PLACE_TIMEOUT", 0.0)
        else:
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "left\n"
        with acquire(CPU, 1, cores=2) as slot:
            assert slot is not None
        process.send_signal(signal.SIGCONT)
        process.kill()
    left = list((slots_folder() / "line").iterdir())
    assert len(left) == (ended == "suspended")


def test_a_place_lasts_while_its_owner_asks_and_is_taken_again_if_it_was_lost() -> None:
    first, second = Waiter(), Waiter()
    with acquire(CPU, 2, cores=2):
        assert acquire(CPU, 2, cores=2, waiter=first) is None
        assert acquire(CPU, 2, cores=2, waiter=second) is None
        for path in (slots_folder() / "line").iterdir():
            path.unlink()
        assert acquire(CPU, 2, cores=2, waiter=second) is None
        assert acquire(CPU, 2, cores=2, waiter=first) is None
    assert acquire(CPU, 2, cores=2, waiter=first) is None
    with acquire(CPU, 2, cores=2, waiter=second) as slot:
        assert slot is not None


def test_a_run_with_more_threads_than_cores_takes_them_all() -> None:
    with acquire(CPU, 64, cores=2) as slot:
        assert slot is not None
        assert acquire(CPU, 1, cores=2) is None


def test_waiting_ends_when_a_device_is_free_or_when_cancelled() -> None:
    with acquire(GPU, 1):
        assert wait_for_slot([GPU], 1, keep_waiting=lambda: False) is None
        device, slot = wait_for_slot([GPU, OTHER], 1)
        assert device is OTHER
        slot.close()


def test_a_slot_is_free_once_its_holder_is_killed() -> None:
    holder = (
        "import time\n"
        "from labtui.launch.slots import acquire; from labtui.launch.devices import Device\n"
        "slot = acquire(Device(name='cuda:0', title='', uuid='GPU-1'), 1)\n"
        "print(slot is not None, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", holder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "True\n"
        assert acquire(GPU, 1) is None
        process.kill()
    with acquire(GPU, 1) as slot:
        assert slot is not None


def test_a_run_holds_its_slot_until_its_engine_has_exited(stage: Stage) -> None:
    with acquire(GPU, 1) as slot:
        run = stage.started("refuse", device=GPU, slot=slot)
    launch = launch_of(run)
    assert acquire(GPU, 1) is None

    os.kill(launch.parent.pid, signal.SIGKILL)
    wait_until(lambda: not is_there(launch.parent.pid))
    assert acquire(GPU, 1) is None

    os.kill(launch.engine.pid, signal.SIGKILL)
    wait_until(lambda: not is_there(launch.engine.pid))
    with acquire(GPU, 1) as freed:
        assert freed is not None


def test_a_home_that_cannot_be_written_falls_back_to_a_private_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file" / "below"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    folder = slots_folder()

    place = tmp_path / f"labtui-{os.geteuid()}"
    assert folder.is_relative_to(place)
    assert place.stat().st_mode & 0o777 == 0o700
    with acquire(GPU, 1) as slot:
        assert slot is not None


@pytest.mark.parametrize("trap", ["link", "open to others"])
def test_a_temporary_folder_that_another_user_prepared_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    import tempfile

    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file" / "below"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    place, target = tmp_path / f"labtui-{os.geteuid()}", tmp_path / "target"
    target.mkdir()
    if trap == "link":
        place.symlink_to(target)
    else:
        place.mkdir()
        place.chmod(0o777)

    with pytest.raises(MachineError, match="XDG_STATE_HOME"):
        private_folder("slots")

    assert list(target.iterdir()) == []

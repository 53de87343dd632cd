"""The identity of processes: reused pids, zombies, restarts; and the run's lock."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labtui.store import process
from labtui.store.lock import LockHeld, LocksUnsupported, hold, probe
from labtui.store.records import ProcessId

SLEEPER = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]


@pytest.fixture
def child() -> "subprocess.Popen[bytes]":
    with subprocess.Popen(SLEEPER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout
        running.stdout.readline()
        yield running
        running.kill()


def test_a_running_process_is_alive_and_one_that_ended_is_gone(child: "subprocess.Popen[bytes]") -> None:
    who = process.process_id(child.pid)
    assert who
    assert process.alive(who, process.boot_id())
    child.kill()
    child.wait()
    assert not process.alive(who, process.boot_id())
    assert process.process_id(child.pid) is None


def test_a_zombie_is_gone(child: "subprocess.Popen[bytes]") -> None:
    who = process.process_id(child.pid)
    assert who
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, but not reaped: it still answers to its pid
    os.kill(child.pid, 0)
    assert not process.alive(who, process.boot_id())


def test_a_suspended_process_is_alive(child: "subprocess.Popen[bytes]") -> None:
    who = process.process_id(child.pid)
    assert who
    os.kill(child.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED)
    assert process.alive(who, process.boot_id())


def test_a_reused_pid_is_not_the_process_that_had_it() -> None:
    me = process.process_id(os.getpid())
    assert me
    assert not process.alive(ProcessId(pid=me.pid, start_time=me.start_time - 100), process.boot_id())


def test_no_process_outlives_a_restart_of_the_machine() -> None:
    me = process.process_id(os.getpid())
    assert me
    assert not process.alive(me, "another boot")


@pytest.mark.parametrize("pid", [0, -1, -(2**40), 2**31, 2**62])
def test_a_forged_pid_is_no_process(pid: int) -> None:
    assert process.process_id(pid) is None
    assert not process.alive(ProcessId(pid=pid, start_time=1.0), process.boot_id())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_name_with_spaces_and_parentheses_is_parsed(tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    program.symlink_to(sys.executable)
    with subprocess.Popen([program, *SLEEPER[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        who = process.process_id(child.pid)
        mine = process.process_id(os.getpid())
        assert who
        assert mine
        assert who.start_time > mine.start_time
        child.kill()


def test_boot_times_that_differ_by_seconds_mean_one_boot() -> None:
    assert process.same_boot("1764000000", "1764000003")
    assert not process.same_boot("1764000000", "1764009000")
    assert not process.same_boot("5a1e-…-1", "5a1e-…-2")


def test_a_lock_is_free_then_held_then_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert probe(path) == "free"
    assert not path.exists(), "a probe writes nothing"
    with hold(path):
        assert probe(path) == "held"
        with pytest.raises(LockHeld):
            hold(path, timeout=0.0)
    assert probe(path) == "free"


def test_a_lock_ends_with_its_process_and_is_not_inherited_by_programs_that_it_starts(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import subprocess, sys; from pathlib import Path; from labtui.store.lock import hold\n"
        "held = hold(Path(sys.argv[1])); child = subprocess.Popen([sys.executable, '-c', 'input()'])\n"
        "print(child.pid, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        grandchild = int(holder.stdout.readline())
        assert probe(path) == "held"
        holder.kill()
        holder.wait()
        os.kill(grandchild, 0)
        assert probe(path) == "free"
        os.kill(grandchild, signal.SIGKILL)


def test_probes_do_not_disturb_each_other_or_a_process_that_takes_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)  # a probe, caught in the middle
    assert probe(path) == "free"
    os.close(descriptor)
    hold(path, timeout=1.0).close()


def test_a_lock_in_a_folder_that_was_moved_away_meanwhile_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    real = fcntl.flock

    def moving(descriptor: int, kind: int) -> None:
        folder.rename(tmp_path / "trash")
        real(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", moving)
    with pytest.raises(FileNotFoundError):
        hold(folder / "lock")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(descriptor: int, kind: int) -> None:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "lock"
    path.touch()
    monkeypatch.setattr(fcntl, "flock", refuse)
    assert probe(path) == "unknown"
    with pytest.raises(LocksUnsupported, match="does not support file locks"):
        hold(path)


def test_a_lock_file_that_is_a_link_or_a_pipe_is_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    (tmp_path / "target").touch()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        assert probe(tmp_path / name) == "unknown"
    with pytest.raises(OSError, match="symbolic"):
        hold(tmp_path / "link")


def test_without_proc_psutil_gives_the_same(
    child: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What happens on macOS, tested on any machine."""
    import psutil

    boot = process.boot_id()
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(process, "_PROC", tmp_path)
    who = process.process_id(child.pid)
    assert who
    assert who.start_time == psutil.Process(child.pid).create_time()
    assert process.alive(who, boot)
    assert not process.alive(ProcessId(pid=who.pid, start_time=who.start_time - 60), boot)
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not process.alive(who, boot)
    again = process.boot_id.__wrapped__()
    assert again.isdecimal()
    assert process.same_boot(again, f"{psutil.boot_time() + 2:.0f}")

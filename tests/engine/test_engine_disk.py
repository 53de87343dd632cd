"""A full disk: training continues and loses nothing; with space again the run ends like an uninterrupted one."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest import mock

import msgspec
import pytest
import torch

from labtui.engine.heartbeat import Heartbeat
from labtui.engine.learner import Learner
from labtui.engine.trainer import Intervals
from labtui.store.files import read_json
from labtui.store.paths import RunPaths
from labtui.store.reader import RunReader, read_curves
from labtui.store.recorder import MAX_PENDING, Recorder
from labtui.store.records import Beat, Result
from labtui.store.reserved_space import ReservedSpace
from tests.support.faults import hits
from tests.support.training import make_attempt, points_of, run_attempt, state_hash, tiny_images, tiny_spec, twice

EVERY_STEP = Intervals(log=0.0, save=0.0, save_share=1.0)
MOMENTS = range(20)
SMALL = 8 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB of its own."""
    mount = tmp_path / "small"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(mount)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"needs the right to mount a tmpfs: {done.stderr.strip()}")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


class Filler:
    """Fills a disk when a training is about to do a certain step."""

    def __init__(self, disk: Path, step: int) -> None:
        self.path = disk / "filler"
        self.step = step
        self.real = Learner.train_step

    def install(self) -> None:
        filler = self

        def learn(
            self: Learner, images: torch.Tensor, labels: torch.Tensor, number: int
        ) -> tuple[torch.Tensor, torch.Tensor]:
            if number == filler.step:
                filler.fill()
            return filler.real(self, images, labels, number)

        self.patch = mock.patch.object(Learner, "train_step", learn)
        self.patch.start()

    def fill(self) -> None:
        with self.path.open("wb", buffering=0) as stream:
            for size in (1 << 20, 1 << 12, 1 << 8, 1):
                with suppress(OSError):
                    while True:
                        stream.write(b"\0" * size)

    def remove(self) -> None:
        self.patch.stop()
        self.path.unlink(missing_ok=True)


def test_a_disk_filled_at_any_of_20_moments_loses_nothing_once_there_is_space_again(
    tmp_path: Path, small_disk: Path
) -> None:
    spec, images = tiny_spec(), tiny_images()
    run_attempt(make_attempt(tmp_path / "straight", spec), images, intervals=EVERY_STEP)
    expected = state_hash(tmp_path / "straight" / "checkpoint.pt")
    for step in MOMENTS:
        folder, log = small_disk / f"run{step}", []
        attempt = make_attempt(folder, spec)
        reserve = ReservedSpace(RunPaths(folder).result, 1 << 16)
        reserve.reserve()
        filler = Filler(small_disk, step)
        filler.install()
        with mock.patch("tests.support.training.write_json"):  # the result goes into its reserved space, below
            result = run_attempt(attempt, images, log=log, intervals=EVERY_STEP)
        beat = read_json(RunPaths(folder).beat, Beat)
        assert (beat.step, beat.warning[:9]) == (20, "disk full"), "it is reported while the disk is full"
        reserve.write(msgspec.json.encode(result))
        assert read_json(RunPaths(folder).result, Result) == result
        filler.remove()
        assert result.outcome == "failed"
        assert "disk full" in result.reason
        assert result.steps == 20, "training continued to its end"
        assert any("disk full: a checkpoint needs" in line for line in log)
        resumed = run_attempt(make_attempt(folder, spec, resume=True), images, intervals=EVERY_STEP)
        assert (resumed.outcome, resumed.points_lost) == ("finished", 0)
        assert state_hash(folder / "checkpoint.pt") == expected
        points = points_of(folder)
        assert twice(points) == {}
        assert points == points_of(tmp_path / "straight")
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()


class FullDisk:
    """os.write fails as on a full disk while `full` is set, after half of the bytes."""

    def __init__(self) -> None:
        self.full = False
        self.real = os.write

    def write(self, descriptor: int, data: bytes) -> int:
        if self.full:
            self.real(descriptor, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.real(descriptor, data)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    full_disk = FullDisk()
    monkeypatch.setattr(os, "write", full_disk.write)
    return full_disk


def test_points_that_could_not_be_written_are_counted_and_written_when_there_is_space(
    tmp_path: Path, disk: FullDisk
) -> None:
    recorder = Recorder(tmp_path, 1, last={})
    recorder.record(1, {"a": 1.0, "b": 2.0})
    disk.full = True
    recorder.record(2, {"a": 3.0})
    recorder.record(3, {"a": 4.0})
    assert recorder.points_lost == 2
    assert [(step, value) for step, value in zip(*steps_and_values(tmp_path, "a"), strict=True)] == [(1, 1.0)]
    disk.full = False
    recorder.record(4, {"a": 5.0})
    recorder.close()
    assert recorder.points_lost == 0
    assert steps_and_values(tmp_path, "a") == ([1, 2, 3, 4], [1.0, 3.0, 4.0, 5.0])


def test_a_disk_that_is_full_from_the_start_leaves_no_empty_event_files(tmp_path: Path, disk: FullDisk) -> None:
    disk.full = True
    recorder = Recorder(tmp_path, 1, last={})
    for step in range(5):
        recorder.record(step, {"a": 1.0})
    assert list(tmp_path.iterdir()) == []
    disk.full = False
    assert recorder.flush()
    recorder.close()
    assert steps_and_values(tmp_path, "a")[0] == [0, 1, 2, 3, 4]


def test_points_beyond_the_limit_are_dropped_and_counted(tmp_path: Path, disk: FullDisk) -> None:
    disk.full = True
    recorder = Recorder(tmp_path, 1, last={})
    recorder.record(1, {f"tag {number}": 1.0 for number in range(MAX_PENDING + 7)})
    assert (len(recorder.pending), recorder.dropped, recorder.points_lost) == (MAX_PENDING, 7, MAX_PENDING + 7)


def test_an_event_file_that_cannot_be_truncated_is_followed_by_a_new_one(
    tmp_path: Path, disk: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path, 1, last={})
    recorder.record(1, {"a": 1.0})
    disk.full = True
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", mock.Mock(side_effect=OSError(errno.EIO, "broken")))
        recorder.record(2, {"a": 2.0})
    disk.full = False
    recorder.record(3, {"a": 3.0})
    recorder.close()
    assert len(list(tmp_path.glob("events.*"))) == 2
    assert steps_and_values(tmp_path, "a") == ([1, 2, 3], [1.0, 2.0, 3.0])


def test_a_recorder_interrupted_at_any_file_operation_leaves_whole_points_in_order(tmp_path: Path) -> None:
    def prepare() -> None:
        for path in tmp_path.iterdir():
            path.unlink()

    def record() -> None:
        recorder = Recorder(tmp_path, 1, last={})
        for step in range(1, 5):
            recorder.record(step, {"a": float(step), "b": 0.5})
        recorder.sync()
        recorder.close()

    for hit in hits(record, prepare=prepare):
        reader = RunReader(tmp_path)
        reader.poll(1 << 20)
        steps, values = steps_and_values(tmp_path, "a")
        assert steps == list(range(1, len(steps) + 1)), hit
        assert values == [float(step) for step in steps]
        assert reader.damage == ()
        if hit.kind != "kill" and hit.operation not in ("fsync",):
            assert hit.error is None, "the disk's trouble never reaches the training"
            assert len(steps) == 4


def test_the_heartbeat_reports_lost_points_and_a_state_that_was_not_saved(tmp_path: Path, disk: FullDisk) -> None:
    spec, images = tiny_spec(epochs=1), tiny_images()
    real = Learner.train_step
    beats = []

    def learn(
        self: Learner, images: torch.Tensor, labels: torch.Tensor, number: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        disk.full = 3 <= number < 6
        return real(self, images, labels, number)

    stepped = Heartbeat.finished_step

    def watch(self: Heartbeat, count: int) -> None:
        stepped(self, count)
        if not disk.full or self.points_lost:
            full, disk.full = disk.full, False
            self.write()
            disk.full = full
            beats.append(read_json(RunPaths(tmp_path).beat, Beat))

    with mock.patch.object(Learner, "train_step", learn), mock.patch.object(Heartbeat, "finished_step", watch):
        result = run_attempt(make_attempt(tmp_path, spec), images, intervals=EVERY_STEP)
    assert (result.outcome, result.points_lost) == ("finished", 0)
    in_trouble = [beat for beat in beats if beat.points_lost]
    assert in_trouble
    assert all(beat.warning.startswith("disk full") for beat in in_trouble)
    assert beats[-1].warning == ""
    assert sorted(read_curves(tmp_path)["train/loss"].steps) == list(range(1, 11))


def steps_and_values(folder: Path, tag: str) -> tuple[list[int], list[float]]:
    curve = read_curves(folder).get(tag)
    return (curve.steps.tolist(), curve.values.tolist()) if curve else ([], [])

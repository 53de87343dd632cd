"""Event files as other writers leave them: restarts, and records that are too large to be read."""

from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary

from labtui.store.reader import RunReader, read_curves
from labtui.store.tfrecord import MAX_RECORD_BYTES, frame


def scalar(tag: str, step: int, value: float) -> bytes:
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
    return frame(Event(wall_time=1.0, step=step, summary=summary).SerializeToString())


def restart(step: int) -> bytes:
    return frame(Event(wall_time=1.0, step=step, session_log=SessionLog(status=SessionLog.START)).SerializeToString())


VERSION = frame(Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString())


def as_tensorboard_reads(folder: Path, tag: str) -> list[tuple[int, float]]:
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return [(event.step, event.value) for event in accumulator.Scalars(tag)]


def points(folder: Path, tag: str) -> list[tuple[int, float]]:
    curve = read_curves(folder)[tag]
    return list(zip(curve.steps.tolist(), curve.values.tolist(), strict=True))


def test_a_writer_that_begins_anew_discards_what_was_written_from_that_step_on(tmp_path: Path) -> None:
    first = [scalar("loss", step, 9.0 + step / 1000) for step in range(0, 151, 10)]
    (tmp_path / "events.out.tfevents.1.a").write_bytes(VERSION + b"".join(first))
    second = [scalar("loss", step, value) for step, value in ((100, 0.5), (110, 0.4), (120, 0.38))]
    (tmp_path / "events.out.tfevents.2.a").write_bytes(VERSION + restart(100) + b"".join(second))
    assert points(tmp_path, "loss") == as_tensorboard_reads(tmp_path, "loss")
    assert len(points(tmp_path, "loss")) == 13
    assert points(tmp_path, "loss")[-1] == (120, pytest.approx(0.38))


@pytest.mark.parametrize("count", [5, 500])
def test_restarts_within_a_file_count_in_the_order_of_its_records(tmp_path: Path, count: int) -> None:
    """With few records and with many, which are decoded in another way."""
    records = [scalar("loss", step, float(step)) for step in range(count)]
    records += [restart(count // 2), *(scalar("loss", step, -1.0) for step in range(count // 2, count // 2 + 2))]
    records += [restart(1), scalar("loss", 1, 7.0)]
    (tmp_path / "events.out.tfevents.1.a").write_bytes(VERSION + b"".join(records))
    assert points(tmp_path, "loss") == as_tensorboard_reads(tmp_path, "loss") == [(0, 0.0), (1, 7.0)]


def test_a_restart_that_is_appended_to_a_file_shortens_the_curve_on_the_screen(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.a"
    path.write_bytes(VERSION + b"".join(scalar("loss", step, float(step)) for step in range(20)))
    reader = RunReader(tmp_path)
    reader.poll()
    before = reader.curves["loss"]
    with path.open("ab") as stream:
        stream.write(restart(5))
    assert reader.poll()
    assert len(before) == 20, "a curve that was handed out never changes"
    assert reader.curves["loss"].last == (4, 4.0)


@pytest.mark.parametrize("at", [0, 20])
def test_a_record_that_is_too_large_to_be_read_is_passed_over(tmp_path: Path, at: int) -> None:
    tag = Summary.Value(tag="image", tensor={"string_val": [np.random.default_rng(0).bytes(MAX_RECORD_BYTES + 1)]})
    image = frame(Event(wall_time=1.0, step=1, summary=Summary(value=[tag])).SerializeToString())
    records = [scalar("loss", step, 1.0 - step / 40) for step in range(40)]
    path = tmp_path / "events.out.tfevents.1.a"
    path.write_bytes(VERSION + b"".join(records[:at]) + image[: len(image) // 2])
    reader = RunReader(tmp_path)
    while not reader.complete or not reader.curves:
        if not reader.poll():
            break
    assert reader.damage == ()
    with path.open("ab") as stream:
        stream.write(image[len(image) // 2 :] + b"".join(records[at:]))
    while reader.poll() or not reader.complete:
        continue
    assert reader.damage == ()
    assert len(reader.curves["loss"]) == 40
    assert reader.curves["loss"].last == (39, pytest.approx(0.025))

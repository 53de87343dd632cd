"""labtui's event files in TensorBoard's reader, and its writers' files in labtui's reader."""

import math
import struct
from pathlib import Path

import numpy as np
import pytest

from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.reader import RunReader, read_curves
from labtui.store.store import Store

STEPS = [0, 1, 127, 128, 300, 2**31, 2**40]
VALUES = [0.5, -1.25, math.nan, math.inf, -math.inf, 1e-30, 3.0e38]


def test_tensorboard_reads_in_labtuis_files_what_was_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags = ["Loss on Minibatches", "val/accuracy", "lr"]
    with (tmp_path / "events.out.tfevents.1764000000.host.1.0").open("wb") as stream:
        stream.write(version_event(1.7e9))
        for i, (step, value) in enumerate(zip(STEPS, VALUES, strict=True)):
            for tag in tags:
                stream.write(scalar_event(1.7e9 + i, step, tag, value))
    accumulator = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    accumulator.Reload()
    assert sorted(accumulator.Tags()["scalars"]) == sorted(tags)
    assert accumulator.file_version == 2.0
    for tag in tags:
        read = accumulator.Scalars(tag)
        assert [event.step for event in read] == STEPS
        assert [event.wall_time for event in read] == [1.7e9 + i for i in range(len(STEPS))]
        wanted = np.array(VALUES, np.float32)
        np.testing.assert_array_equal(np.array([event.value for event in read], np.float32), wanted)


@pytest.mark.parametrize("count", [10, 500])
@pytest.mark.parametrize("style", [{}, {"new_style": True}, {"double_precision": True}])
def test_the_files_of_torchs_summary_writer_are_read_in_all_its_styles(
    tmp_path: Path, style: dict[str, bool], count: int
) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:  # type: ignore[no-untyped-call]
        for step in range(count):
            value = math.sin(step) if step % 7 else math.nan
            writer.add_scalar("train/loss", value, step, walltime=1.7e9 + step, **style)  # type: ignore[no-untyped-call]
            writer.add_scalar("far", step, 2**33 + step, **style)  # type: ignore[no-untyped-call]
    curves = read_curves(tmp_path)
    assert set(curves) == {"train/loss", "far"}
    wanted = np.array([math.sin(step) if step % 7 else math.nan for step in range(count)], np.float32)
    np.testing.assert_array_equal(curves["train/loss"].values, wanted)
    np.testing.assert_array_equal(curves["train/loss"].steps, np.arange(count))
    np.testing.assert_array_equal(curves["train/loss"].wall_times, 1.7e9 + np.arange(count))
    assert curves["far"].last == (2**33 + count - 1, count - 1)


def test_what_is_not_a_scalar_is_skipped(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:  # type: ignore[no-untyped-call]
        writer.add_text("notes", "some *text*", 1)  # type: ignore[no-untyped-call]
        writer.add_histogram("weights", np.arange(100.0), 2)  # type: ignore[no-untyped-call]
        writer.add_image("picture", np.zeros((3, 8, 8), np.uint8), 3)  # type: ignore[no-untyped-call]
        writer.add_pr_curve("curve", np.array([0, 1]), np.array([0.1, 0.9]), 4)  # type: ignore[no-untyped-call]
        writer.add_tensor("matrix", __import__("torch").zeros(2, 2), 4)  # type: ignore[no-untyped-call]
        writer.add_hparams({"lr": 0.1}, {"hparam/accuracy": 1.0}, run_name="trial")  # type: ignore[no-untyped-call]
        writer.add_scalars("both", {"one": 1.0, "two": 2.0}, 5)  # type: ignore[no-untyped-call]
        writer.add_scalar("loss", 0.25, 6)  # type: ignore[no-untyped-call]
    reader = RunReader(tmp_path)
    reader.poll()
    assert {tag: curve.last for tag, curve in reader.curves.items()} == {"loss": (6, 0.25)}
    assert reader.damage == ()
    (run,) = Store(tmp_path).scan()
    curves = read_curves(run.folder, foreign=True, below=run.below)
    assert {tag: curve.last for tag, curve in curves.items()} == {
        "loss": (6, 0.25),
        "both_one/both": (5, 1.0),
        "both_two/both": (5, 2.0),
        "trial/hparam/accuracy": (0, 1.0),
    }, "add_scalars and add_hparams write folders of their own, which are parts of the one training"
    assert run.hyperparameters.values == {"lr": 0.1}


@pytest.mark.parametrize("count", [3, 400])
@pytest.mark.parametrize("form", ["float content", "double content", "float value", "double value"])
def test_the_tensor_scalars_that_keras_and_tensorflow_2_write_are_read(tmp_path: Path, form: str, count: int) -> None:
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.plugins.scalar import metadata
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder = tmp_path / "keras" / "validation"
    writer = EventFileWriter(str(folder))
    for step in range(count):
        tensor = summary_pb2.Summary.Value().tensor
        tensor.dtype = 1 if form.startswith("float") else 2
        tensor.tensor_shape.SetInParent()
        if form.endswith("content"):
            tensor.tensor_content = struct.pack("<f" if form.startswith("float") else "<d", step / 3)
        else:
            getattr(tensor, "float_val" if form.startswith("float") else "double_val").append(step / 3)
        value = summary_pb2.Summary.Value(
            tag="epoch_loss", tensor=tensor, metadata=metadata.create_summary_metadata("", "")
        )
        summary = summary_pb2.Summary(value=[value])
        writer.add_event(event_pb2.Event(wall_time=1.7e9 + step, step=step, summary=summary))
    writer.close()
    (run,) = Store(tmp_path).scan()
    assert run.id == "keras/validation"
    curve = read_curves(run.folder)["epoch_loss"]
    np.testing.assert_array_equal(curve.steps, np.arange(count))
    np.testing.assert_array_equal(curve.values, (np.arange(count) / 3).astype(np.float32))


def test_several_scalars_in_one_record_and_fields_in_any_order_are_read(tmp_path: Path) -> None:
    from tensorboard.compat.proto import event_pb2, summary_pb2

    from labtui.store.tfrecord import frame

    values = [summary_pb2.Summary.Value(tag=tag, simple_value=number) for tag, number in (("a", 1.0), ("b", 2.0))]
    summary = event_pb2.Event(summary=summary_pb2.Summary(value=values)).SerializeToString()
    rest = event_pb2.Event(wall_time=5.0, step=-7).SerializeToString()
    content = version_event(1.0) + frame(summary + rest) * 20
    (tmp_path / "events.out.tfevents.1").write_bytes(content)
    curves = read_curves(tmp_path)
    assert {tag: curve.last for tag, curve in curves.items()} == {"a": (-7, 1.0), "b": (-7, 2.0)}
    assert curves["a"].wall_times.tolist() == [5.0]


@pytest.mark.parametrize("cut", [True, False])
def test_both_readers_stop_at_the_same_damaged_or_half_record(tmp_path: Path, cut: bool) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    content = version_event(1.0) + b"".join(scalar_event(1.0 + i, i, "loss", i / 8) for i in range(100))
    size = len(scalar_event(1.0, 99, "loss", 0.5))
    broken = bytearray(content)
    broken[-50 * size - 10] ^= 1
    (tmp_path / "events.out.tfevents.1").write_bytes(content[:-9] if cut else bytes(broken))
    accumulator = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    accumulator.Reload()
    theirs = [(event.step, event.value) for event in accumulator.Scalars("loss")]
    curve = read_curves(tmp_path)["loss"]
    assert list(zip(curve.steps.tolist(), curve.values.tolist(), strict=True)) == theirs

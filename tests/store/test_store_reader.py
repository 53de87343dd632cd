"""The event reader: whole records only, never a wrong number, and it continues when the rest arrives."""

import math
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labtui.store import encode_scalar, tfrecord
from labtui.store.decode_vectorized import decode_block, decode_plain
from labtui.store.encode_scalar import scalar_event, version_event
from labtui.store.reader import MAX_TAGS, RunReader, read_curves
from labtui.store.tags import StepUnit
from labtui.store.tfrecord import find_frames, find_many_frames, frame

NAME = "events.out.tfevents.1764000000.host.1.0"
TAGS = ("Loss on Minibatches", "train/loss", "lr", "val/accuracy")

Points = dict[str, list[tuple[int, float]]]


def write(folder: Path, content: bytes, name: str = NAME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(content)


def file_of(points: list[tuple[str, int, float]]) -> bytes:
    return version_event(1.7e9) + b"".join(
        scalar_event(1.7e9 + i, step, tag, value) for i, (tag, step, value) in enumerate(points)
    )


def plain(reader: RunReader) -> Points:
    return {
        tag: list(zip(curve.steps.tolist(), curve.values.tolist(), strict=True)) for tag, curve in reader.curves.items()
    }


def as_float32(value: float) -> float:
    return float(struct.unpack("<f", encode_scalar.float32(value))[0])


def read_all(reader: RunReader, budget: int = 1 << 20) -> None:
    reader.poll(budget)
    while not reader.complete:
        reader.poll(budget)


HUNDRED = [("train/loss", step, 1 / (step + 1)) for step in range(100)]


# --- what is read -------------------------------------------------------------------------------------------------


def test_an_absent_and_an_empty_folder_have_no_curves(tmp_path: Path) -> None:
    for folder in (tmp_path / "absent", tmp_path):
        reader = RunReader(folder)
        assert not reader.poll()
        assert (dict(reader.curves), reader.complete, reader.damage) == ({}, True, ())


@pytest.mark.parametrize("count", [1, 99, 101, 5_000])
def test_points_come_back_as_float32_with_their_steps_and_times(tmp_path: Path, count: int) -> None:
    points = [(TAGS[i % 4], i, math.sin(i) * 10 ** (i % 7)) for i in range(count)]
    write(tmp_path, file_of(points))
    curves = read_curves(tmp_path)
    assert set(curves) == set(TAGS[: min(count, 4)])
    for tag, curve in curves.items():
        wanted = [(step, as_float32(value), 1.7e9 + step) for name, step, value in points if name == tag]
        assert list(zip(curve.steps.tolist(), curve.values.tolist(), curve.wall_times.tolist(), strict=True)) == wanted
        assert (curve.steps.dtype, curve.values.dtype, curve.wall_times.dtype) == (np.int64, np.float32, np.float64)
        assert curve.last == wanted[-1][:2]
        assert len(curve) == len(wanted)


@pytest.mark.parametrize("many", [1, 50])
@pytest.mark.parametrize("step", [0, 1, 127, 128, 2**31, 2**32 + 5, 2**56, 2**63 - 1, -1, -(2**63)])
def test_every_int64_step_survives(tmp_path: Path, step: int, many: int) -> None:
    write(tmp_path, b"".join(scalar_event(1.0, step, f"tag {i}", 0.5) for i in range(many) for _ in range(10)))
    curves = read_curves(tmp_path)
    assert len(curves) == many
    assert all(curve.steps.tolist() == [step] for curve in curves.values())


def test_nan_infinities_and_values_beyond_float32_are_kept(tmp_path: Path) -> None:
    values = [math.nan, math.inf, -math.inf, 1e39, -1e39, 1e-46, -0.0]
    write(tmp_path, file_of([("loss", i, value) for i, value in enumerate(values)]))
    curve = read_curves(tmp_path)["loss"]
    expected = np.array([math.nan, math.inf, -math.inf, math.inf, -math.inf, 0.0, -0.0], np.float32)
    np.testing.assert_array_equal(curve.values, expected)
    assert curve.best("lower") == (2, -math.inf)


def test_the_best_point_is_the_highest_accuracy_or_the_lowest_loss(tmp_path: Path) -> None:
    numbers = [math.nan, 3.0, 1.0, 2.0, 1.0, 3.0]
    points = [(tag, i, value) for tag in ("val/accuracy", "val/loss", "nan") for i, value in enumerate(numbers)]
    write(tmp_path, file_of([(tag, i, math.nan if tag == "nan" else value) for tag, i, value in points]))
    curves = read_curves(tmp_path)
    assert curves["val/accuracy"].best("higher") == (1, 3.0)
    assert curves["val/loss"].best("lower") == (2, 1.0)
    assert curves["nan"].best("lower") is None


def test_each_curve_knows_the_unit_of_its_steps(tmp_path: Path) -> None:
    write(tmp_path, file_of([("Loss on Minibatches", 0, 1.0), ("val/accuracy", 0, 1.0), ("someone/elses", 0, 1.0)]))
    units = {tag: curve.unit for tag, curve in read_curves(tmp_path).items()}
    assert units == {
        "Loss on Minibatches": StepUnit.POINT,
        "val/accuracy": StepUnit.EPOCH,
        "someone/elses": StepUnit.STEP,
    }


def test_points_out_of_order_are_sorted_and_of_one_step_the_last_written_counts(tmp_path: Path) -> None:
    path = write(tmp_path, file_of([("a", 3, 3.0), ("a", 1, 1.0), ("a", 2, 2.0), ("a", 1, 1.5)]))
    reader = RunReader(tmp_path)
    reader.poll()
    assert plain(reader) == {"a": [(1, 1.5), (2, 2.0), (3, 3.0)]}
    append(path, scalar_event(2.0, 2, "a", 2.5))
    reader.poll()
    assert plain(reader) == {"a": [(1, 1.5), (2, 2.5), (3, 3.0)]}


def test_the_later_of_two_attempts_counts_per_step_and_tag(tmp_path: Path) -> None:
    write(tmp_path, file_of([("a", 0, 0.0), ("a", 1, 1.0), ("a", 2, 2.0), ("b", 5, 5.0)]), "events.out.tfevents.1.h")
    reader = RunReader(tmp_path)
    reader.poll()
    later = write(tmp_path, file_of([("a", 1, 10.0), ("c", 0, 7.0)]), "events.out.tfevents.2.h")
    reader.poll()
    assert plain(reader) == {"a": [(0, 0.0), (1, 10.0), (2, 2.0)], "b": [(5, 5.0)], "c": [(0, 7.0)]}
    append(tmp_path / "events.out.tfevents.1.h", scalar_event(9.0, 1, "a", -1.0))
    append(later, scalar_event(9.0, 3, "a", 30.0))
    reader.poll()
    assert plain(reader)["a"] == [(0, 0.0), (1, 10.0), (2, 2.0), (3, 30.0)]
    assert plain(reader) == {tag: list(zip(c.steps, c.values, strict=True)) for tag, c in read_curves(tmp_path).items()}


def test_a_file_that_sorts_before_those_already_read_is_not_taken_for_a_later_one(tmp_path: Path) -> None:
    write(tmp_path, file_of([("a", 0, 2.0)]), "events.out.tfevents.2.h")
    reader = RunReader(tmp_path)
    reader.poll()
    write(tmp_path, file_of([("a", 0, 1.0), ("a", 1, 1.0)]), "events.out.tfevents.1.h")
    assert reader.poll()
    assert plain(reader) == {"a": [(0, 2.0), (1, 1.0)]}


def test_curves_are_frozen_and_do_not_change(tmp_path: Path) -> None:
    path = write(tmp_path, file_of(HUNDRED))
    reader = RunReader(tmp_path)
    reader.poll()
    before, values = reader.curves, reader.curves["train/loss"].values.copy()
    for step in range(100, 400):
        append(path, scalar_event(2.0, step, "train/loss", -1.0))
        reader.poll()
    append(path, scalar_event(2.0, 5, "train/loss", -2.0))
    reader.poll()
    np.testing.assert_array_equal(before["train/loss"].values, values)
    with pytest.raises(ValueError, match="read-only"):
        before["train/loss"].values[0] = 1.0
    with pytest.raises(TypeError):
        before["other"] = before["train/loss"]  # type: ignore[index]
    assert len(reader.curves["train/loss"]) == 400


def test_a_poll_reads_about_its_budget_and_later_ones_continue(tmp_path: Path) -> None:
    write(tmp_path, file_of([("a", i, float(i)) for i in range(20_000)]))
    reader = RunReader(tmp_path)
    sizes = []
    while not reader.complete or not sizes:
        assert reader.poll(100_000)
        sizes.append(len(reader.curves["a"]))
    assert sizes[-1] == 20_000
    steps = np.diff([0, *sizes])
    assert steps.max() < 4_000
    assert not reader.poll()


def test_polling_what_has_not_changed_says_so_and_opens_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, file_of(HUNDRED))
    reader = RunReader(tmp_path)
    assert reader.poll()

    def forbidden(path: object, *args: object, **kwargs: object) -> int:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr(os, "open", forbidden)
    assert not reader.poll()


# --- what is not there yet ----------------------------------------------------------------------------------------


def test_after_a_cut_at_any_byte_of_the_last_three_records_the_reader_continues(tmp_path: Path) -> None:
    """At each cut: all earlier points, no error, nothing of the half record; then the rest arrives and is read."""
    content = file_of(HUNDRED)
    ends = [0, *np.cumsum([len(frame_) for frame_ in _records(content)]).tolist()]
    wanted = [(step, as_float32(value)) for _, step, value in HUNDRED]
    cuts = range(ends[-4], len(content))
    assert len(cuts) > 120
    for cut in cuts:
        folder = tmp_path / str(cut)
        path = write(folder, content[:cut])
        reader = RunReader(folder)
        reader.poll()
        there = sum(end <= cut for end in ends[1:]) - 1  # the first record is the version
        assert plain(reader)["train/loss"] == wanted[:there], cut
        assert (reader.damage, reader.complete) == ((), True), cut
        append(path, content[cut:])
        assert reader.poll(), cut
        assert plain(reader)["train/loss"] == wanted, cut


def _records(content: bytes) -> list[bytes]:
    frames = find_frames(content)
    assert frames.end == len(content)
    return [content[start - 12 : start + size + 4] for start, size in zip(frames.starts, frames.sizes, strict=True)]


def test_a_record_that_arrives_byte_by_byte_appears_once_it_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path, file_of(HUNDRED[:3]))
    reader = RunReader(tmp_path)
    reader.poll()
    record = scalar_event(2.0, 99, "train/loss", 5.0)
    for byte in range(len(record) - 1):
        append(path, record[byte : byte + 1])
        assert not reader.poll()
        assert len(reader.curves["train/loss"]) == 3
    append(path, record[-1:])
    assert reader.poll()
    assert reader.curves["train/loss"].last == (99, 5.0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_reader_of_arbitrary_pieces_shows_what_a_reader_of_the_whole_file_shows(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    number = st.one_of(st.integers(-3, 40), st.integers(-(2**63), 2**63 - 1))
    point = st.tuples(st.sampled_from([*TAGS, "", "ünïcode/é"]), number, st.floats(width=32))
    points = data.draw(st.lists(point, max_size=30)) * data.draw(st.sampled_from([1, 1, 8, 300]))
    content = file_of(points)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    folder = tmp_path_factory.mktemp("fed")
    path = write(folder, b"")
    reader = RunReader(folder)
    for start, stop in zip([0, *cuts], [*cuts, len(content)], strict=True):
        append(path, content[start:stop])
        read_all(reader, data.draw(st.sampled_from([1, 50, 4096, 1 << 20])))
    whole: dict[str, dict[int, float]] = {}
    for tag, step, value in points:
        whole.setdefault(tag, {})[step] = value
    assert set(reader.curves) == set(whole)
    for tag, wanted in whole.items():
        assert reader.curves[tag].steps.tolist() == sorted(wanted)
        values = np.array([wanted[step] for step in sorted(wanted)], np.float32)
        np.testing.assert_array_equal(reader.curves[tag].values, values)
    assert reader.damage == ()
    once = read_curves(folder)
    assert all(np.array_equal(once[tag].values, reader.curves[tag].values, equal_nan=True) for tag in whole)


def test_zero_bytes_at_the_end_are_waited_for_as_a_network_disk_brings_them(tmp_path: Path) -> None:
    content = file_of(HUNDRED)
    *_, last = _records(content)
    for length in range(len(last)):
        folder = tmp_path / str(length)
        path = write(folder, content[: len(content) - len(last) + length] + bytes(len(last) - length))
        reader = RunReader(folder)
        reader.poll()
        assert (len(reader.curves["train/loss"]), reader.damage, reader.complete) == (99, (), True), length
        path.write_bytes(content)  # the content arrives; the length stays the same
        assert reader.poll(), length
        assert (len(reader.curves["train/loss"]), reader.damage) == (100, ()), length


def test_zero_bytes_that_other_records_follow_are_damage(tmp_path: Path) -> None:
    write(tmp_path, file_of(HUNDRED) + bytes(300) + scalar_event(2.0, 100, "train/loss", 1.0))
    reader = RunReader(tmp_path)
    for budget in (64, 4096):
        read_all(reader, budget)
    assert len(reader.curves["train/loss"]) == 100
    assert len(reader.damage) == 1


def test_a_long_hole_is_damage_and_does_not_keep_the_reader_busy(tmp_path: Path) -> None:
    path = write(tmp_path, file_of(HUNDRED))
    os.truncate(path, 40 << 20)
    reader = RunReader(tmp_path)
    read_all(reader)
    assert "zero bytes" in reader.damage[0]
    assert len(reader.curves["train/loss"]) == 100


def test_a_file_that_shrinks_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path, file_of(HUNDRED))
    reader = RunReader(tmp_path)
    reader.poll()
    path.write_bytes(file_of(HUNDRED[:10]))
    assert reader.poll()
    assert len(reader.curves["train/loss"]) == 10


def test_a_replaced_file_is_read_again_and_the_points_of_a_removed_one_disappear(tmp_path: Path) -> None:
    path = write(tmp_path, file_of(HUNDRED))
    reader = RunReader(tmp_path)
    reader.poll()
    write(tmp_path, file_of([("other", i, 1.0) for i in range(200)]), "new").replace(path)
    assert reader.poll()
    assert set(reader.curves) == {"other"}
    path.unlink()
    assert reader.poll()
    assert dict(reader.curves) == {}
    write(tmp_path, file_of(HUNDRED[:5]))
    assert reader.poll()
    assert len(reader.curves["train/loss"]) == 5


def test_a_file_that_cannot_be_read_is_reported_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, file_of(HUNDRED))
    reader = RunReader(tmp_path)

    def refuse(*args: object) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", refuse)
        assert reader.poll()
        assert reader.damage == (f"{NAME} cannot be read: Input/output error",)
    assert reader.poll()
    assert (len(reader.curves["train/loss"]), reader.damage) == (100, ())


# --- damage -------------------------------------------------------------------------------------------------------


def test_two_hundred_flipped_bits_never_give_a_wrong_number_and_are_reported(tmp_path: Path) -> None:
    wanted = [(step, as_float32(value)) for _, step, value in HUNDRED]
    content = file_of(HUNDRED)
    draw = random.Random(20261123)
    for trial in range(200):
        bit = draw.randrange(8 * len(content))
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        folder = tmp_path / str(trial)
        write(folder, bytes(flipped))
        reader = RunReader(folder)
        reader.poll()
        shown = plain(reader).get("train/loss", [])
        record = next(i for i, end in enumerate(_ends(content)) if bit // 8 < end) - 1
        assert shown == wanted[: max(record, 0)], bit
        if reader.damage:
            assert len(reader.damage) == 1
            assert "metrics damaged" in reader.damage[0], bit
        else:
            # The one damage that looks like "not yet" is a length that reaches beyond the end of the file - and then
            # its checksum has to fit too, which one flipped bit cannot bring about.
            pytest.fail(f"bit {bit} was not noticed")


def _ends(content: bytes) -> list[int]:
    return np.cumsum([len(record) for record in _records(content)]).tolist()


@pytest.mark.parametrize("before", [50, 5_000])
def test_damage_is_reported_with_the_last_good_point(tmp_path: Path, before: int) -> None:
    content = bytearray(file_of([("train/loss", step, 0.5) for step in range(before * 2)]))
    content[_ends(bytes(content))[before] + 20] ^= 4
    write(tmp_path, bytes(content))
    reader = RunReader(tmp_path)
    read_all(reader)
    assert reader.curves["train/loss"].last == (before - 1, 0.5)
    assert reader.damage[0].startswith(f"{NAME}: metrics damaged after step {before - 1:,} of train/loss (byte ")
    assert reader.damage[0].endswith("the rest of this file is not shown")
    assert reader.complete


def test_damage_in_one_file_leaves_the_others_readable(tmp_path: Path) -> None:
    first = bytearray(file_of(HUNDRED))
    first[60] ^= 1
    write(tmp_path, bytes(first), "events.out.tfevents.1.h")
    path = write(tmp_path, file_of([("train/loss", 500, 1.0)]), "events.out.tfevents.2.h")
    reader = RunReader(tmp_path)
    reader.poll()
    append(path, scalar_event(2.0, 501, "train/loss", 2.0))
    reader.poll()
    assert plain(reader)["train/loss"][-2:] == [(500, 1.0), (501, 2.0)]
    assert len(reader.damage) == 1
    assert "from its beginning" in reader.damage[0] or "after step" in reader.damage[0]


def test_half_a_record_followed_by_others_is_damage_and_hides_only_what_follows(tmp_path: Path) -> None:
    record = scalar_event(2.0, 100, "train/loss", 1.0)
    more = b"".join(scalar_event(3.0, 101 + i, "train/loss", 1.0) for i in range(20))
    for length in range(1, len(record)):
        folder = tmp_path / str(length)
        path = write(folder, file_of(HUNDRED) + record[:length])
        reader = RunReader(folder)
        reader.poll()
        append(path, more)
        reader.poll()
        assert len(reader.curves["train/loss"]) == 100, length
        assert len(reader.damage) == 1, length


@pytest.mark.parametrize(
    ("size", "message"),
    [((1 << 40) + 1, "claims to be 1,099,511,627,777 bytes long"), (2**63, "9,223,372,036,854,775,808 bytes")],
)
def test_a_length_beyond_the_limit_is_damage_even_if_its_checksum_is_right(
    tmp_path: Path, size: int, message: str
) -> None:
    length = size.to_bytes(8, "little")
    header = length + tfrecord.masked_crc(length).to_bytes(4, "little")
    write(tmp_path, file_of(HUNDRED) + header + bytes(100))
    reader = RunReader(tmp_path)
    reader.poll()
    assert message in reader.damage[0]
    assert len(reader.curves["train/loss"]) == 100


def test_a_large_record_of_another_kind_is_skipped_whatever_the_budget(tmp_path: Path) -> None:
    image = frame(b"\x09" + bytes(8) + b"\x32" + encode_scalar.varint(3 << 20) + os.urandom(3 << 20))
    write(tmp_path, file_of(HUNDRED) + image + scalar_event(2.0, 100, "train/loss", 1.0))
    reader = RunReader(tmp_path)
    read_all(reader, 1000)
    assert len(reader.curves["train/loss"]) == 101
    assert reader.damage == ()


def test_records_that_are_not_events_are_counted_and_the_others_read(tmp_path: Path) -> None:
    odd = [b"\xff" * 20, b"\x2a\x7f", b"\x2a\x05\x0a\x03\x0a\x0f1", b"\x0f", b"\x10" + b"\x80" * 12, b"\x08"]
    write(tmp_path, file_of(HUNDRED[:50]) + b"".join(map(frame, odd)) + file_of(HUNDRED[50:]))
    reader = RunReader(tmp_path)
    reader.poll()
    assert len(reader.curves["train/loss"]) == 100
    assert reader.damage == (f"{NAME}: {len(odd)} records are not events",)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
@example(b"")
def test_no_payload_crashes_the_decoder(payload: bytes) -> None:
    content = frame(payload) * 20
    frames = find_frames(content)
    by_one, at_once = decode_plain(content, frames), decode_block(content, frames)
    assert (by_one.intact, by_one.unknown) == (at_once.intact, at_once.unknown) == (20, by_one.unknown)
    assert [(b.tag, b.steps.tolist()) for b in by_one.batches] == [(b.tag, b.steps.tolist()) for b in at_once.batches]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_both_ways_of_finding_and_decoding_records_agree_also_on_damaged_files(data: st.DataObject) -> None:
    tags = st.sampled_from(["a", "bb", "a longer tag", "a/" * 100])
    points = data.draw(st.lists(st.tuples(tags, st.integers(-5, 2**40), st.floats(width=32)), min_size=1, max_size=20))
    content = bytearray(
        file_of(points * data.draw(st.sampled_from([1, 10, 40]))) + frame(b"\x1a" + b"\xc0\x70" + b"x" * 14_400)
    )
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=3)):
        content[position] ^= data.draw(st.integers(1, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))]) + bytes(data.draw(st.sampled_from([0, 0, 5, 40])))
    frames = find_frames(cut)
    many = find_many_frames(cut)
    assert many._replace(starts=list(many.starts), sizes=list(many.sizes)) == frames
    by_one, at_once = decode_plain(cut, frames), decode_block(cut, frames)
    assert (by_one.intact, by_one.unknown) == (at_once.intact, at_once.unknown)
    one, other = _comparable(by_one.batches), _comparable(at_once.batches)
    assert one.keys() == other.keys()
    for tag, columns in one.items():
        for left, right in zip(columns, other[tag], strict=True):
            np.testing.assert_array_equal(left, right)


def _comparable(batches: list) -> dict:  # type: ignore[type-arg]  # columns of four types
    return {batch.tag: batch[1:] for batch in batches if len(batch.records)}


# --- strangers' files ---------------------------------------------------------------------------------------------


def test_tags_are_cleaned_and_two_tags_never_share_a_curve(tmp_path: Path) -> None:
    tags = ["loss\x1b[2J", "loss\x07[2J", "loss\ufffd[2J", "a\nb"]
    write(tmp_path, file_of([(tag, i, float(i)) for i, tag in enumerate(tags)]))
    curves = read_curves(tmp_path)
    assert set(curves) == {"loss\ufffd[2J", "loss\ufffd[2J (2)", "loss\ufffd[2J (3)", "a b"}
    assert sorted(curve.values[0] for curve in curves.values()) == [0.0, 1.0, 2.0, 3.0]
    assert all(curve.tag == name for name, curve in curves.items())


def test_a_tag_that_is_not_utf8_is_shown(tmp_path: Path) -> None:
    point = b"\x0a\x02\xff\xfe" + b"\x15" + struct.pack("<f", 2.0)
    summary = b"\x0a" + encode_scalar.varint(len(point)) + point
    write(tmp_path, frame(b"\x09" + struct.pack("<d", 1.0) + b"\x2a" + encode_scalar.varint(len(summary)) + summary))
    assert {tag: curve.last for tag, curve in read_curves(tmp_path).items()} == {"\ufffd\ufffd": (0, 2.0)}


def test_a_new_tag_in_every_record_does_not_fill_the_memory(tmp_path: Path) -> None:
    write(tmp_path, file_of([(f"tag{i}", 0, 1.0) for i in range(MAX_TAGS + 50)]))
    reader = RunReader(tmp_path)
    read_all(reader)
    assert len(reader.curves) == MAX_TAGS
    assert reader.damage == (f"50 points are left out: there are more than {MAX_TAGS:,} tags",)


def test_an_event_file_behind_a_link_is_read_once_whatever_names_it_has(tmp_path: Path) -> None:
    target = write(tmp_path / "elsewhere", file_of(HUNDRED[:50]))
    run = tmp_path / "run"
    run.mkdir()
    (run / "a.tfevents").symlink_to(target)
    (run / "b.tfevents").symlink_to(run / "a.tfevents")
    reader = RunReader(run)
    read_all(reader)
    assert {len(curve) for curve in reader.curves.values()} == {50}
    with target.open("ab") as stream:
        stream.write(file_of(HUNDRED[50:]))
    read_all(reader)
    assert {len(curve) for curve in reader.curves.values()} == {100}, "it grows as any other"
    (run / "a.tfevents").unlink()
    reader.poll()
    assert (dict(reader.curves), reader.damage) == ({}, ()), "a link that leads nowhere is no file"


def test_links_to_devices_pipes_and_folders_named_like_event_files_are_not_opened(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "zero.tfevents").symlink_to("/dev/zero")
    os.mkfifo(run / "pipe.tfevents")
    (run / "folder.tfevents").mkdir()
    reader = RunReader(run)
    assert not reader.poll()
    assert (dict(reader.curves), reader.damage) == ({}, ())


@pytest.mark.parametrize("decode", [decode_plain, decode_block])
def test_a_flip_in_any_byte_of_a_backlog_ends_it_at_that_record(decode: Callable[..., object]) -> None:
    content = file_of([("train/loss", step, 0.25 * step) for step in range(60)])
    frames = find_frames(content)
    for record in (0, 1, 30, 60):
        start, size = frames.starts[record], frames.sizes[record]
        for byte in range(start, start + size + 4):
            flipped = bytearray(content)
            flipped[byte] ^= 0x10
            block = decode(bytes(flipped), frames)
            assert block.intact == record, (record, byte)  # type: ignore[attr-defined]
            assert sum(len(batch.steps) for batch in block.batches) == max(record - 1, 0)  # type: ignore[attr-defined]


def test_a_tag_whose_records_are_all_damaged_or_follow_damage_has_no_curve(tmp_path: Path) -> None:
    records = [scalar_event(1.0, step, "gone", 1.0) for step in range(200)]
    flipped = [record[:30] + bytes([record[30] ^ 1]) + record[31:] for record in records]
    write(tmp_path, version_event(1.0) + b"".join(flipped))
    reader = RunReader(tmp_path)
    read_all(reader)
    assert dict(reader.curves) == {}
    assert "metrics damaged from its beginning" in reader.damage[0]

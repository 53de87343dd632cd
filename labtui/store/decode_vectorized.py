"""Decode thousands of records at once: scalars of the same layout are decoded and checked as numpy columns.

Within one curve nearly all records have the same bytes at the same places; only wall time, step and value differ. So
one record is parsed, all records that equal it elsewhere are read by slicing, and only the columns that differ enter
the checksum: each byte's contribution comes from a table (see crc.py), and the rest is a constant.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from google_crc32c import value as crc32c

from labtui.store import crc, decode_scalar
from labtui.store.decode_scalar import EventLayout, Point
from labtui.store.tfrecord import Frames, is_intact
from labtui.store.wire import NotAnEvent

if TYPE_CHECKING:  # numpy.typing is slow to import
    from numpy.typing import NDArray

_MIN_RECORDS = 8
"""With fewer records the plain decoder is faster than a template."""

_WORD = 8
"""Bytes that are compared at once."""

_MAX_PAYLOAD = 512
"""Bytes of the longest payload that is decoded in columns; a scalar has about 40."""

_MAX_TEMPLATES = 256
"""Templates that are tried per length before the rest is left to the plain decoder."""


class Batch(NamedTuple):
    """Points of one tag, in the order of their records."""

    tag: bytes
    records: "NDArray[np.int64]"
    """The number of the record in the block that each point comes from."""
    steps: "NDArray[np.int64]"
    values: "NDArray[np.float32]"
    wall_times: "NDArray[np.float64]"


class Block(NamedTuple):
    """The content of a stretch of an event file."""

    batches: list[Batch]
    """One per tag, in the order in which the tags first appeared."""
    intact: int
    """Records before the first one whose checksum is wrong (all of them, if none is)."""
    unknown: int
    """Records whose checksum is right but which are not events."""
    restart: int | None = None
    """The lowest step at which a writer began anew, see `decode_scalar.restart_step`; what the batches contain is what
    still counts then."""
    others: Mapping[str, int] = {}
    """How many values there are that are no scalars, by kind: "image", "histogram", …"""


class _Restart(NamedTuple):
    record: int
    step: int


def decode_block(content: bytes, frames: Frames) -> Block:
    """The points of all records before the first damaged one."""
    starts, sizes = np.asarray(frames.starts, np.int64), np.asarray(frames.sizes, np.int64)
    padded = np.frombuffer(content + bytes(_WORD), np.uint8)
    batches: list[Batch] = []
    rest: list[int] = np.flatnonzero(sizes > _MAX_PAYLOAD).tolist()
    for size in np.flatnonzero(np.bincount(np.minimum(sizes, _MAX_PAYLOAD + 1))[: _MAX_PAYLOAD + 1]).tolist():
        records = np.flatnonzero(sizes == size)
        if len(records) < _MIN_RECORDS:
            rest.extend(records.tolist())
            continue
        decoded, left = _decode_same_size(padded, starts, records, size)
        batches.extend(decoded)
        rest.extend(left)
    plain, intact, unknown, restarts, others = _decode_singly(content, frames, sorted(rest))
    valid = [_valid(batch, restarts) for batch in _by_tag([*batches, *plain])]
    joined = [cut for batch in valid if len((cut := _before(batch, intact)).records)]
    return Block(sorted(joined, key=_first_record), intact, unknown, _lowest(restarts), others)


def decode_plain(content: bytes, frames: Frames) -> Block:
    """The same, faster for a few records."""
    batches, intact, unknown, restarts, others = _decode_singly(content, frames, range(len(frames.starts)))
    valid = [cut for batch in batches if len((cut := _valid(batch, restarts)).records)]
    return Block(valid, intact, unknown, _lowest(restarts), others)


def _lowest(restarts: list[_Restart]) -> int | None:
    return min((restart.step for restart in restarts), default=None)


def _valid(batch: Batch, restarts: list[_Restart]) -> Batch:
    """The points that no later restart has made obsolete."""
    for restart in restarts:
        keep = (batch.records > restart.record) | (batch.steps < restart.step)
        batch = Batch(batch.tag, batch.records[keep], batch.steps[keep], batch.values[keep], batch.wall_times[keep])
    return batch


def _decode_singly(
    content: bytes, frames: Frames, records: Iterable[int]
) -> tuple[list[Batch], int, int, list[_Restart], Mapping[str, int]]:
    """The points, the number of records before the first damaged one, how many of them are not events, where writers
    began anew, and what else the records hold."""
    by_tag: dict[bytes, list[tuple[int, Point]]] = {}
    restarts: list[_Restart] = []
    others: Counter[str] = Counter()
    unknown = 0
    for record in records:
        start, size = int(frames.starts[record]), int(frames.sizes[record])
        if not is_intact(content, start, size):
            return _batches(by_tag), record, unknown, restarts, others
        payload = content[start : start + size]
        try:
            found = decode_scalar.points(payload)
            for point in found:
                by_tag.setdefault(point.tag, []).append((record, point))
            if not found and (step := decode_scalar.restart_step(payload)) is not None:
                restarts.append(_Restart(record, step))
            elif not found:
                others.update(decode_scalar.locate(payload).others)
        except NotAnEvent:
            unknown += 1
    return _batches(by_tag), len(frames.starts), unknown, restarts, others


def _batches(by_tag: dict[bytes, list[tuple[int, Point]]]) -> list[Batch]:
    with np.errstate(over="ignore"):  # a double beyond float32 becomes an infinity
        return [
            Batch(
                tag,
                np.array([record for record, _ in pairs], np.int64),
                np.array([point.step for _, point in pairs], np.int64),
                np.array([point.value for _, point in pairs], np.float64).astype(np.float32),
                np.array([point.wall_time for _, point in pairs], np.float64),
            )
            for tag, pairs in by_tag.items()
        ]


def _decode_same_size(
    padded: "NDArray[np.uint8]", starts: "NDArray[np.int64]", records: "NDArray[np.int64]", size: int
) -> tuple[list[Batch], list[int]]:
    """The points of records of one length, and the records that are left to the plain decoder."""
    width = size + 4 + -(size + 4) % _WORD
    rows = np.lib.stride_tricks.sliding_window_view(padded, width)[starts[records]]
    batches: list[Batch] = []
    left: list[int] = []
    for _ in range(_MAX_TEMPLATES):
        if len(records) < _MIN_RECORDS:
            break
        layout = _template(rows[0, :size].tobytes())
        same = _same_layout(rows, layout, size) if layout else np.zeros(len(records), np.bool_)
        if layout and same.sum() >= _MIN_RECORDS:
            batch, damaged = _decode_columns(*_select(same, rows, records), layout, size)
            batches.append(batch)
            left.extend(damaged)
        else:
            same[:] = False
            same[0] = True
            left.append(int(records[0]))
        rows, records = _select(~same, rows, records)
    return batches, [*left, *records.tolist()]


def _select(
    chosen: "NDArray[np.bool_]", rows: "NDArray[np.uint8]", records: "NDArray[np.int64]"
) -> "tuple[NDArray[np.uint8], NDArray[np.int64]]":
    return (rows, records) if chosen.all() else (rows[chosen], records[chosen])


def _template(payload: bytes) -> EventLayout | None:
    try:
        layout = decode_scalar.locate(payload)
    except NotAnEvent:
        return None
    return layout if len(layout.scalars) == 1 and layout.wall_time >= 0 else None


def _varying_columns(layout: EventLayout) -> list[int]:
    """The columns in which records of one curve may differ."""
    scalar = layout.scalars[0]
    return [
        *range(layout.wall_time, layout.wall_time + 8),
        *range(layout.step.start, layout.step.stop),
        *range(scalar.value, scalar.value + scalar.width),
    ]


def _same_layout(rows: "NDArray[np.uint8]", layout: EventLayout, size: int) -> "NDArray[np.bool_]":
    """Which rows equal the first one except in wall time, step and value; eight bytes at a time."""
    fixed = np.zeros(rows.shape[1], np.uint8)
    fixed[:size] = 0xFF
    fixed[_varying_columns(layout)] = 0
    fixed[layout.step] = 0x80  # a varint of equal length has its continuation bits in the same places
    words, masks = rows.view(np.uint64), fixed.view(np.uint64)
    differ = np.zeros(len(rows), np.uint64)
    for word in np.flatnonzero(masks).tolist():
        differ |= (words[:, word] ^ words[0, word]) & masks[word]
    same: NDArray[np.bool_] = differ == 0
    return same


def _decode_columns(
    rows: "NDArray[np.uint8]", records: "NDArray[np.int64]", layout: EventLayout, size: int
) -> tuple[Batch, list[int]]:
    """The points of rows of one layout, and the records whose checksum is wrong."""
    good = _checksums(rows, layout, size) == _view(rows, size, "<u4")
    damaged: list[int] = [] if good.all() else records[~good].tolist()
    if damaged:
        rows, records = rows[good], records[good]
    scalar = layout.scalars[0]
    wall_times = _view(rows, layout.wall_time, "<f8").astype(np.float64)
    with np.errstate(over="ignore"):  # a double beyond float32 becomes an infinity
        values = _view(rows, scalar.value, f"<f{scalar.width}").astype(np.float32)
    tag = rows[0, scalar.tag].tobytes() if len(rows) else b""
    return Batch(tag, records, _steps(rows, layout.step), values, wall_times), damaged


def _view(rows: "NDArray[np.uint8]", at: int, dtype: str) -> "NDArray[np.number]":
    width = np.dtype(dtype).itemsize
    return np.ascontiguousarray(rows[:, at : at + width]).view(dtype)[:, 0]


def _steps(rows: "NDArray[np.uint8]", varint: slice) -> "NDArray[np.int64]":
    steps = np.zeros(len(rows), np.uint64)
    for shift, column in enumerate(range(varint.start, varint.stop)):
        steps |= (rows[:, column].astype(np.uint64) & np.uint64(0x7F)) << np.uint64(7 * shift)
    return steps.view(np.int64)


def _checksums(rows: "NDArray[np.uint8]", layout: EventLayout, size: int) -> "NDArray[np.uint32]":
    """The masked CRC-32C of each row's payload."""
    tables = crc.contributions(_MAX_PAYLOAD)
    first = rows[0, :size]
    total = np.full(len(rows), crc32c(first.tobytes()), np.uint32)
    columns = np.array(_varying_columns(layout))
    differ = rows[:, columns] ^ first[columns]
    for place in np.flatnonzero(np.bitwise_or.reduce(differ, axis=0)).tolist():
        total ^= tables[size - 1 - int(columns[place])][differ[:, place]]
    return crc.masked(total)


def _first_record(batch: Batch) -> int:
    return int(batch.records[0])


def _by_tag(batches: list[Batch]) -> list[Batch]:
    """One batch per tag, its points in the order of their records."""
    grouped: dict[bytes, list[Batch]] = {}
    for batch in batches:
        grouped.setdefault(batch.tag, []).append(batch)
    return [parts[0] if len(parts) == 1 else _joined(tag, parts) for tag, parts in grouped.items()]


def _joined(tag: bytes, parts: list[Batch]) -> Batch:
    records, steps, values, wall_times = (np.concatenate(columns) for columns in list(zip(*parts, strict=True))[1:])
    order = np.argsort(records, kind="stable")
    return Batch(tag, records[order], steps[order], values[order], wall_times[order])


def _before(batch: Batch, intact: int) -> Batch:
    """The batch without the points of the first damaged record and those after it."""
    if not len(batch.records) or batch.records[-1] < intact:
        return batch
    keep = batch.records < intact
    return Batch(batch.tag, batch.records[keep], batch.steps[keep], batch.values[keep], batch.wall_times[keep])

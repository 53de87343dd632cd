"""Thousands of records at once: scalars of the same shape are decoded, and their checksums checked, as numpy columns.

Within one curve nearly every record has the same bytes at the same places; only wall time, step and value differ. So a
record is located once, all records that equal it elsewhere are read by slicing, and only the columns that differ enter
the checksum: each byte's contribution comes from a table (see crc.py) and the rest is a constant.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from google_crc32c import value as crc32c

from labtui.store import crc, decode_scalar
from labtui.store.decode_scalar import Located, NotAnEvent, Point
from labtui.store.tfrecord import Frames, is_whole

if TYPE_CHECKING:  # numpy.typing is slow to import
    from numpy.typing import NDArray

_FEWEST = 8
"""Records below which the plain decoder is faster than a template."""

_WORD = 8
"""Bytes that are compared at a time."""

_WIDEST = 512
"""Bytes of the longest payload that is decoded in columns; scalars are about 40."""

_MOST_SHAPES = 256
"""Templates that are tried for one length before the rest is left to the plain decoder."""


class Batch(NamedTuple):
    """Points of one tag, in the order of their records."""

    tag: bytes
    records: "NDArray[np.int64]"
    """Which record of the block each point stood in."""
    steps: "NDArray[np.int64]"
    values: "NDArray[np.float32]"
    wall_times: "NDArray[np.float64]"


class Block(NamedTuple):
    """What a stretch of an event file holds."""

    batches: list[Batch]
    """One per tag, in the order in which the tags first came."""
    whole: int
    """Records before the first one whose checksum is wrong (all of them, where none is)."""
    unknown: int
    """Records with a right checksum that are no events."""


def decode_block(content: bytes, frames: Frames) -> Block:
    """The points of all records before the first damaged one."""
    starts, sizes = np.asarray(frames.starts, np.int64), np.asarray(frames.sizes, np.int64)
    padded = np.frombuffer(content + bytes(_WORD), np.uint8)
    batches: list[Batch] = []
    rest: list[int] = np.flatnonzero(sizes > _WIDEST).tolist()
    for size in np.flatnonzero(np.bincount(np.minimum(sizes, _WIDEST + 1))[: _WIDEST + 1]).tolist():
        records = np.flatnonzero(sizes == size)
        if len(records) < _FEWEST:
            rest.extend(records.tolist())
            continue
        found, left = _same_size(padded, starts, records, size)
        batches.extend(found)
        rest.extend(left)
    plain, whole, unknown = _plainly(content, frames, sorted(rest))
    found = [before for batch in _by_tag([*batches, *plain]) if len((before := _before(batch, whole)).records)]
    return Block(sorted(found, key=_first_record), whole, unknown)


def decode_plain(content: bytes, frames: Frames) -> Block:
    """The same for the few records of a tail."""
    plain, whole, unknown = _plainly(content, frames, range(len(frames.starts)))
    return Block(plain, whole, unknown)


def _plainly(content: bytes, frames: Frames, records: Iterable[int]) -> tuple[list[Batch], int, int]:
    found: dict[bytes, list[tuple[int, Point]]] = {}
    unknown = 0
    for record in records:
        start, size = int(frames.starts[record]), int(frames.sizes[record])
        if not is_whole(content, start, size):
            return _batches(found), record, unknown
        try:
            for point in decode_scalar.points(content[start : start + size]):
                found.setdefault(point.tag, []).append((record, point))
        except NotAnEvent:
            unknown += 1
    return _batches(found), len(frames.starts), unknown


def _batches(found: dict[bytes, list[tuple[int, Point]]]) -> list[Batch]:
    with np.errstate(over="ignore"):  # a double beyond float32 becomes an infinity
        return [
            Batch(
                tag,
                np.array([record for record, _ in pairs], np.int64),
                np.array([point.step for _, point in pairs], np.int64),
                np.array([point.value for _, point in pairs], np.float64).astype(np.float32),
                np.array([point.wall_time for _, point in pairs], np.float64),
            )
            for tag, pairs in found.items()
        ]


def _same_size(
    padded: "NDArray[np.uint8]", starts: "NDArray[np.int64]", records: "NDArray[np.int64]", size: int
) -> tuple[list[Batch], list[int]]:
    """The points of records of one length, and the records left to the plain decoder."""
    width = size + 4 + -(size + 4) % _WORD
    rows = np.lib.stride_tricks.sliding_window_view(padded, width)[starts[records]]
    batches: list[Batch] = []
    left: list[int] = []
    for _ in range(_MOST_SHAPES):
        if len(records) < _FEWEST:
            break
        located = _template(rows[0, :size].tobytes())
        alike = _alike(rows, located, size) if located else np.zeros(len(records), np.bool_)
        if located and alike.sum() >= _FEWEST:
            batch, damaged = _columns(*_those(alike, rows, records), located, size)
            batches.append(batch)
            left.extend(damaged)
        else:
            alike[:] = False
            alike[0] = True
            left.append(int(records[0]))
        rows, records = _those(~alike, rows, records)
    return batches, [*left, *records.tolist()]


def _those(
    chosen: "NDArray[np.bool_]", rows: "NDArray[np.uint8]", records: "NDArray[np.int64]"
) -> "tuple[NDArray[np.uint8], NDArray[np.int64]]":
    return (rows, records) if chosen.all() else (rows[chosen], records[chosen])


def _template(payload: bytes) -> Located | None:
    try:
        located = decode_scalar.locate(payload)
    except NotAnEvent:
        return None
    return located if len(located.scalars) == 1 and located.wall_time >= 0 else None


def _free(located: Located) -> list[int]:
    """The columns in which records of one curve may differ."""
    place = located.scalars[0]
    return [
        *range(located.wall_time, located.wall_time + 8),
        *range(located.step.start, located.step.stop),
        *range(place.value, place.value + place.width),
    ]


def _alike(rows: "NDArray[np.uint8]", located: Located, size: int) -> "NDArray[np.bool_]":
    """Which rows equal the first one but for wall time, step and value; eight bytes at a time."""
    fixed = np.zeros(rows.shape[1], np.uint8)
    fixed[:size] = 0xFF
    fixed[_free(located)] = 0
    fixed[located.step] = 0x80  # a varint of equal length has its continuation bits in the same places
    words, masks = rows.view(np.uint64), fixed.view(np.uint64)
    differ = np.zeros(len(rows), np.uint64)
    for word in np.flatnonzero(masks).tolist():
        differ |= (words[:, word] ^ words[0, word]) & masks[word]
    alike: NDArray[np.bool_] = differ == 0
    return alike


def _columns(
    rows: "NDArray[np.uint8]", records: "NDArray[np.int64]", located: Located, size: int
) -> tuple[Batch, list[int]]:
    """The points of rows that are alike, and the records whose checksum is wrong."""
    good = _checksums(rows, located, size) == _view(rows, size, "<u4")
    damaged: list[int] = [] if good.all() else records[~good].tolist()
    if damaged:
        rows, records = rows[good], records[good]
    place = located.scalars[0]
    wall_times = _view(rows, located.wall_time, "<f8").astype(np.float64)
    with np.errstate(over="ignore"):  # a double beyond float32 becomes an infinity
        values = _view(rows, place.value, f"<f{place.width}").astype(np.float32)
    tag = rows[0, place.tag].tobytes() if len(rows) else b""
    return Batch(tag, records, _steps(rows, located.step), values, wall_times), damaged


def _view(rows: "NDArray[np.uint8]", at: int, kind: str) -> "NDArray[np.number]":
    width = np.dtype(kind).itemsize
    return np.ascontiguousarray(rows[:, at : at + width]).view(kind)[:, 0]


def _steps(rows: "NDArray[np.uint8]", place: slice) -> "NDArray[np.int64]":
    steps = np.zeros(len(rows), np.uint64)
    for shift, column in enumerate(range(place.start, place.stop)):
        steps |= (rows[:, column].astype(np.uint64) & np.uint64(0x7F)) << np.uint64(7 * shift)
    return steps.view(np.int64)


def _checksums(rows: "NDArray[np.uint8]", located: Located, size: int) -> "NDArray[np.uint32]":
    """The masked CRC-32C of each row's payload."""
    tables = crc.contributions(_WIDEST)
    first = rows[0, :size]
    total = np.full(len(rows), crc32c(first.tobytes()), np.uint32)
    columns = np.array(_free(located))
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


def _before(batch: Batch, whole: int) -> Batch:
    """The batch without what stood in or after the first damaged record."""
    if not len(batch.records) or batch.records[-1] < whole:
        return batch
    keep = batch.records < whole
    return Batch(batch.tag, batch.records[keep], batch.steps[keep], batch.values[keep], batch.wall_times[keep])

"""What a reader knows of a run folder as the content of one file, and back: its points, and how far they reach.

    magic | checksum | size of the index | index | arrays, each at a multiple of eight bytes

The checksum is of all that follows it. Numbers have this machine's byte order: to another one the checksum is wrong.
No I/O: where such files lie is curve_cache.py's business.
"""

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from google_crc32c import value as crc32c

from labtui import __version__

if TYPE_CHECKING:  # numpy comes with the first points
    from mmap import mmap

    from numpy.typing import NDArray

    from labtui.store.curve import Points

_MAGIC = b"ltcurve1"
"""The digit is the schema's number: to be raised when anything here changes."""

_SUM = struct.Struct("=I")
_SIZE = struct.Struct("=I")
HEAD = len(_MAGIC) + _SUM.size
"""Bytes before those that the checksum is of."""

_INDEX = HEAD + _SIZE.size
_KINDS = ("i8", "f4", "f8", "i4")
"""Of steps, values, wall times and ranks."""


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """A file as a folder listing shows it."""

    device: int
    inode: int
    size: int
    modified: int
    """Nanoseconds, as `changed`."""
    changed: int
    """When content, owner or name changed; unlike `modified`, nobody can set it back."""


class KeptFile(msgspec.Struct, frozen=True, array_like=True):
    """How far an event file was read."""

    name: bytes
    stamp: Stamp | None
    """As it was from before its first byte was read until the last; None where it changed, or had just changed."""
    offset: int
    """Bytes read: whole records."""
    checksum: int
    """CRC-32C of these bytes."""
    unknown: int
    """Records that are no events."""
    last: tuple[bytes, int] | None
    """Tag and step of the last point."""


class Kept(NamedTuple):
    """A run's points, and the files that they are from."""

    files: tuple[KeptFile, ...]
    series: "dict[bytes, Points]"
    """By tag, in the order in which the tags first came."""
    left_out: int
    """Points of tags beyond those that are shown."""


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    tag: bytes
    points: int
    places: tuple[int, int, int, int]
    """Of the four arrays, from the end of the index on."""


class _Index(msgspec.Struct, frozen=True, array_like=True):
    labtui: str
    run: bytes
    """The folder; the name of the file is only a hash of it."""
    files: tuple[KeptFile, ...]
    left_out: int
    series: tuple[_Entry, ...]


class NotKept(ValueError):
    """Content that is damaged, of another labtui, or of another run."""


def encode(run: bytes, kept: Kept) -> bytes:
    """The content of a file about this run folder. Arrays that are equal, as the steps of most tags, are written once.

    Raises OverflowError where a file's time stamp does not fit into 64 bits.
    """
    places: dict[bytes, int] = {}
    end = 0
    entries = []
    for tag, points in kept.series.items():
        own = []
        for array in points:
            raw = array.tobytes()
            if raw not in places:
                places[raw] = end
                end += len(raw) + -len(raw) % 8
            own.append(places[raw])
        entries.append(_Entry(tag, len(points.steps), (own[0], own[1], own[2], own[3])))
    index = msgspec.msgpack.encode(_Index(__version__, run, kept.files, kept.left_out, tuple(entries)))
    parts = [_SIZE.pack(len(index))]
    for part in (index, *places):
        parts += [part, bytes(-len(part) % 8)]
    body = b"".join(parts)
    return head(crc32c(body)) + body


def head(checksum: int) -> bytes:
    """How a file begins whose rest has this CRC-32C."""
    return _MAGIC + _SUM.pack(checksum)


def decode(run: bytes, content: "mmap | bytes") -> Kept:
    """What was kept of this run folder; the arrays are views of `content`, whose checksum was compared. Raises NotKept.

    Right though the checksum is, nothing is believed that would reach beyond the content.
    """
    if len(content) < _INDEX:
        raise NotKept("cut short")
    (size,) = _SIZE.unpack_from(content, HEAD)
    try:
        index = msgspec.msgpack.decode(content[_INDEX : _INDEX + size], type=_Index)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
        raise NotKept(str(fault)) from fault
    if (index.labtui, index.run) != (__version__, run):
        raise NotKept("of another labtui or another run")
    base = _INDEX + size + -size % 8
    return Kept(index.files, {entry.tag: _points(content, base, entry) for entry in index.series}, index.left_out)


def _points(content: "mmap | bytes", base: int, entry: _Entry) -> "Points":
    from labtui.store.curve import Points

    places = zip(_KINDS, entry.places, strict=True)
    return Points(*(_array(content, kind, base, place, entry.points) for kind, place in places))


def _array(content: "mmap | bytes", kind: str, base: int, place: int, count: int) -> "NDArray[Any]":
    import numpy as np

    if place < 0 or count <= 0 or base + place + count * np.dtype(kind).itemsize > len(content):
        raise NotKept("an array reaches beyond the file")
    return np.frombuffer(content, kind, count, base + place)

"""Decode the scalars in the payload of one TensorBoard record.

This is the plain decoder, for a few records; decode_vectorized.py decodes thousands at once. Both find a scalar with
the same `locate`. The field numbers are those of TensorFlow's Event, Summary and TensorProto messages.
"""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from labtui.store.wire import BYTES, FIXED32, FIXED64, VARINT, NotAnEvent, fields, varint

_DOUBLE = struct.Struct("<d")
_FLOAT = struct.Struct("<f")

_FLOAT_TYPE, _DOUBLE_TYPE = 1, 2
_SCALARS = b"scalars"
_OTHER_FIELDS = {4: "image", 5: "histogram", 6: "audio"}
"""Of a Summary.Value, what its fields hold in the first version of the format."""

_OTHER_PLUGINS = {
    b"images": "image", b"histograms": "histogram", b"audio": "audio", b"text": "text", b"pr_curves": "PR curve",
    b"mesh": "mesh",
}  # fmt: skip
"""The same in the second version, by the plugin that shows it."""

_START = 1
"""The status of a SessionLog."""


class Point(NamedTuple):
    """One scalar of a record."""

    tag: bytes
    wall_time: float
    step: int
    value: float


class ScalarLocation(NamedTuple):
    """Where in a payload a scalar is."""

    tag: slice
    value: int
    width: int
    """4 for a float32, 8 for a float64."""


@dataclass(slots=True)
class EventLayout:
    """Where in a payload the parts of an event are."""

    wall_time: int = -1
    """-1 if absent."""
    step: slice = field(default_factory=lambda: slice(0, 0))
    """The varint's bytes; empty if absent, which means 0."""
    scalars: list[ScalarLocation] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """What the event holds besides scalars: "image", "histogram", …"""


def points(payload: bytes) -> list[Point]:
    """The scalars of a record; none if it contains something else. Raises NotAnEvent."""
    if point := _common_point(payload):
        return [point]
    layout = locate(payload)
    if not layout.scalars:
        return []
    wall_time: float = _DOUBLE.unpack_from(payload, layout.wall_time)[0] if layout.wall_time >= 0 else 0.0
    step = _signed(varint(payload, layout.step.start)[0]) if layout.step.stop else 0
    return [
        Point(payload[scalar.tag], wall_time, step, _number(payload, scalar.value, scalar.width))
        for scalar in layout.scalars
    ]


def _common_point(payload: bytes) -> Point | None:
    """The point of a record in the layout that labtui and most writers use, ten times as fast; None for any other.

    The layout is wall time, step and a summary of one short tag with a float32, in this order and nothing else. Every
    byte is checked, so no other record is mistaken for one.
    """
    size = len(payload)
    if size < 24 or payload[0] != 0x09 or payload[9] != 0x10:
        return None
    at, step, shift = 10, payload[10] & 0x7F, 0
    while payload[at] & 0x80 and at < 18:
        at, shift = at + 1, shift + 7
        step |= (payload[at] & 0x7F) << shift
    at += 1
    rest = size - at
    if rest < 11 or rest > 127 or payload[at - 1] & 0x80:
        return None
    tag = rest - 11
    if payload[at : at + 6] != bytes((0x2A, rest - 2, 0x0A, rest - 4, 0x0A, tag)) or payload[size - 5] != 0x15:
        return None
    return Point(payload[at + 6 : size - 5], _number(payload, 1, 8), step, _number(payload, size - 4, 4))


def locate(payload: bytes) -> EventLayout:
    """Find wall time, step and scalars of an event. Raises NotAnEvent."""
    layout = EventLayout()
    try:
        for number, kind, start, end in fields(payload, 0, len(payload)):
            if number == 1 and kind == FIXED64:
                layout.wall_time = start
            elif number == 2 and kind == VARINT:
                layout.step = slice(start, end)
            elif number == 5 and kind == BYTES:
                for inner, inner_kind, inner_start, inner_end in fields(payload, start, end):
                    if inner == 1 and inner_kind == BYTES:
                        _locate_value(payload, inner_start, inner_end, layout)
    except IndexError as error:
        raise NotAnEvent("truncated") from error
    return layout


def restart_step(payload: bytes) -> int | None:
    """The step at which a writer began anew, if the record says so (`SummaryWriter(purge_step=…)`).

    It is an event with a SessionLog of status START: what was written before it, from this step on, no longer counts
    (TensorBoard's EventAccumulator). Raises NotAnEvent.
    """
    step, started = 0, False
    try:
        for number, kind, start, end in fields(payload, 0, len(payload)):
            if number == 2 and kind == VARINT:
                step = _signed(varint(payload, start)[0])
            elif number == 7 and kind == BYTES:
                started = any(
                    inner == 1 and inner_kind == VARINT and varint(payload, inner_start)[0] == _START
                    for inner, inner_kind, inner_start, _ in fields(payload, start, end)
                )
    except IndexError as error:
        raise NotAnEvent("truncated") from error
    return step if started else None


def _locate_value(payload: bytes, start: int, end: int, layout: EventLayout) -> None:
    """Of a Summary.Value: its tag, and its number if it is a scalar."""
    tag = slice(start, start)
    number: tuple[int, int] | None = None
    plugin = b""
    other = ""
    for name, kind, begin, stop in fields(payload, start, end):
        if name == 1 and kind == BYTES:
            tag = slice(begin, stop)
        elif name == 2 and kind == FIXED32:
            number = begin, 4
        elif name == 8 and kind == BYTES:
            number = _locate_tensor(payload, begin, stop)
        elif name == 9 and kind == BYTES:
            plugin = _plugin(payload, begin, stop)
        elif kind == BYTES:
            other = _OTHER_FIELDS.get(name, other)
    if number and plugin in (b"", _SCALARS):
        layout.scalars.append(ScalarLocation(tag, *number))
    elif other := other or _OTHER_PLUGINS.get(plugin, ""):
        layout.others.append(other)


def _locate_tensor(payload: bytes, start: int, end: int) -> tuple[int, int] | None:
    """Of a TensorProto: place and width of its only number; None unless it is a float or double scalar."""
    dtype, rank = 0, 0
    places: list[tuple[int, int]] = []
    for name, kind, begin, stop in fields(payload, start, end):
        if name == 1 and kind == VARINT:
            dtype = varint(payload, begin)[0]
        elif name == 2 and kind == BYTES:
            rank = sum(1 for inner, *_ in fields(payload, begin, stop) if inner == 2)
        elif name in (4, 5, 6) and kind in (BYTES, FIXED32, FIXED64):
            places.append((begin, stop - begin))
    width = {_FLOAT_TYPE: 4, _DOUBLE_TYPE: 8}.get(dtype)
    if rank or len(places) != 1 or places[0][1] != width:
        return None
    return places[0]


def _plugin(payload: bytes, start: int, end: int) -> bytes:
    """Of a SummaryMetadata: the name of its plugin."""
    for name, kind, begin, stop in fields(payload, start, end):
        if name == 1 and kind == BYTES:
            for inner, inner_kind, inner_begin, inner_stop in fields(payload, begin, stop):
                if inner == 1 and inner_kind == BYTES:
                    return payload[inner_begin:inner_stop]
    return b""


def _signed(number: int) -> int:
    number &= 2**64 - 1
    return number - 2**64 if number >= 2**63 else number


def _number(payload: bytes, at: int, width: int) -> float:
    value: float = (_FLOAT if width == 4 else _DOUBLE).unpack_from(payload, at)[0]
    return value

"""Scalars as TensorBoard writes them: protocol-buffer `Event` messages in records.

The few fields that a scalar needs are written here by hand, so neither the engine nor the console needs protobuf or
tensorboard. The format of the records is in tfrecord.py; decoding is in decode_scalar.py.
"""

import math
import struct

from labtui.store.tfrecord import frame

FILE_VERSION = b"brain.Event:2"
"""What the first record of an event file carries."""

_FLOAT = struct.Struct("<f")
_WALL_TIME = struct.Struct("<Bd")


def version_event(wall_time: float) -> bytes:
    """The record that every event file begins with."""
    return frame(_WALL_TIME.pack(0x09, wall_time) + b"\x1a" + _sized(FILE_VERSION))


def scalar_event(wall_time: float, step: int, tag: str, value: float) -> bytes:
    """One point of a curve as a record: `wall_time` in seconds since the epoch, `value` stored as float32.

    `step` is an int64. Infinities and NaN are kept; a value beyond float32 becomes an infinity.
    """
    point = b"\x0a" + _sized(tag.encode()) + b"\x15" + float32(value)
    summary = b"\x0a" + _sized(point)
    return frame(_WALL_TIME.pack(0x09, wall_time) + b"\x10" + varint(step) + b"\x2a" + _sized(summary))


def float32(value: float) -> bytes:
    """The four bytes of a float32, little endian."""
    try:
        return _FLOAT.pack(value)
    except OverflowError:
        return _FLOAT.pack(math.copysign(math.inf, value))


def varint(number: int) -> bytes:
    """An int64 as protocol buffers write it: seven bits per byte; a negative one as its two's complement, ten bytes."""
    if not -(2**63) <= number < 2**63:
        raise OverflowError(f"{number} does not fit into 64 bits")
    number &= 2**64 - 1
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def _sized(content: bytes) -> bytes:
    return varint(len(content)) + content

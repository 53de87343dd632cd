"""TensorBoard's event format, written: framed, CRC-protected protocol-buffer records.

A record is its length (8 bytes, little endian), the masked CRC-32C of these 8 bytes, the payload, the masked CRC-32C of
the payload. The payload is an `Event`; the few fields that a scalar needs are written here by hand, so that neither the
engine nor the console needs protobuf or tensorboard. Decoding is in decode_scalar.py.
"""

import math
import struct

from google_crc32c import value as crc32c

FILE_VERSION = b"brain.Event:2"
"""What the first record of an event file carries."""

HEADER = 12
"""Bytes before a payload: its length and the CRC of the length."""

FOOTER = 4
"""Bytes after a payload: its CRC."""

LONGEST_RECORD = 64 << 20
"""Bytes of the longest payload that is believed; a larger length field is taken for damage."""

_MASK = 0xFFFFFFFF
_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_FLOAT = struct.Struct("<f")
_WALL_TIME = struct.Struct("<Bd")


def masked_crc(data: bytes | memoryview) -> int:
    """CRC-32C, rotated and offset as the format wants it, so that a CRC over data with CRCs inside stays a good one."""
    crc: int = crc32c(bytes(data))
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & _MASK


def frame(payload: bytes) -> bytes:
    """One record, ready to append to an event file."""
    length = _LENGTH.pack(len(payload))
    return b"".join((length, _CRC.pack(masked_crc(length)), payload, _CRC.pack(masked_crc(payload))))


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
    """An int64 as protocol buffers write it: seven bits a byte; a negative one as its two's complement, ten bytes."""
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

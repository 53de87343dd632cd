"""The wire format of protocol buffers, as far as event files need it."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""


class NotAnEvent(ValueError):
    """A record's checksum is right but its content is not an event."""


def fields(payload: bytes, at: int, end: int) -> list[tuple[int, int, int, int]]:
    """Number, wire type, start and end of each field of a message. Raises NotAnEvent, IndexError."""
    found = []
    while at < end:
        key, at = varint(payload, at)
        kind = key & 7
        if kind == VARINT:
            following = varint(payload, at)[1]
        elif kind == FIXED64:
            following = at + 8
        elif kind == FIXED32:
            following = at + 4
        elif kind == BYTES:
            size, at = varint(payload, at)
            following = at + size
        else:
            raise NotAnEvent(f"wire type {kind}")
        if following > end:
            raise NotAnEvent("a field reaches beyond its message")
        found.append((key >> 3, kind, at, following))
        at = following
    return found


def varint(payload: bytes, at: int) -> tuple[int, int]:
    """The number that begins at a byte, and where the next field begins. Raises NotAnEvent, IndexError."""
    number = shift = 0
    while True:
        byte = payload[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > 63:
            raise NotAnEvent("a number of more than ten bytes")

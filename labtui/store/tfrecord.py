"""TensorBoard's record format: frames that are protected by CRCs, written and found.

A record is its length (8 bytes, little endian), the masked CRC-32C of these 8 bytes, the payload, and the masked
CRC-32C of the payload. `find_frames` walks from record to record. `find_many_frames` does the same for a large backlog
in numpy: a length below 65,536 ends in six zero bytes, so all places where a record can begin are found in one pass,
and the walk becomes a look-up.
"""

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from google_crc32c import value as crc32c

if TYPE_CHECKING:  # numpy is imported where it is used: short reads do not need it
    import numpy as np
    from numpy.typing import NDArray

HEADER = 12
"""Bytes before a payload: its length and the CRC of the length."""

FOOTER = 4
"""Bytes after a payload: its CRC."""

MAX_RECORD_BYTES = 64 << 20
"""A longer record, which holds an image or a graph and no scalar, is passed over without being read."""

MAX_CLAIMED_BYTES = 1 << 40
"""A longer length field is taken for damage."""

_LENGTH = struct.Struct("<Q")
_HEADER = struct.Struct("<QI")
_CRC = struct.Struct("<I")


class Frames(NamedTuple):
    """The whole records in a stretch of an event file."""

    starts: "list[int] | NDArray[np.int64]"
    """Where each payload begins: an array if there are many."""
    sizes: "list[int] | NDArray[np.int64]"
    """Bytes of each payload."""
    end: int
    """Where the first record begins that is incomplete or damaged."""
    wants: int
    """Bytes from `end` on that must exist before anything more can be read."""
    damage: str = ""
    """Why reading cannot continue after `end`; empty if it can."""
    zeros_follow: bool = False
    """Whether only zero bytes follow, see `is_unwritten`."""
    skips: bool = False
    """Whether the record at `end`, of `wants` bytes, is too large to be read and to be passed over."""


def masked_crc(data: bytes | memoryview) -> int:
    """CRC-32C, rotated and offset as the format requires, so that a CRC over data that contains CRCs stays useful."""
    crc: int = crc32c(bytes(data))
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def frame(payload: bytes) -> bytes:
    """One record, ready to be appended to an event file."""
    length = _LENGTH.pack(len(payload))
    return b"".join((length, _CRC.pack(masked_crc(length)), payload, _CRC.pack(masked_crc(payload))))


def find_frames(content: bytes, at: int = 0) -> Frames:
    """Find the whole records from `at` on. Lengths are checked, payloads are not."""
    starts: list[int] = []
    sizes: list[int] = []
    total = len(content)
    while at + HEADER <= total:
        size, crc = _HEADER.unpack_from(content, at)
        if crc != _length_crc(size):
            if is_unwritten(content, at + 8, _length_crc(size)):
                return Frames(starts, sizes, at, HEADER, zeros_follow=True)
            return Frames(starts, sizes, at, HEADER, "the checksum of a record's length does not match")
        if size > MAX_CLAIMED_BYTES:
            return Frames(starts, sizes, at, HEADER, f"a record claims to be {size:,} bytes long")
        following = at + HEADER + size + FOOTER
        if size > MAX_RECORD_BYTES:
            return Frames(starts, sizes, at, following - at, skips=True)
        if following > total:
            return Frames(starts, sizes, at, following - at)
        starts.append(at + HEADER)
        sizes.append(size)
        at = following
    return Frames(starts, sizes, at, HEADER)


def is_unwritten(content: bytes, at: int, crc: int) -> bool:
    """Whether the checksum at `at`, which is not `crc`, has merely not been written yet.

    Then all bytes from there on, or from within it, are zero. On a network disk, and after a power cut, the length of a
    file arrives before its content.
    """
    wanted = _CRC.pack(crc)
    return any(
        content[at : at + known] == wanted[:known] and content.count(0, at + known) == len(content) - at - known
        for known in range(_CRC.size)
    )


def payload_crc(content: bytes, start: int, size: int) -> int:
    """The checksum that a payload should have."""
    return masked_crc(content[start : start + size])


def is_intact(content: bytes, start: int, size: int) -> bool:
    """Whether a payload's checksum is right."""
    (crc,) = _CRC.unpack_from(content, start + size)
    return bool(crc == payload_crc(content, start, size))


def find_many_frames(content: bytes) -> Frames:
    """The same as `find_frames`, several times as fast if there are many records."""
    import numpy as np

    starts, sizes = _prefix(content)
    rest = find_frames(content, int(starts[-1] + sizes[-1]) + FOOTER if len(starts) else 0)
    if rest.starts:
        starts, sizes = np.append(starts, rest.starts), np.append(sizes, rest.sizes)
    return rest._replace(starts=starts, sizes=sizes)


def _prefix(content: bytes) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Starts and sizes of the records before the first one that is incomplete, too long, or has a wrong length."""
    import numpy as np

    if len(content) < HEADER + FOOTER:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    headers, sizes = _headers(content)
    ends = headers + (HEADER + FOOTER) + sizes
    following = np.searchsorted(headers, ends)
    following[ends != np.append(headers, -1)[following]] = -1
    chain = _chain(headers, following)
    chain = chain[ends[chain] <= len(content)]
    return headers[chain] + HEADER, sizes[chain]


def _headers(content: bytes) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """All places that look like the header of a record, and the sizes that they claim."""
    import numpy as np

    from labtui.store import crc

    candidates = len(content) - HEADER + 1
    zero = np.frombuffer(content, np.uint8) == 0
    zeros = zero[:-1] & zero[1:]
    places = np.flatnonzero(zeros[2 : 2 + candidates] & zeros[4 : 4 + candidates] & zeros[6 : 6 + candidates])
    sizes = _overlapping(content, "<u2", 0, candidates)[places].astype(np.int64)
    good = _overlapping(content, "<u4", 8, candidates)[places] == crc.masked_of_lengths()[sizes]
    return places[good], sizes[good]


def _overlapping(content: bytes, dtype: str, offset: int, count: int) -> "NDArray[np.unsignedinteger]":
    """The number that begins at each byte from `offset` on: a view whose items overlap."""
    import numpy as np

    return np.ndarray((count,), dtype, content, offset, (1,))


def _chain(headers: "NDArray[np.int64]", following: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The headers that are met when walking from the very first byte, as indices.

    Usually each follows the one before it; where a payload contains what looks like a header, the walk skips it.
    """
    import numpy as np

    if not len(headers) or headers[0] != 0:
        return np.empty(0, np.int64)
    pieces: list[NDArray[np.int64]] = []
    here = 0
    for jump in np.flatnonzero(following != np.arange(1, len(headers) + 1)).tolist():
        if jump < here:
            continue
        pieces.append(np.arange(here, jump + 1))
        here = int(following[jump])
        if here < 0:
            break
    return np.concatenate(pieces)


@lru_cache(maxsize=4096)
def _length_crc(size: int) -> int:
    return masked_crc(size.to_bytes(8, "little"))

"""TensorBoard's event format, read: whole records out of bytes.

`find_frames` walks from record to record. `find_many_frames` does the same for a backlog in numpy: a length below
65,536 ends in six zero bytes, so the places that can begin a record are found in one pass and the walk is a look-up.
"""

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from labtui.store.encode_scalar import FOOTER, HEADER, LONGEST_RECORD, masked_crc

if TYPE_CHECKING:  # numpy is imported where it is used: a tail needs none here
    import numpy as np
    from numpy.typing import NDArray

_HEADER = struct.Struct("<QI")
_CRC = struct.Struct("<I")


class Frames(NamedTuple):
    """The whole records in a stretch of an event file."""

    starts: "list[int] | NDArray[np.int64]"
    """Where each payload begins: an array where there are many."""
    sizes: "list[int] | NDArray[np.int64]"
    """Bytes of each payload."""
    end: int
    """Where the first record begins that is not whole yet, or that is damaged."""
    wants: int
    """Bytes from `end` on that must be there before anything more can be read."""
    fault: str = ""
    """Why reading cannot go on after `end`; empty where it can."""
    hollow: bool = False
    """Whether nothing but zero bytes follows, see `unwritten`."""


def find_frames(content: bytes, at: int = 0) -> Frames:
    """The whole records from `at` on. Lengths are checked, payloads not."""
    starts: list[int] = []
    sizes: list[int] = []
    total = len(content)
    while at + HEADER <= total:
        size, crc = _HEADER.unpack_from(content, at)
        if crc != _length_crc(size):
            if unwritten(content, at + 8, _length_crc(size)):
                return Frames(starts, sizes, at, HEADER, hollow=True)
            return Frames(starts, sizes, at, HEADER, "the checksum of a record's length does not match")
        if size > LONGEST_RECORD:
            return Frames(starts, sizes, at, HEADER, f"a record claims to be {size:,} bytes long")
        following = at + HEADER + size + FOOTER
        if following > total:
            return Frames(starts, sizes, at, following - at)
        starts.append(at + HEADER)
        sizes.append(size)
        at = following
    return Frames(starts, sizes, at, HEADER)


def unwritten(content: bytes, at: int, crc: int) -> bool:
    """Whether a checksum at `at` that is not `crc` has only not been written yet: from there on, or from within it, all
    bytes are zero. On a network disk, and after a power cut, the length of a file arrives before its content."""
    wanted = _CRC.pack(crc)
    return any(
        content[at : at + known] == wanted[:known] and content.count(0, at + known) == len(content) - at - known
        for known in range(_CRC.size)
    )


def payload_crc(content: bytes, start: int, size: int) -> int:
    """The checksum that a payload should have."""
    return masked_crc(content[start : start + size])


def is_whole(content: bytes, start: int, size: int) -> bool:
    """Whether a payload's checksum is right."""
    (crc,) = _CRC.unpack_from(content, start + size)
    return bool(crc == payload_crc(content, start, size))


def find_many_frames(content: bytes) -> Frames:
    """The same as `find_frames`, several times faster where there are many."""
    import numpy as np

    starts, sizes = _prefix(content)
    rest = find_frames(content, int(starts[-1] + sizes[-1]) + FOOTER if len(starts) else 0)
    if rest.starts:
        starts, sizes = np.append(starts, rest.starts), np.append(sizes, rest.sizes)
    return rest._replace(starts=starts, sizes=sizes)


def _prefix(content: bytes) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Starts and sizes of the records before the first one that is not whole, too long, or has a wrong length."""
    import numpy as np

    if len(content) < HEADER + FOOTER:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    places, sizes = _headers(content)
    ends = places + (HEADER + FOOTER) + sizes
    following = np.searchsorted(places, ends)
    following[ends != np.append(places, -1)[following]] = -1
    chain = _chain(places, following)
    chain = chain[ends[chain] <= len(content)]
    return places[chain] + HEADER, sizes[chain]


def _headers(content: bytes) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """All places that look like the header of a record, and the sizes that they claim."""
    import numpy as np

    from labtui.store import crc

    room = len(content) - HEADER + 1
    zero = np.frombuffer(content, np.uint8) == 0
    zeros = zero[:-1] & zero[1:]
    places = np.flatnonzero(zeros[2 : 2 + room] & zeros[4 : 4 + room] & zeros[6 : 6 + room])
    sizes = _at(content, "<u2", 0, room)[places].astype(np.int64)
    good = _at(content, "<u4", 8, room)[places] == crc.masked_of_lengths()[sizes]
    return places[good], sizes[good]


def _at(content: bytes, kind: str, offset: int, count: int) -> "NDArray[np.unsignedinteger]":
    """The number that begins at each byte from `offset` on: a view, whose items overlap."""
    import numpy as np

    return np.ndarray((count,), kind, content, offset, (1,))


def _chain(places: "NDArray[np.int64]", following: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The headers met when walking from the first byte of all, as indices.

    Mostly one follows the other; where a payload holds what looks like a header, the walk jumps over it.
    """
    import numpy as np

    if not len(places) or places[0] != 0:
        return np.empty(0, np.int64)
    pieces: list[NDArray[np.int64]] = []
    here = 0
    for jump in np.flatnonzero(following != np.arange(1, len(places) + 1)).tolist():
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

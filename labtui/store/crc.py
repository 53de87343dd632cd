"""CRC-32C of many byte strings at once, as numpy columns.

A CRC is linear over bits: if one byte changes, the sum changes by an amount that depends only on the change and on how
many bytes follow. So the sums of strings that differ in a few columns are one sum plus a table look-up per column.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from google_crc32c import value as crc32c

if TYPE_CHECKING:  # numpy.typing is slow to import
    from numpy.typing import NDArray

_LENGTH_BYTES = 8


@cache
def contributions(count: int) -> "list[NDArray[np.uint32]]":
    """For each number of following bytes below `count`: by what a byte of each value changes the sum."""
    zero = crc32c(b"\0")
    last = np.array([crc32c(bytes([byte])) ^ zero for byte in range(256)], np.uint32)
    tables = [last]
    while len(tables) < count:
        tables.append((tables[-1] >> np.uint32(8)) ^ last[tables[-1] & np.uint32(0xFF)])
    return tables


def masked(sums: "NDArray[np.uint32]") -> "NDArray[np.uint32]":
    """The sums as the record format stores them."""
    return ((sums >> np.uint32(15)) | (sums << np.uint32(17))) + np.uint32(0xA282EAD8)


@cache
def masked_of_lengths() -> "NDArray[np.uint32]":
    """For each length below 65,536: the masked sum of its eight bytes."""
    tables = contributions(_LENGTH_BYTES)
    lengths = np.arange(1 << 16)
    zero = np.uint32(crc32c(bytes(_LENGTH_BYTES)))
    return masked(tables[7][lengths & 0xFF] ^ tables[6][lengths >> 8] ^ zero)

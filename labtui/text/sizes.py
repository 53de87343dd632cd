"""Sizes of files and memory."""

import math

from labtui.text.numbers import DASH

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(count: float | None, missing: str = DASH) -> str:
    """Bytes in the unit that fits: `512 B`, `1.5 KiB`, `163 MiB`, `8.6 GiB`. NaN and infinity count as missing."""
    if count is None or not math.isfinite(count):
        return missing
    power = next((power for power in range(len(_UNITS) - 1) if round(count / 1024**power) < 1024), len(_UNITS) - 1)
    amount = count / 1024**power
    return f"{amount:.1f} {_UNITS[power]}" if power and amount < 99.95 else f"{amount:,.0f} {_UNITS[power]}"

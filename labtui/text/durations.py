"""Durations and moments in time."""

import math
import time

from labtui.text.numbers import DASH

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_YEAR = 31_557_600
_LONGEST = 1_000 * _YEAR
"""Seconds from which a time span is written in years."""


def duration(seconds: float | None, missing: str = DASH) -> str:
    """A time span in its two largest units: `0.4s`, `52s`, `3m 32s`, `1h 2m`, `2d 4h`.

    Only below ten seconds there are tenths. `missing` stands for None, NaN, infinity and anything below zero.
    """
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return missing
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    if seconds >= _LONGEST:
        return f"{seconds / _YEAR:.3g} years"
    left, parts = round(seconds), []
    for letter, size in _UNITS:
        amount, left = divmod(left, size)
        parts.append(f"{amount}{letter}" if amount else "")
    first = next(index for index, part in enumerate(parts) if part)
    return " ".join(filter(None, parts[first : first + 2]))


def signed_duration(seconds: float | None, missing: str = DASH) -> str:
    """As `duration`, with a minus in front of what lies before its beginning: `-1m 20s`."""
    if seconds is None or not seconds < 0:
        return duration(seconds, missing)
    text = duration(-seconds, "")
    return f"-{text}" if text else missing


def ago(when: float | None, now: float | None = None, missing: str = DASH) -> str:
    """How long ago a moment was, both as seconds since the epoch: `3m 32s ago`. `now` is this machine's clock."""
    if when is None or not math.isfinite(when):
        return missing
    return f"{duration(round(max(0.0, (time.time() if now is None else now) - when)))} ago"


def time_of_day(when: float, missing: str = DASH) -> str:
    """Local time of day: `12:44:01`."""
    return local_time(when, "%H:%M:%S") or missing


def moment(when: float, now: float, missing: str = DASH) -> str:
    """Local time, with the date where it is not today's: `12:44`, `Nov 21 12:44`."""
    same_day = local_time(when, "%Y%j") == local_time(now, "%Y%j")
    return local_time(when, "%H:%M" if same_day else "%b %d %H:%M") or missing


def local_time(when: float, form: str) -> str:
    """Local time in a form of strftime; empty for what is no date, as seconds that were nanoseconds."""
    try:
        return time.strftime(form, time.localtime(when))
    except (ValueError, OverflowError, OSError):
        return ""

"""Numbers and times as people of this field write them. A value that is absent is an empty string."""

import math
import time

_THOUSAND = 1_000.0


def accuracy(percent: float | None) -> str:
    """Percent with two decimals: `61.04`."""
    return "" if percent is None else _finite(percent) or f"{percent:.2f}"


def delta(points: float | None, minus: str = "−") -> str:
    """A difference in points with its sign: `+5.14`."""
    if points is None:
        return ""
    return _finite(points) or f"{points:+.2f}".replace("-", minus)


def loss(value: float | None) -> str:
    """About four significant digits without an exponent where that can be read: `0.0924`, `1.225`, `1570`."""
    if value is None:
        return ""
    if (word := _finite(value)) or value == 0:
        return word or "0"
    size = math.floor(math.log10(abs(value)))
    if size < -4 or size > 6:
        return f"{value:.2e}"
    return f"{value:.{max(0, 3 - max(size, -1))}f}"


def duration(seconds: float | None) -> str:
    """`52s`, `1m 52s`, `2h 05m`, `3d 04h`."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours:02d}h"
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest}s"


def count(number: float | None) -> str:
    """`950`, `12.3k`, `1.2M`: three significant digits."""
    if number is None:
        return ""
    if word := _finite(number):
        return word
    size = abs(number)
    for limit, letter in ((_THOUSAND**3, "G"), (_THOUSAND**2, "M"), (_THOUSAND, "k")):
        if size >= limit * 0.9995:
            scaled = number / limit
            return f"{scaled:.0f}{letter}" if abs(scaled) >= 99.95 else f"{scaled:.1f}{letter}"
    return f"{number:.0f}"


def rate(images_per_second: float | None) -> str:
    """`12.3k images/s`."""
    return f"{count(images_per_second)} images/s" if images_per_second else ""


def grouped(number: int) -> str:
    """A whole number in groups of three, separated by a thin gap that every font has: `20 490`."""
    return f"{number:,}".replace(",", " ")


def size(number: float | None) -> str:
    """Bytes as `412 MB`, `9.2 GB` (powers of 1,000, as disks and GPU makers count)."""
    if number is None:
        return ""
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= limit * 0.9995:
            scaled = number / limit
            return f"{scaled:.0f} {unit}" if scaled >= 99.95 else f"{scaled:.1f} {unit}"
    return f"{number:.0f} B"


def clock(seconds: float) -> str:
    """Local time of day, `12:44:01`."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def epochs(count: int) -> str:
    """`1 epoch`, `10 epochs`."""
    return "1 epoch" if count == 1 else f"{count} epochs"


def moment(seconds: float, now: float) -> str:
    """Local time, with the date where it is not today: `12:44`, `Nov 21 12:44`."""
    then = time.localtime(seconds)
    same_day = time.strftime("%Y%j", then) == time.strftime("%Y%j", time.localtime(now))
    return time.strftime("%H:%M" if same_day else "%b %d %H:%M", then)


def _finite(value: float) -> str:
    if math.isfinite(value):
        return ""
    return "NaN" if math.isnan(value) else ("inf" if value > 0 else "-inf")

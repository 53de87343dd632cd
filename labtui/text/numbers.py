"""Numbers, written the same in the command line, the console, files and the report.

`missing` is shown in place of a value that does not exist.
"""

import math
from collections.abc import Iterable

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
DASH = "\N{EN DASH}"


def decimal(value: float | None, digits: int = 2, missing: str = DASH) -> str:
    """A number with fixed decimals: `64.26`, `1,570.30`. NaN counts as missing."""
    if value is None or math.isnan(value):
        return missing
    return f"{value:,.{digits}f}".replace("-", MINUS)


def count(value: float | None, missing: str = DASH) -> str:
    """A whole number with commas: `1,000,000`. NaN counts as missing."""
    return decimal(value, 0, missing)


def compact(value: float | None, missing: str = DASH) -> str:
    """A large number in three digits: `950`, `12.3k`, `1.23M`."""
    if value is None:
        return missing
    if word := _not_finite(value):
        return word
    amount = abs(value)
    for limit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if amount >= limit * 0.9995:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.0f}"


def signed(value: float | None, digits: int = 2, missing: str = DASH, *, minus: str = MINUS) -> str:
    """A difference with its sign: `+1.67`, `−3.22`. What rounds to zero has none; NaN counts as missing."""
    if value is None or math.isnan(value):
        return missing
    text = f"{value:+,.{digits}f}"
    return text.replace("-", minus) if text.strip("+-0.") else text.lstrip("+-")


def interval(bounds: tuple[float, float] | None, digits: int = 2, missing: str = DASH) -> str:
    """`[+0.41, +2.93]`."""
    return f"[{signed(bounds[0], digits)}, {signed(bounds[1], digits)}]" if bounds else missing


def p_value(p: float | None) -> str:
    """`p = 0.012`; below a thousandth `p < 0.001`; nothing where there is none."""
    if p is None or math.isnan(p):
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def ratio(value: float) -> str:
    """`×4`, `×1.6`: one decimal where it matters."""
    if word := _not_finite(value):
        return TIMES + word
    text = f"{value:.1f}" if abs(value - round(value)) >= 0.05 else f"{value:.0f}"
    return TIMES + (text if float(text) else f"{value:.2g}")


def accuracy(percent: float | None, missing: str = DASH) -> str:
    """Percent with two decimals, without its sign: `61.04`; `NaN` of a run that diverged."""
    return missing if percent is None else _not_finite(percent) or f"{percent:.2f}"


def loss(value: float | None, missing: str = DASH) -> str:
    """About four significant digits, without an exponent where possible: `0.0924`, `1.225`, `1570`."""
    if value is None:
        return missing
    if (word := _not_finite(value)) or value == 0:
        return word or "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -4 or magnitude > 6:
        return f"{value:.2e}"
    return f"{value:.{max(0, 3 - max(magnitude, -1))}f}"


def image_rate(images_per_second: float | None, missing: str = DASH) -> str:
    """`12.3k images/s`; zero counts as missing."""
    return f"{compact(images_per_second)} images/s" if images_per_second else missing


def seed_ranges(seeds: tuple[int, ...]) -> str:
    """Seeds as the command line reads them: `0-4`, or `0,2,7`. There is at least one."""
    first, last = seeds[0], seeds[-1]
    if len(seeds) > 2 and seeds == tuple(range(first, last + 1)):
        return f"{first}-{last}"
    return ",".join(map(str, seeds))


def seed_list(seeds: Iterable[int]) -> str:
    """Seeds in words, in ascending order: `seed 4`, `seeds 0-2`."""
    ordered = tuple(sorted(seeds))
    return f"seed{'s' if len(ordered) > 1 else ''} {seed_ranges(ordered)}"


def _not_finite(value: float) -> str:
    if math.isfinite(value):
        return ""
    return "NaN" if math.isnan(value) else ("inf" if value > 0 else "-inf")

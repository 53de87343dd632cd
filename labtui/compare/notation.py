"""How numbers and values are written, everywhere the same: in the terminal, in files and in the report."""

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from labtui.text.clean import clean_line

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
DASH = "\N{EN DASH}"


def number(value: float | None, digits: int = 2) -> str:
    """`64.26`; a dash where there is no number."""
    if value is None or math.isnan(value):
        return DASH
    return f"{value:.{digits}f}".replace("-", MINUS)


def signed(value: float | None, digits: int = 2) -> str:
    """`+1.67` or `−3.22`; what rounds to zero has no sign."""
    if value is None or math.isnan(value):
        return DASH
    text = f"{value:+.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text.replace("-", MINUS)


def interval(bounds: tuple[float, float] | None, digits: int = 2) -> str:
    """`[+0.41, +2.93]`."""
    return f"[{signed(bounds[0], digits)}, {signed(bounds[1], digits)}]" if bounds else DASH


def p_value(p: float | None) -> str:
    """`p = 0.012`; below a thousandth `p < 0.001`."""
    if p is None or math.isnan(p):
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def count(value: float | None) -> str:
    """`1,000,000`."""
    return DASH if value is None else f"{value:,.0f}"


def ratio(value: float) -> str:
    """`×4`, `×1.6`: one decimal where it tells something."""
    text = f"{value:.1f}" if abs(value - round(value)) >= 0.05 else f"{value:.0f}"
    return TIMES + (text if float(text) else f"{value:.2g}")


def duration(seconds: float | None) -> str:
    """`1h 2m`, `3m 32s`, `48s`, `0.4s`."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60}s" if whole % 60 else f"{whole // 60}m"
    return f"{whole // 3600}h {whole % 3600 // 60}m"


def about(seconds: float) -> str:
    """A forecast, no finer than it deserves: `about 12 min`."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def large(value: float | None) -> str:
    """`244k`, `13.1M`: for parameters and operations."""
    if value is None:
        return DASH
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.0f}"


def value(thing: Any, longest: int = 80) -> str:
    """A value of a spec in few words: `0.5`, `none`, `adam`, `0.3, 0.2`, `resize, horizontal_flip`."""
    return clean_line(_value(thing), longest)


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def closed(text: str) -> str:
    """Text with a full stop at the end, once."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def sentence(text: str) -> str:
    """Text with a capital in front and a full stop at the end; not for text that begins with a key."""
    return f"{text[:1].upper()}{closed(text[1:])}"


def seeds(numbers: tuple[int, ...]) -> str:
    """`0-4`, or `0,2,7`: as the command line reads them."""
    first, last = numbers[0], numbers[-1]
    if len(numbers) > 2 and numbers == tuple(range(first, last + 1)):
        return f"{first}-{last}"
    return ",".join(map(str, numbers))


def seeds_option(numbers: tuple[int, ...]) -> str:
    """As one types it: `--seed 4`, `--seeds 0-2`. (`--seeds 4` would mean four seeds.)"""
    return f"--seed {numbers[0]}" if len(numbers) == 1 else f"--seeds {seeds(numbers)}"


def _value(thing: Any) -> str:
    if thing is None:
        return "none"
    if isinstance(thing, bool):
        return "yes" if thing else "no"
    if isinstance(thing, float):
        return f"{thing:g}"
    if isinstance(thing, dict):
        return (
            str(thing["name"]) if "name" in thing else ", ".join(f"{key} {_value(one)}" for key, one in thing.items())
        )
    if isinstance(thing, list | tuple):
        return ", ".join(map(_value, thing))
    return thing if isinstance(thing, str) else msgspec.json.encode(thing).decode()

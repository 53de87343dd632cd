"""Round ticks and ranges for axes: linear, logarithmic, whole epochs, times."""

import math
import time
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from labtui.text.durations import local_time, signed_duration, time_of_day
from labtui.text.numbers import compact


class Scale(StrEnum):
    """What an axis counts: it decides which numbers are round and how they are formatted."""

    NUMBER = "number"
    WHOLE = "whole"
    SECONDS = "seconds"
    CLOCK = "clock"


class Range(NamedTuple):
    """The two ends of an axis, `low` < `high`."""

    low: float
    high: float

    @property
    def span(self) -> float:
        """The length."""
        return self.high - self.low


class Tick(NamedTuple):
    """A labelled value on an axis."""

    value: float
    label: str


LARGEST = 1e100
"""The largest amount on an axis: beyond it, spans and products are no numbers any more."""

_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)
_DAY = 86_400
_SLACK = 1e-9
_MIN_SPAN = 1e-90
"""Shorter ranges have no steps in between."""

_FINEST = 1e-12
"""The shortest range in proportion to its ends: floats are too coarse for steps below it."""


def usable(ends: Range) -> Range:
    """The range itself if ticks and dots can be placed on it, else the nearest such range."""
    low, high = (min(LARGEST, max(-LARGEST, end)) if not math.isnan(end) else math.nan for end in ends)
    if math.isnan(low) or math.isnan(high):
        low = high = next((end for end in (low, high) if not math.isnan(end)), 0.0)
    low, high = min(low, high), max(low, high)
    if high - low > max(_MIN_SPAN, _FINEST * max(abs(low), abs(high))):
        return Range(low, high)
    pad = max(abs(low), abs(high)) * 0.1
    pad = pad if pad > _MIN_SPAN else 1.0
    return Range(low - pad, high + pad)


def usable_log(ends: Range) -> Range:
    """As `usable`, for a logarithmic axis: both ends are positive."""
    high = min(LARGEST, ends.high) if ends.high > 1 / LARGEST else 1.0
    low = max(1 / LARGEST, ends.low) if 0 < ends.low < high else high / 10
    return Range(low, high) if high > low * (1 + 1e-6) else Range(low / 2, low * 2)


def nice_step(span: float, count: float, scale: Scale = Scale.NUMBER) -> float:
    """The smallest round step that needs at most `count` ticks.

    It is 1, 2, 2.5 or 5 times a power of ten, on whole-number axes 1, 2 or 5 times; on axes of time a round time, from
    a day on a whole number of days.
    """
    least = min(LARGEST, max(_MIN_SPAN, span / max(count, 1))) if span == span else 1.0
    if scale in (Scale.SECONDS, Scale.CLOCK):
        if least <= _TIME_STEPS[-1]:
            return next(step for step in _TIME_STEPS if step >= least)
        return _DAY * nice_step(least / _DAY, 1, Scale.WHOLE)
    if scale is Scale.WHOLE:
        least = max(least, 1.0)
    power = 10.0 ** math.floor(math.log10(least))
    factors = (1, 2, 5) if scale is Scale.WHOLE else (1, 2, 2.5, 5)
    return next((f for f in factors if f * power >= least * (1 - _SLACK)), 10) * power


def linear_ticks(ends: Range, count: float, scale: Scale = Scale.NUMBER) -> list[Tick]:
    """The round values within `ends`, at most about `count` of them. On a clock, days begin at local midnight."""
    if not ends.span > 0 or not count >= 1 or usable(ends) != ends:
        return []
    step = nice_step(ends.span, count, scale)
    shift = _clock_shift(ends.low) if scale is Scale.CLOCK else 0.0
    first = math.ceil((ends.low + shift) / step - _SLACK)
    last = math.floor((ends.high + shift) / step + _SLACK)
    values = [k * step - shift for k in range(first, last + 1)]
    if scale is Scale.CLOCK:
        return [Tick(value, label) for value, label in zip(values, _clock_labels(values, step), strict=True)]
    return [Tick(value, tick_label(value, step, scale)) for value in values]


def _clock_shift(when: float) -> float:
    """Seconds by which local time is ahead of UTC; 0 for what is no date."""
    try:
        return float(time.localtime(when).tm_gmtoff)
    except (ValueError, OverflowError, OSError):
        return 0.0


def _clock_labels(values: Iterable[float], step: float) -> list[str]:
    """A label per moment: the time of day, with the date where the day changes, or the date alone."""
    labels, day = [], ""
    for value in values:
        now = local_time(value, "%b %d")
        if not now:
            labels.append(tick_label(value, step))
        elif step >= _DAY:
            labels.append(local_time(value, "%Y-%m" if step > 60 * _DAY else "%b %d"))
        elif day and now != day:
            labels.append(now)
        else:
            labels.append(tick_label(value, step, Scale.CLOCK))
        day = now
    return labels


def tick_label(value: float, step: float, scale: Scale = Scale.NUMBER) -> str:
    """A tick's value with the decimals that its step needs."""
    if not math.isfinite(value) or not step > 0:
        return f"{value:g}"
    if scale is Scale.SECONDS:
        return signed_duration(value) if value else "0"
    if scale is Scale.CLOCK and (text := time_of_day(value, "")):
        return text if step < 60 else text[:5]
    if abs(value) >= 1e13 or step >= 1e13:
        return f"{value:.0e}" if step >= 0.5 * abs(value) else f"{value:.6g}"
    if abs(value) >= 10_000 or step >= 10_000:
        return _grouped_label(value, step)
    if value and (abs(value) < 1e-3 or step < 1e-4):
        return f"{value:.0e}" if step >= 10.0 ** math.floor(math.log10(abs(value))) else f"{value:.1e}"
    return f"{value:.{_decimals(step)}f}"


def _decimals(step: float) -> int:
    """Decimals that distinguish neighbouring multiples of a step: 1 for 0.5, 2 for 0.25."""
    return next((d for d in range(12) if abs(step * 10**d - round(step * 10**d)) < 1e-6 * step * 10**d), 12)


def _grouped_label(value: float, step: float) -> str:
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.{_decimals(step / limit)}f}{letter}"
    return "0" if value == 0 else f"{value:.0f}"


def log_ticks(ends: Range, count: float) -> list[Tick]:
    """Powers of ten within `ends` (both positive); if they are few, also 2 and 5 times these."""
    if not count >= 1 or usable_log(ends) != ends:
        return []
    low, high = math.log10(ends.low), math.log10(ends.high)
    decades = range(math.ceil(low - _SLACK), math.floor(high + _SLACK) + 1)
    if len(decades) > count:
        decades = decades[:: -(-len(decades) // max(1, int(count)))]
    values = [10.0**k for k in decades]
    if len(values) < 3 and count >= 4:
        wide = range(math.floor(low), math.ceil(high) + 1)
        values = [factor * 10.0**k for k in wide for factor in (1, 2, 5)]
    return [Tick(v, _plain_label(v)) for v in values if ends.low * (1 - 1e-6) <= v <= ends.high * (1 + 1e-6)]


def _plain_label(value: float) -> str:
    return f"{value:.0e}" if value < 1e-3 else (compact(value) if value >= 1 else f"{value:g}")


def rounded_range(low: float, high: float, rows: int, bounds: Range | None = None) -> Range:
    """A range around the data that ends on half a tick, within `bounds`; a range near zero starts at zero."""
    low, high = usable(Range(low, high))
    if not high - low > 1e-9 * max(abs(low), abs(high)):
        pad = abs(low) * 0.1
        low, high = low - pad, high + pad
    if 0 < low < 0.25 * high:
        low = 0.0
    step = nice_step(high - low, max(2, rows / 4)) / 2
    ends = Range(math.floor(low / step + _SLACK) * step, math.ceil(high / step - _SLACK) * step)
    if bounds is None:
        return ends
    clamped = Range(max(ends.low, bounds.low), min(ends.high, bounds.high))
    return clamped if clamped.span > 0 else ends


def log_range(low: float, high: float) -> Range:
    """A range around positive data that ends on 1, 2 or 5 times a power of ten."""
    low, high = (min(LARGEST, max(1 / LARGEST, end if end > 0 else 1.0)) for end in (low, high))
    start, end = _log_step(low, up=False), _log_step(high, up=True)
    return Range(start, end) if end > start else Range(start, start * 10)


def _log_step(value: float, *, up: bool) -> float:
    """The 1, 2 or 5 times a power of ten at or beyond a value."""
    exponent = math.floor(math.log10(value))
    steps = [factor * 10.0**k for k in range(exponent - 1, exponent + 2) for factor in (1, 2, 5)]
    if up:
        return min(step for step in steps if step >= value * (1 - 1e-9))
    return max(step for step in steps if step <= value * (1 + 1e-9))


def steady(before: Range | None, wanted: Range, shrink: float = 0.5) -> Range:
    """The range of the last frame while it contains the data and is not much too long, so that the axis stays still.

    It grows at once, and shrinks when the data takes less than `shrink` of it.
    """
    if before is None or wanted.low < before.low or wanted.high > before.high:
        return wanted
    return wanted if wanted.span < shrink * before.span else before


def grown_end(value: float, scale: Scale = Scale.NUMBER) -> float:
    """A round end of an axis that grows with its data in steps of about a quarter, so that it rarely changes."""
    if not value > 0:
        return 1.0
    value = min(max(value, 1 / LARGEST), LARGEST)
    if scale in (Scale.SECONDS, Scale.CLOCK):
        return 60.0 * 1.25 ** max(0, math.ceil(math.log(value / 60.0, 1.25) - _SLACK))
    power = 10.0 ** math.floor(math.log10(value))
    return next(f * power for f in (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12.5) if f * power >= value * (1 - _SLACK))


def spaced(ticks: Iterable[Tick], place: dict[float, int], gap: int = 2) -> list[Tick]:
    """The ticks whose labels, centred at their column in `place`, are at least `gap` cells apart."""
    chosen: list[Tick] = []
    free = -gap
    for tick in ticks:
        start = place[tick.value] - len(tick.label) // 2
        if start >= free + gap or not chosen:
            chosen.append(tick)
            free = start + len(tick.label)
    return chosen

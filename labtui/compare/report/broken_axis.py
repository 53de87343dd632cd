"""A horizontal axis for rows of intervals that is broken where nothing lies, with a column of text beside it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from labtui.compare.report.figure_style import GREY, Drawing, empty_sheet

Span = tuple[float, float]

_BREAK = 0.2
"""An empty stretch of more than this share of the whole axis is left out."""

_MOST_BREAKS = 2

_LEAST_PANEL = 0.14
"""Share of the width that the smallest part of a broken axis has."""

_NARROW = 0.25
"""Share of the width below which a part of the axis has room for one number."""

_WIDE = 4.0
"""An interval is drawn with an arrow beyond this many times the median half-width."""

_LINE = 0.235
"""Inches per row."""


class Bar(NamedTuple):
    """What a row needs room for: its points, and its interval if it has one."""

    points: tuple[float, ...]
    interval: Span | None = None


class Rows(NamedTuple):
    """An empty drawing: the parts of its axis from left to right, with the text column's axes at the end."""

    figure: Drawing
    panels: tuple[Drawing, ...]
    spans: tuple[Span, ...]
    text: Drawing

    def panel_of(self, value: float) -> Drawing:
        """The part of the axis on which a value lies; the nearest one if none does."""
        distances = [max(low - value, value - high, 0.0) for low, high in self.spans]
        return self.panels[distances.index(min(distances))]

    def draw_interval(self, place: float, interval: Span, **style: Any) -> None:
        """Draw an interval on every part that it crosses, with an arrow where it continues beyond the axis."""
        for panel, (low, high) in zip(self.panels, self.spans, strict=True):
            if interval[1] >= low and interval[0] <= high:
                panel.plot([max(interval[0], low), min(interval[1], high)], [place] * 2, **style)
        ends = (interval[0], self.panels[0], self.spans[0][0], 0), (interval[1], self.panels[-1], self.spans[-1][1], 1)
        for end, panel, edge, side in ends:
            if (end > edge) if side else (end < edge):
                marker = {"marker": ">" if side else "<", "markersize": 4, "clip_on": False}
                panel.plot([edge], [place], color=style["color"], **marker)

    def write(self, place: float, texts: Sequence[str], columns: Sequence[float], colour: str) -> None:
        """Write one row of the text column; `columns` are the left edges as shares of its width."""
        for text, left in zip(texts, columns, strict=True):
            self.text.text(left, place, text, fontsize=7, color=colour, va="center", ha="left")


def parts(bars: Sequence[Bar], always: Span | None = None) -> tuple[Span, ...]:
    """The stretches of an axis that shows these rows and one more stretch, from left to right.

    There is more than one if the rest would be squeezed: stretches without anything are left out.
    """
    ends = _ends(bars, always)
    if not ends:
        return ((-1.0, 1.0),)
    whole = max(high for _, high in ends) - min(low for low, _ in ends) or 1.0
    groups = _groups(ends, _BREAK * whole)
    return tuple((low - 0.05 * whole / len(groups), high + 0.05 * whole / len(groups)) for low, high in groups)


def _ends(bars: Sequence[Bar], always: Span | None) -> list[Span]:
    """What must be visible of each row: of a very wide interval only as much as others have."""
    halves = sorted((bar.interval[1] - bar.interval[0]) / 2 for bar in bars if bar.interval)
    most = _WIDE * halves[len(halves) // 2] if halves else 0.0
    ends = [always] if always else []
    for bar in bars:
        low, high = bar.interval or (bar.points[0], bar.points[0]) if bar.points or bar.interval else (None, None)
        if low is None or high is None:
            continue
        middle = (low + high) / 2
        points = bar.points or (middle,)
        ends.append((min(max(low, middle - most), *points), max(min(high, middle + most), *points)))
    return ends


def _groups(ends: Sequence[Span], gap: float) -> list[Span]:
    """Merge what overlaps or lies close together; at most two of the gaps remain, the widest."""
    merged: list[Span] = []
    for low, high in sorted(ends):
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    gaps = sorted((right[0] - left[1] for left, right in pairwise(merged)), reverse=True)
    least = max(gap, gaps[_MOST_BREAKS] if len(gaps) > _MOST_BREAKS else 0.0)
    groups = merged[:1]
    for part in merged[1:]:
        if part[0] - groups[-1][1] > least:
            groups.append(part)
        else:
            groups[-1] = groups[-1][0], part[1]
    return groups


def rows(titles: Sequence[str], spans: Sequence[Span], text_share: float) -> Rows:
    """An empty drawing with a line per title; `text_share` is the share of the width that the text column has."""
    widths = [high - low for low, high in spans]
    shares = [max(width / sum(widths), _LEAST_PANEL) for width in widths]
    ratios = [share / sum(shares) * (1 - text_share) for share in shares]
    figure, axes = empty_sheet(0.8 + _LINE * len(titles), [*ratios, text_share])
    *panels, text = axes
    for index, (panel, (low, high)) in enumerate(zip(panels, spans, strict=True)):
        panel.set_xlim(low, high)
        panel.set_ylim(len(titles) - 0.4, -0.6)
        panel.grid(visible=False, axis="y")
        panel.spines["left"].set_visible(False)
        panel.tick_params(axis="y", length=0)
        panel.set_yticks(range(len(titles)), titles if not index else [""] * len(titles))
        if ratios[index] < _NARROW:
            panel.set_xticks([_middle(low, high)])
        else:
            panel.locator_params(axis="x", nbins=max(2, round(9 * ratios[index])))
        if index:
            _mark_break(panels[index - 1], panel)
    text.set_axis_off()
    text.set_xlim(0, 1)
    text.set_ylim(len(titles) - 0.4, -0.6)
    return Rows(figure, tuple(panels), tuple(spans), text)


def _middle(low: float, high: float) -> float:
    """A round number near the middle of a stretch."""
    middle = (low + high) / 2
    return next((value for digits in range(3) if low <= (value := round(middle, digits)) <= high), middle)


def _mark_break(left: Drawing, right: Drawing) -> None:
    """Two slashes where the axis is interrupted."""
    slash = {"marker": [(-1, -2), (1, 2)], "markersize": 7, "linestyle": "", "color": GREY, "clip_on": False}
    left.plot([1], [0], transform=left.transAxes, **slash)
    right.plot([0], [0], transform=right.transAxes, **slash)


def described(spans: Sequence[Span], text: Any) -> str:
    """A sentence on where the axis is broken; empty if it is not. `text` writes a value."""
    between = [f"{text(left[1])} and {text(right[0])}" for left, right in pairwise(spans)]
    return f"The axis is broken between {' and between '.join(between)}." if between else ""

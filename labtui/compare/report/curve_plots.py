"""An experiment's curves and its baseline's: the six charts of the report, with the published figures marked."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from labtui.compare.metrics import REPORT_LOSSES
from labtui.compare.model import PublishedFigure
from labtui.compare.report.figure_style import BLACK, PAPER, Drawing, Stroke, sheet
from labtui.store import tags

if TYPE_CHECKING:
    from labtui.store.curve import Curve

REPORT_SIX = (
    tags.MINIBATCH_LOSS,
    tags.REPORT_TRAIN_LOSS,
    tags.REPORT_TEST_LOSS,
    tags.MINIBATCH_ACCURACY,
    tags.REPORT_TRAIN_ACCURACY,
    tags.REPORT_TEST_ACCURACY,
)
STANDARD = (tags.TRAIN_LOSS, tags.VAL_LOSS, tags.TRAIN_ACCURACY, tags.VAL_ACCURACY)

_LOG_FROM = 4.0
"""A loss whose maximum is more than this many times its median has a logarithmic axis."""

_MARKED_POINTS = 15
"""Curves with fewer points show each of them."""

_DIAMOND: dict[str, Any] = {
    "marker": "D",
    "markersize": 4.5,
    "linestyle": "",
    "markerfacecolor": PAPER,
    "markeredgewidth": 1.1,
}


class PlotLine(NamedTuple):
    """One line of the charts: a cell with the curves of its seeds."""

    title: str
    stroke: Stroke
    runs: tuple[Mapping[str, "Curve"], ...]
    published: tuple[PublishedFigure, ...] = ()


def charts(lines: Sequence[PlotLine]) -> Drawing:
    """All charts of one experiment on one sheet, under one legend."""
    drawn = chart_tags(lines)
    columns = 3 if len(drawn) > 4 else 2
    rows = -(-len(drawn) // columns)
    figure, axes = sheet(0.5 + 1.85 * rows, rows, columns)
    for axis, tag in zip(axes, drawn, strict=False):
        _chart(axis, tag, lines)
    for axis in axes[len(drawn) :]:
        axis.set_axis_off()
    handles = _legend(lines)
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 6))
    return figure


def chart_tags(lines: Sequence[PlotLine]) -> list[str]:
    """The tags that any of the runs recorded: the report's six, else those of the standard protocol."""
    known = {tag for line in lines for curves in line.runs for tag in curves}
    six = [tag for tag in REPORT_SIX if tag in known]
    return six or [tag for tag in STANDARD if tag in known]


def _chart(axis: Drawing, tag: str, lines: Sequence[PlotLine]) -> None:
    values: list[float] = []
    for line in lines:
        curves = [curves[tag] for curves in line.runs if tag in curves and len(curves[tag])]
        values += _draw(axis, line.stroke, curves)
        values += [_mark(axis, line, figure) for figure in line.published if figure.tag == tag]
    if "loss" in tag.lower() and values and min(values) > 0 and max(values) > _LOG_FROM * float(np.median(values)):
        _make_logarithmic(axis)
    axis.set_title(f"{tag} [{_unit(tag)}]", loc="left")
    axis.set_xlabel(str(tags.step_unit(tag)))
    axis.margins(x=0.03)


def _make_logarithmic(axis: Drawing) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _unit(tag: str) -> str:
    if tags.is_accuracy(tag):
        return "%"
    return "original report's scale" if tag in REPORT_LOSSES else "cross-entropy"


def _draw(axis: Drawing, stroke: Stroke, curves: "Sequence[Curve]") -> list[float]:
    """Draw each seed thin and their mean thick, if their steps are equal. Returns the finite values."""
    shared = all(np.array_equal(curve.steps, curves[0].steps) for curve in curves)
    marker = "." if curves and len(curves[0]) <= _MARKED_POINTS else ""
    thick = {"color": stroke.colour, "linestyle": stroke.dash, "linewidth": stroke.width, "marker": marker}
    thin = {"color": stroke.colour, "linewidth": 0.5, "alpha": 0.35}
    for curve in curves:
        axis.plot(curve.steps, curve.values, **(thin if shared and len(curves) > 1 else thick), markersize=3)
    if len(curves) > 1 and shared:
        axis.plot(curves[0].steps, np.mean([curve.values for curve in curves], axis=0), **thick, markersize=3)
    return [float(value) for curve in curves for value in curve.values if math.isfinite(value)]


def _mark(axis: Drawing, line: PlotLine, published: PublishedFigure) -> float:
    if published.step is not None:
        look = _DIAMOND | {"markeredgecolor": line.stroke.colour, "zorder": 5, "clip_on": False}
        axis.plot([published.step], [published.value], **look)
    return published.value


def _legend(lines: Sequence[PlotLine]) -> list[Drawing]:
    from matplotlib.lines import Line2D

    handles: list[Drawing] = [
        Line2D(
            [], [], color=line.stroke.colour, linestyle=line.stroke.dash, linewidth=line.stroke.width, label=line.title
        )
        for line in lines
    ]
    if any(line.published for line in lines):
        handles.append(Line2D([], [], label="published", **_DIAMOND, markeredgecolor=BLACK))
    return handles

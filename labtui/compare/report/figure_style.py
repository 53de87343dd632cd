"""The style of figures: sizes for print, colours for colour-blind readers, dashes for grey paper."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

WIDTH = 7.2
"""Inches: the text width of A4."""

BLACK, GREY, LIGHT = "#000000", "#6e6e6e", "#d9d9d9"
BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"

Drawing = Any
"""matplotlib's figures and axes: their types change with every release, and nothing but this folder meets them."""


class Stroke(NamedTuple):
    """One series' line."""

    colour: str
    dash: Any
    width: float = 1.3


VARIANTS = (
    Stroke(BLUE, "-"),
    Stroke(VERMILION, "--"),
    Stroke(GREEN, "-."),
    Stroke(PURPLE, ":", 1.6),
    Stroke("#56b4e9", "-"),
    Stroke("#e69f00", "--"),
)
"""For the variants of an experiment: Okabe and Ito's colours."""

BASELINE = Stroke(GREY, "-", 1.0)
MATCHED = Stroke(BLACK, (0, (4, 1.5)), 1.0)

_STYLE: Any = {
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "svg.hashsalt": "labtui",
    "svg.fonttype": "path",
}


@contextmanager
def ink() -> Iterator[None]:
    """The style of every figure; figures are made and saved inside."""
    import matplotlib as mpl  # deferred: 0.3 s that only a report pays

    with mpl.rc_context(_STYLE):
        yield


def sheet(height: float, rows: int = 1, columns: int = 1) -> tuple[Drawing, list[Drawing]]:
    """An empty figure of the page's width, and its axes row by row; no window and no global state is involved."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(rows, columns, squeeze=False)
    return figure, [axis for row in axes for axis in row]


def render(figure: Drawing, form: str) -> bytes:
    """The figure as `svg` or `png`, the same bytes each time."""
    stream = io.BytesIO()
    metadata = {"Date": None, "Creator": "labtui"} if form == "svg" else {"Software": "labtui"}
    figure.savefig(stream, format=form, dpi=180, metadata=metadata)
    return stream.getvalue()

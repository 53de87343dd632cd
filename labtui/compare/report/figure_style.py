"""The style of figures: sizes for print, colours for colour-blind readers, dashes for grey paper."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

WIDTH = 7.2
"""Inches: the text width of A4."""

BLACK, GREY, LIGHT = "#000000", "#6e6e6e", "#d9d9d9"
GRID, PAPER = "#e6e6e6", "#ffffff"
BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
INK_ON_COLOUR = "#010101"
"""Black that stays black on a dark page: text on a coloured ground."""

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
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
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


def empty_sheet(height: float, widths: Sequence[float]) -> tuple[Drawing, list[Drawing]]:
    """A figure of the page's width with axes side by side that share their y axis, of these relative widths."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(w_pad=0.02, wspace=0.01))
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(1, len(widths), squeeze=False, width_ratios=list(widths))
    return figure, list(axes[0])


_DARK = {
    BLACK: "#e4e4e4",
    GREY: "#9a9a9a",
    LIGHT: "#3d3d3d",
    GRID: "#2e3034",
    PAPER: "#15171a",
    BLUE: "#4aa8e0",
    VERMILION: "#f08a4b",
}
"""The colours of a figure on a dark page; the others are light enough."""


def _dark_style() -> str:
    rules = [
        f'[style*="{part}: {colour}"]{{{part}:{dark} !important}}'
        for colour, dark in _DARK.items()
        for part in ("fill", "stroke")
    ]
    # What matplotlib draws in black has no fill of its own and inherits the picture's.
    rules.append(f"svg{{fill:{_DARK[BLACK]}}}")
    return f"<style>@media screen and (prefers-color-scheme: dark){{{''.join(rules)}}}</style>"


def render(figure: Drawing, form: str) -> bytes:
    """The figure as `svg` or `png`, the same bytes each time.

    An SVG is transparent and turns dark on a dark page; a PNG is on white.
    """
    stream = io.BytesIO()
    if form == "png":
        figure.savefig(stream, format=form, dpi=180, metadata={"Software": "labtui"}, facecolor="white")
        return stream.getvalue()
    figure.savefig(stream, format=form, metadata={"Date": None, "Creator": "labtui"}, facecolor="none")
    head, mark, rest = stream.getvalue().decode().partition(" <defs>")
    return f"{head}{_dark_style()}\n{mark}{_PATH_DATA.sub(_rounded, rest)}".encode()


_PATH_DATA = re.compile(r' d="[^"]*"')
_DECIMALS = re.compile(r"(\.\d\d)\d+")


def _rounded(path: re.Match[str]) -> str:
    """The coordinates of a path to a hundredth of a point: six decimals make a report of many curves twice as large."""
    return _DECIMALS.sub(r"\1", path[0])

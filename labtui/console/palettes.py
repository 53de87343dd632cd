"""The Rich styles of spans, per theme and terminal.

Series colours follow Okabe and Ito, lightened or darkened to a contrast of at least 3 : 1 with the background, also if
a terminal rounds them to 256 colours. A terminal with 16 colours is given their names: the user's palette applies.
"""

from dataclasses import dataclass
from functools import lru_cache

from rich.style import Style

SERIES = 8
"""Series colours. A ninth series has the first colour again, and differs by its letter."""


@dataclass(frozen=True)
class Palette:
    """Colours by role, in Rich's notation."""

    text: str
    muted: str
    axis: str
    strong: str
    accent: str
    good: str
    warn: str
    bad: str
    rest: str
    spark: str
    series: tuple[str, ...]
    faint: tuple[str, ...]
    bands: tuple[str, ...]
    """Backgrounds of the band around a mean."""
    heat: tuple[tuple[str, str], ...]
    """Text and background per level."""
    dashes: bool = False
    """Whether lines differ by dashes, since they do not differ by colour."""


DARK = Palette(
    text="#d5dbe3",
    muted="#8a94a3",
    axis="#6b7686",
    strong="#ffffff",
    accent="#56b4e9",
    good="#2fb58c",
    warn="#e69f00",
    bad="#f0783c",
    rest="#333c47",
    spark="#566575",
    series=("#56b4e9", "#e69f00", "#2fb58c", "#d98cb8", "#f0e442", "#f0783c", "#5f72e4", "#b8bec8"),
    faint=("#2f5f7a", "#72531a", "#21594a", "#6d4a5e", "#6f6a30", "#74432a", "#3c4c7c", "#5a6068"),
    bands=("#17303d", "#362a13", "#142f28", "#33262e", "#333117", "#35221a", "#1e263c", "#2a2e33"),
    heat=(
        ("#6b7686", "#171c23"),
        ("#aab4c2", "#1b3040"),
        ("#d5dbe3", "#1f4a64"),
        ("#ffffff", "#236a90"),
        ("#0c1116", "#3f97c8"),
        ("#0c1116", "#7cc8f2"),
    ),
)

LIGHT = Palette(
    text="#1d242c",
    muted="#5d6875",
    axis="#7a8592",
    strong="#000000",
    accent="#0067a5",
    good="#007a5a",
    warn="#9a6700",
    bad="#c04a00",
    rest="#cfd6de",
    spark="#9aa8b5",
    series=("#0072b2", "#b06f00", "#007a5a", "#a8487f", "#6b6b00", "#c8321e", "#4a44c4", "#5d6875"),
    faint=("#a9cbe2", "#e6cfa3", "#a6d3c6", "#e3c1d4", "#d8d3a0", "#ecc3ab", "#bfc6ef", "#c6ccd3"),
    bands=("#dbeaf4", "#f6ebd6", "#d9eee8", "#f4e5ee", "#f0eecf", "#f8e4d8", "#e2e6f8", "#e6e9ec"),
    heat=(
        ("#7a8592", "#f4f6f8"),
        ("#1d242c", "#dcebf5"),
        ("#1d242c", "#b3d5ec"),
        ("#0c1116", "#7fb9de"),
        ("#ffffff", "#2f86bd"),
        ("#ffffff", "#075687"),
    ),
)

MONO = Palette(
    text="#d0d0d0",
    muted="#8a8a8a",
    axis="#767676",
    strong="#ffffff",
    accent="#ffffff",
    good="#d0d0d0",
    warn="#e4e4e4",
    bad="#ffffff",
    rest="#444444",
    spark="#767676",
    series=("#ffffff", "#d0d0d0", "#b2b2b2", "#9e9e9e", "#ffffff", "#d0d0d0", "#b2b2b2", "#9e9e9e"),
    faint=("#5f5f5f",) * SERIES,
    bands=("#262626",) * SERIES,
    heat=(
        ("#767676", "#121212"),
        ("#a8a8a8", "#262626"),
        ("#d0d0d0", "#3a3a3a"),
        ("#ffffff", "#585858"),
        ("#000000", "#9e9e9e"),
        ("#000000", "#e4e4e4"),
    ),
    dashes=True,
)

SIXTEEN = Palette(
    text="default",
    muted="white",
    axis="bright_black",
    strong="bright_white",
    accent="bright_cyan",
    good="green",
    warn="yellow",
    bad="bright_red",
    rest="bright_black",
    spark="bright_black",
    series=("bright_cyan", "yellow", "green", "magenta", "bright_yellow", "red", "bright_blue", "white"),
    faint=("bright_black",) * SERIES,
    bands=("bright_black",) * SERIES,
    heat=(
        ("bright_black", "black"),
        ("white", "black"),
        ("bright_white", "blue"),
        ("bright_white", "cyan"),
        ("black", "bright_cyan"),
        ("black", "bright_white"),
    ),
)


_NOTHING = Style()


def styles(palette: Palette) -> dict[str, Style]:
    """The style of every span style."""
    plain = {
        "": palette.text,
        "muted": palette.muted,
        "axis": palette.axis,
        "accent": palette.accent,
        "good": palette.good,
        "warn": palette.warn,
        "bad": palette.bad,
        "rest": palette.rest,
        "bar": palette.accent,
        "cursor": palette.text,
        "spark": palette.spark,
        "letter": palette.strong,
    }
    table = {name: Style(color=colour) for name, colour in plain.items()}
    table["strong"] = Style(color=palette.strong, bold=True)
    table["title"] = Style(color=palette.accent, bold=True)
    table["key"] = Style(color=palette.accent, bold=True)
    table["selected"] = Style(color=palette.strong, reverse=True)
    for index in range(SERIES):
        table[f"series{index}"] = Style(color=palette.series[index])
        table[f"faint{index}"] = Style(color=palette.faint[index])
        table[f"band{index}"] = Style(bgcolor=palette.bands[index])
    for level, (text, background) in enumerate(palette.heat):
        table[f"heat{level}"] = Style(color=text, bgcolor=background)
    return table | _states(palette)


def _states(palette: Palette) -> dict[str, Style]:
    """States are coloured by urgency: done, active, in trouble."""
    roles = {
        "queued": palette.muted,
        "starting": palette.accent,
        "running": palette.accent,
        "stalled": palette.warn,
        "finished": palette.good,
        "stopped": palette.muted,
        "diverged": palette.bad,
        "failed": palette.bad,
        "lost": palette.bad,
        "live": palette.accent,
        "quiet": palette.muted,
    }
    return {f"state-{state}": Style(color=colour) for state, colour in roles.items()}


class SpanStyles:
    """The styles of one palette, combined with backgrounds."""

    def __init__(self, palette: Palette, *, ascii_only: bool = False) -> None:
        self.palette = palette
        self.ascii_only = ascii_only
        self._styles = styles(palette)
        self.over = lru_cache(4_096)(self._over)

    def _over(self, style: str, base: Style) -> Style:
        """A style over a base style; `series0 on band1` takes the text of one style and the background of another."""
        name, _, below = style.partition(" on ")
        background = self._styles.get(below, _NOTHING) if below else _NOTHING
        return base + background + self._styles.get(name, self._styles[""])


@lru_cache(8)
def span_styles(theme: str, *, colours: str | None, no_color: bool, ascii_only: bool = False) -> SpanStyles:
    """The styles for a theme and a terminal's colour system (Rich's name; None for no colours)."""
    if no_color or theme.endswith("mono"):
        palette = MONO
    elif colours == "standard":
        palette = SIXTEEN
    else:
        palette = LIGHT if theme.endswith("light") else DARK
    return SpanStyles(palette, ascii_only=ascii_only)

"""The characters that pictures are made of: one set for Unicode terminals, one of pure ASCII.

Every glyph is one cell wide in tmux and in Rich; emoji are two and are left out.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """A set of characters; with `ascii`, the chart draws without braille."""

    ascii: bool
    vertical: str
    tick_left: str
    horizontal: str
    tick_down: str
    corner: str
    crosshair: str
    bars: str
    """Eight heights of a bar, lowest first."""
    done: str
    half: str
    rest: str
    block: str
    gap: str
    """Where a curve stops being a number."""
    states: dict[str, str]
    expanded: str
    collapsed: str
    cursor: str
    ellipsis: str
    minus: str
    plus_minus: str
    delta: str
    dash: str
    dot: str
    best: str
    down: str
    up: str
    times: str


UNICODE = Glyphs(
    ascii=False,
    vertical="│",
    tick_left="┤",
    horizontal="─",
    tick_down="┬",
    corner="└",
    crosshair="┊",
    bars="▁▂▃▄▅▆▇█",
    done="━",
    half="╸",
    rest="─",
    block="█",
    gap="✗",
    states={
        "queued": "◷",
        "starting": "○",
        "running": "▶",
        "stalled": "⏸",
        "finished": "✓",
        "stopped": "■",
        "diverged": "∞",
        "failed": "✗",
        "lost": "?",
        "live": "▶",
        "quiet": "●",
    },
    expanded="▾",
    collapsed="▸",
    cursor="▌",
    ellipsis="…",
    minus="−",
    plus_minus="±",
    delta="Δ",
    dash="–",
    dot="·",
    best="★",
    down="▼",
    up="▲",
    times="×",
)

ASCII = Glyphs(
    ascii=True,
    vertical="|",
    tick_left="+",
    horizontal="-",
    tick_down="+",
    corner="+",
    crosshair=":",
    bars="._-:=+*#",
    done="#",
    half="=",
    rest=".",
    block="#",
    gap="x",
    states={
        "queued": "q",
        "starting": "o",
        "running": ">",
        "stalled": "=",
        "finished": "v",
        "stopped": "s",
        "diverged": "%",
        "failed": "x",
        "lost": "?",
        "live": ">",
        "quiet": "-",
    },
    expanded="-",
    collapsed="+",
    cursor=">",
    ellipsis="~",
    minus="-",
    plus_minus="+-",
    delta="d",
    dash="-",
    dot=".",
    best="*",
    down="v",
    up="^",
    times="x",
)


_SIGNS = str.maketrans(
    {"−": "-", "×": "x", "–": "-", "Δ": "d", "±": "+-", "→": "->", "²": "2", "…": "...", "·": ".", "“": '"', "”": '"'}
)


def in_ascii(text: str) -> str:
    """The text with its signs spelled in ASCII; what has no spelling becomes a question mark."""
    return text if text.isascii() else text.translate(_SIGNS).encode("ascii", "replace").decode()

"""The themes of Textual. The styles of spans are in palettes.py, with the same background and text colours."""

from textual.theme import Theme

_DARK = Theme(
    name="dark",
    primary="#56b4e9",
    secondary="#2fb58c",
    accent="#56b4e9",
    foreground="#d5dbe3",
    background="#0f1318",
    surface="#0f1318",
    panel="#1a2028",
    success="#2fb58c",
    warning="#e69f00",
    error="#f0783c",
    dark=True,
    variables={
        "rule": "#2b3440",
        "rule-focus": "#56b4e9",
        "label": "#8a94a3",
        "bar": "#171d25",
        "scrollbar": "#2b3440",
        "scrollbar-background": "#0f1318",
        "scrollbar-hover": "#3d4957",
        "scrollbar-active": "#56b4e9",
    },
)

_LIGHT = Theme(
    name="light",
    primary="#0067a5",
    secondary="#007a5a",
    accent="#0067a5",
    foreground="#1d242c",
    background="#fbfcfd",
    surface="#fbfcfd",
    panel="#eef1f4",
    success="#007a5a",
    warning="#9a6700",
    error="#c04a00",
    dark=False,
    variables={
        "rule": "#c9d1d9",
        "rule-focus": "#0067a5",
        "label": "#5d6875",
        "bar": "#eef1f4",
        "scrollbar": "#c9d1d9",
        "scrollbar-background": "#fbfcfd",
        "scrollbar-hover": "#aab4bf",
        "scrollbar-active": "#0067a5",
    },
)

_MONO = Theme(
    name="mono",
    primary="#ffffff",
    secondary="#d0d0d0",
    accent="#ffffff",
    foreground="#d0d0d0",
    background="#121212",
    surface="#121212",
    panel="#1c1c1c",
    success="#d0d0d0",
    warning="#e4e4e4",
    error="#ffffff",
    dark=True,
    variables={
        "rule": "#3a3a3a",
        "rule-focus": "#ffffff",
        "label": "#8a8a8a",
        "bar": "#1c1c1c",
        "scrollbar": "#3a3a3a",
        "scrollbar-background": "#121212",
        "scrollbar-hover": "#585858",
        "scrollbar-active": "#ffffff",
    },
)

THEMES = (_DARK, _LIGHT, _MONO)
"""In the order in which the palette offers them; the first is the default."""

NAMES = tuple(theme.name for theme in THEMES)

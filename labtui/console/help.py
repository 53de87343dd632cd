"""The help of a screen as lines, from the command table. Pure."""

from collections.abc import Iterable, Mapping

from labtui.console.commands import EVERYWHERE, Command, commands
from labtui.console.ui.glyphs import Glyphs
from labtui.text.spans import Line, Span, fit, shorten, text_width

MOVES = (
    ("↑ ↓ j k", "move", "Up and down."),
    ("g G", "ends", "To the first, to the last."),
    ("PgUp PgDn", "page", "A screenful up or down; ctrl+u and ctrl+d too."),
    ("Tab", "pane", "The next pane; shift+Tab the one before."),
)
"""Keys that every list and pane has of its own."""

WIDEST_KEYS = 18
"""Cells of a column of keys."""

_WRITTEN = {
    "left_square_bracket": "[", "right_square_bracket": "]", "question_mark": "?", "slash": "/", "colon": ":",
    "plus": "+", "equals_sign": "=", "minus": "-", "less_than_sign": "<", "greater_than_sign": ">", "space": "Space",
    "escape": "Esc", "enter": "Enter", "left": "←", "right": "→", "up": "↑", "down": "↓", "home": "Home", "end": "End",
    "pageup": "PgUp", "pagedown": "PgDn", "tab": "Tab", "full_stop": ".", "comma": ",",
}  # fmt: skip
_ASCII = str.maketrans({"←": "<", "→": ">", "↑": "^", "↓": "v"})


def keys_of(command: Command, keymap: Mapping[str, str]) -> str:
    """All keys of a command as people write them; those of the user's own file where it names the command."""
    keys = keymap.get(command.id, command.keys).split(",")
    return " ".join(dict.fromkeys(_key(key.strip()) for key in keys))


def _key(name: str) -> str:
    *modifiers, key = name.split("+") if name != "+" else [name]
    return "+".join([*modifiers, _WRITTEN.get(key, key)])


def help_lines(screen: str, words: str, room: int, keymap: Mapping[str, str], glyphs: Glyphs) -> list[Line]:
    """The commands of a screen that hold all the words, in groups: its own, those of every screen, moving about."""
    found = [(command, keys_of(command, keymap)) for command in commands(screen)]
    own = [(keys, one.label, one.help) for one, keys in found if EVERYWHERE not in one.where]
    everywhere = [(keys, one.label, one.help) for one, keys in found if EVERYWHERE in one.where]
    groups = [(title, [row for row in rows if _passes(row, words)])
              for title, rows in (("here", own), ("everywhere", everywhere), ("moving", MOVES))]  # fmt: skip
    left = min(WIDEST_KEYS, max((text_width(keys) for _, rows in groups for keys, _, _ in rows), default=0) + 2)
    lines: list[Line] = []
    for title, passing in groups:
        if passing:
            lines += [*([()] if lines else []), (Span(title, "title"),), *_rows(passing, left, room, glyphs)]
    return lines or [(Span(f"no key does “{words}”" if not glyphs.ascii else f"no key does {words}", "muted"),)]


def _passes(row: tuple[str, str, str], words: str) -> bool:
    text = " ".join(row).casefold()
    return all(word in text or word in row[0] for word in words.casefold().split())


def _rows(rows: Iterable[tuple[str, str, str]], left: int, room: int, glyphs: Glyphs) -> list[Line]:
    lines = []
    for keys, label, text in rows:
        written = keys.translate(_ASCII) if glyphs.ascii else keys
        spans = (*fit((Span(written, "key"),), left), *fit((Span(label),), 14), Span(text, "muted"))
        lines.append(shorten(spans, room, glyphs.ellipsis))
    return lines

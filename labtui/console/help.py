"""The help of a screen, written from the command table."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from labtui.console.commands import EVERYWHERE, Command, commands
from labtui.console.ui.glyphs import Glyphs
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.text_panel import TextPanel
from labtui.text.spans import Line, Span, fit, shorten, text_width

if TYPE_CHECKING:
    from labtui.console.app import LabtuiApp

MOVES = (
    ("↑ ↓ j k", "move", "Up and down."),
    ("g G", "ends", "Go to the first or last row."),
    ("PgUp PgDn", "page", "One page up or down; also ctrl+u and ctrl+d."),
    ("Tab", "pane", "Next pane; shift+Tab for the previous one."),
)
"""Keys of every list and pane."""

WIDEST_KEYS = 18
"""Cells of the column of keys, at most."""

_WRITTEN = {
    "left_square_bracket": "[", "right_square_bracket": "]", "question_mark": "?", "slash": "/", "colon": ":",
    "number_sign": "#",
    "plus": "+", "equals_sign": "=", "minus": "-", "less_than_sign": "<", "greater_than_sign": ">", "space": "Space",
    "escape": "Esc", "enter": "Enter", "left": "←", "right": "→", "up": "↑", "down": "↓", "home": "Home", "end": "End",
    "pageup": "PgUp", "pagedown": "PgDn", "tab": "Tab", "full_stop": ".", "comma": ",",
}  # fmt: skip
_ASCII = str.maketrans({"←": "<", "→": ">", "↑": "^", "↓": "v"})


def keys_of(command: Command, keymap: Mapping[str, str]) -> str:
    """All keys of a command as people write them: those of the user's keys.toml, else the defaults."""
    keys = keymap.get(command.id, command.keys).split(",")
    return " ".join(dict.fromkeys(_key(key.strip()) for key in keys))


def _key(name: str) -> str:
    *modifiers, key = name.split("+") if name != "+" else [name]
    return "+".join([*modifiers, _WRITTEN.get(key, key)])


def help_lines(screen: str, words: str, width: int, keymap: Mapping[str, str], glyphs: Glyphs) -> list[Line]:
    """The commands of a screen whose texts contain all of `words`: its own, those of every screen, movements."""
    keyed = [(command, keys_of(command, keymap)) for command in commands(screen)]
    own = [(keys, command.label, command.help) for command, keys in keyed if EVERYWHERE not in command.where]
    everywhere = [(keys, command.label, command.help) for command, keys in keyed if EVERYWHERE in command.where]
    groups = [(title, [row for row in rows if _passes(row, words)])
              for title, rows in (("this screen", own), ("everywhere", everywhere), ("moving", MOVES))]  # fmt: skip
    left = min(WIDEST_KEYS, max((text_width(keys) for _, rows in groups for keys, _, _ in rows), default=0) + 2)
    lines: list[Line] = []
    for title, passing in groups:
        if passing:
            head = shorten((Span(title, "title"),), width, glyphs.ellipsis)
            lines += [*([()] if lines else []), head, *_rows(passing, left, width, glyphs)]
    return lines or [(Span(f"no key matches “{words}”" if not glyphs.ascii else f"no key matches {words}", "muted"),)]


def _passes(row: tuple[str, str, str], words: str) -> bool:
    text = " ".join(row).casefold()
    return all(word in text or word in row[0] for word in words.casefold().split())


def _rows(rows: Iterable[tuple[str, str, str]], left: int, width: int, glyphs: Glyphs) -> list[Line]:
    lines = []
    for keys, label, text in rows:
        written = keys.translate(_ASCII) if glyphs.ascii else keys
        spans = (*fit((Span(written, "key"),), left), *fit((Span(label),), 14), Span(text, "muted"))
        lines.append(shorten(spans, width, glyphs.ellipsis))
    return lines


class HelpScreen(ModalScreen[None]):
    """Every key of the screen below; typing filters."""

    app: "LabtuiApp"
    CSS_PATH = Path(__file__).parent / "ui" / "pages.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Close", show=False),
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
    ]

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def compose(self) -> ComposeResult:
        """A box with the filter above the list."""
        with Vertical(id="help"):
            yield Input(id="words", placeholder="type to filter")
            yield TextPanel(id="keys")

    def on_mount(self) -> None:
        """Show every key and focus the filter."""
        entitle(self.query_one("#help"), f"keys of {self._kind}", "Esc closes")
        self._show("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, words: str) -> None:
        keymap, glyphs = self.app.keys, glyphs_of(self)
        self.query_one(TextPanel).show(lambda width: help_lines(self._kind, words, width, keymap, glyphs), top=True)

    def action_scroll(self, by: int) -> None:
        """Scroll the list while the filter has the focus."""
        self.query_one(TextPanel).action_move(by)

    def action_back(self) -> None:
        """Clear the filter; then close."""
        field = self.query_one(Input)
        if field.value:
            field.value = ""
        else:
            self.dismiss(None)

"""Every key of the screen below, written from the command table; typing filters."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from labtui.console.help import help_lines
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.text_panel import Lines

if TYPE_CHECKING:
    from labtui.console.app import LabtuiApp


class HelpScreen(ModalScreen[None]):
    """State: the filter, which is the field's own."""

    app: "LabtuiApp"
    CSS_PATH = Path(__file__).with_name("pages.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "step_out", "Close", show=False),
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
    ]

    def __init__(self, kind: str) -> None:
        super().__init__()
        self._kind = kind

    def compose(self) -> ComposeResult:
        """A box with the field above the list."""
        with Vertical(id="help"):
            yield Input(id="words", placeholder="type to filter")
            yield Lines(id="keys")

    def on_mount(self) -> None:
        """Show everything, and take what is typed."""
        entitle(self.query_one("#help"), f"keys of {self._kind}", "Esc closes")
        self._show("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, words: str) -> None:
        keymap, glyphs = self.app.keys, glyphs_of(self)
        writer = lambda room: help_lines(self._kind, words, room, keymap, glyphs)  # noqa: E731 - a closure over four names
        self.query_one(Lines).show(writer, top=True)

    def action_scroll(self, by: int) -> None:
        """Scroll the list while the field has the focus."""
        self.query_one(Lines).action_scroll_by(by)

    def action_step_out(self) -> None:
        """Clear the filter; then close."""
        field = self.query_one(Input)
        if field.value:
            field.value = ""
        else:
            self.dismiss(None)

"""A question for one line of text, on the last line; the text is the screen's result, None where it was left."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Label


class Prompt(ModalScreen[str | None]):
    """`Write the table to: comparison.md`; Enter gives the text, Esc nothing."""

    DEFAULT_CSS = """
    Prompt { background: transparent; align: left bottom; }
    Prompt Horizontal { dock: bottom; height: 1; background: $panel; }
    Prompt Label { padding: 0 1; color: $accent; }
    Prompt Input { width: 1fr; height: 1; border: none; padding: 0; background: $panel; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False)]

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__()
        self._question, self._value = question, value

    def compose(self) -> ComposeResult:
        """The line."""
        with Horizontal():
            yield Label(self._question, markup=False)
            yield Input(self._value, select_on_focus=False)

    @on(Input.Submitted)
    def _give(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)

    def action_leave(self) -> None:
        """Give nothing back."""
        self.dismiss(None)

"""Dialogs on the last line: a question for yes or no, and one for a line of text."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from labtui.console.ui.status_line import TitleBar
from labtui.text.spans import Span


class Question(ModalScreen[bool]):
    """`Stop Dropout seed 0 …? y/N`: the screen's result is True for y, False for any other answer."""

    DEFAULT_CSS = """
    Question { background: transparent; align: left bottom; }
    Question > TitleBar { dock: bottom; background: $panel; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,Y", "answer(True)", "Yes"),
        Binding("n,N,escape,enter,q,space", "answer(False)", "No"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """One line."""
        yield TitleBar()

    def on_mount(self) -> None:
        """Show the question."""
        keys = (Span("y", "key"), Span(" yes  ", "muted"), Span("N", "key"), Span(" no ", "muted"))
        self.query_one(TitleBar).show((Span(f" {self._text}", "warn"),), keys)

    def action_answer(self, answer: bool) -> None:
        """Return the answer."""
        self.dismiss(answer)


class Prompt(ModalScreen[str | None]):
    """`Write the table to: comparison.md`: the screen's result is the text on Enter, None on Esc."""

    DEFAULT_CSS = """
    Prompt { background: transparent; align: left bottom; }
    Prompt Horizontal { dock: bottom; height: 1; background: $panel; }
    Prompt Label { padding: 0 1; color: $accent; }
    Prompt Input { width: 1fr; height: 1; border: none; padding: 0; background: $panel; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__()
        self._question, self._value = question, value

    def compose(self) -> ComposeResult:
        """One line."""
        with Horizontal():
            yield Label(self._question, markup=False)
            yield Input(self._value, select_on_focus=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)

    def action_cancel(self) -> None:
        """Return nothing."""
        self.dismiss(None)

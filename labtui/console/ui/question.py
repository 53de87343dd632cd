"""A question with a yes or a no, on the last line; the answer is the screen's result."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from labtui.console.ui.status_line import TitleBar
from labtui.text.spans import Span


class Question(ModalScreen[bool]):
    """`Stop Dropout seed 0 …? y/N`: anything but y is a no."""

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
        """The line."""
        yield TitleBar()

    def on_mount(self) -> None:
        """Ask."""
        keys = (Span("y", "key"), Span(" yes  ", "muted"), Span("N", "key"), Span(" no ", "muted"))
        self.query_one(TitleBar).show((Span(f" {self._text}", "warn"),), keys)

    def action_answer(self, answer: bool) -> None:
        """Give the answer back."""
        self.dismiss(answer)

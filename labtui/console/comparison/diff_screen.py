"""Specs side by side, over the screen that asked: only what differs."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from labtui.console.comparison.spec_diff import contrast_lines
from labtui.console.ui.strips import entitle, glyphs_of
from labtui.console.ui.text_panel import Lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.spec import RunSpec

FRAME = 2
"""Lines of the border."""


class DiffScreen(ModalScreen[None]):
    """State: the titled specs. Any of the keys that opened or leave it closes it."""

    CSS_PATH = Path(__file__).parents[1] / "ui" / "pages.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,d,q,enter", "close", "Close", show=False)]

    def __init__(self, specs: "Sequence[tuple[str, RunSpec]]", factor: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._specs, self._factor = specs, factor

    def compose(self) -> ComposeResult:
        """A box of lines."""
        yield Lines(id="differences")

    def on_mount(self) -> None:
        """Show them."""
        panel, glyphs = self.query_one(Lines), glyphs_of(self)
        panel.show(lambda room: contrast_lines(self._specs, self._factor, room, glyphs))
        panel.styles.height = len(contrast_lines(self._specs, self._factor, 80, glyphs)) + FRAME
        factor = f"declared factor: {', '.join(self._factor)}" if self._factor else ""
        entitle(panel, " and ".join(title for title, _ in self._specs[:3]), factor)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

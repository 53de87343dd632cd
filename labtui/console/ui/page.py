"""A screen over the main one: a title above, a status line below; it follows the snapshots while it is in front."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.screen import Screen

from labtui.console.commands import Command, footer
from labtui.console.data.snapshot import Snapshot
from labtui.console.ui.status_line import StatusLine, TitleBar
from labtui.console.ui.strips import glyphs_of
from labtui.text.spans import Line, Span

if TYPE_CHECKING:
    from labtui.console.app import LabtuiApp


class Page(Screen[Any]):
    """A subclass yields its widgets in `body` and shows a snapshot in `update`."""

    app: "LabtuiApp"
    CSS_PATH = Path(__file__).with_name("pages.tcss")  # subclasses live in other folders
    KIND: ClassVar[str]
    """The name of the screen in the command table."""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (150, "-wide")]  # noqa: RUF012 - Textual's type
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (14, "-short"), (34, "-tall")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        """Title, body, status line."""
        yield TitleBar(id="title")
        yield from self.body()
        yield StatusLine(self.hints(), id="status")

    def hints(self) -> Sequence[Command]:
        """The commands that the status line shows while there is no message."""
        return footer(self.KIND)

    @abstractmethod
    def body(self) -> ComposeResult:
        """The widgets between title and status line."""

    @abstractmethod
    def update(self, snapshot: Snapshot) -> None:
        """Show a snapshot: a new one, or the latest when the screen comes to the front again."""

    def on_mount(self) -> None:
        """Follow the polls."""
        self.watch(self.app, "snapshot", self._on_snapshot, init=False)

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        if self.app.front_screen is self:
            self.update(snapshot)

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was in front."""
        self.update(self.app.snapshot)

    def on_resize(self) -> None:
        """Draw again once the panes have their sizes: titles depend on the width."""
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Show the same again in other sizes."""
        self.update(self.app.snapshot)

    def show_title(self, charted: str, right: Line = ()) -> None:
        """Show the title: what the page is about, and on the right how things stand."""
        path = (Span(" labtui", "title"), Span(f" {glyphs_of(self).collapsed}", "muted"))
        page = (Span(f" {self.KIND}", "muted"), Span(f"  {charted}", "strong"))
        left: Line = page if self.has_class("-narrow") else (*path, *page)
        self.query_one(TitleBar).show(left, (*right, Span(" ")))

    def action_back(self) -> None:
        """Go back one step: within the page, else to the screen below."""
        if not self.step_back():
            self.app.pop_screen()

    def step_back(self) -> bool:
        """Go back one step within the page. Returns whether there was one."""
        return False

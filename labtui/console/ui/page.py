"""A screen over the main one: a title above, a status line below; it follows the snapshots while it is on top."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen

from labtui.console.commands import Command, footer
from labtui.console.data.snapshot import Snapshot
from labtui.console.messages import DeedFailed
from labtui.console.ui.status_line import StatusLine, TitleBar
from labtui.console.ui.strips import glyphs_of
from labtui.errors import LabError
from labtui.text.spans import Line, Span

if TYPE_CHECKING:
    from labtui.console.app import LabtuiApp


class Page(Screen[Any]):
    """What whole screens have in common. Subclasses say what stands in the body, and what a snapshot changes."""

    app: "LabtuiApp"
    CSS_PATH = Path(__file__).with_name("pages.tcss")  # subclasses live in other folders
    KIND: ClassVar[str]
    """How the command table calls the screen."""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (150, "-wide")]  # noqa: RUF012 - Textual's type
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (14, "-short"), (34, "-tall")]  # noqa: RUF012

    def compose(self) -> ComposeResult:
        """Title, body, status."""
        yield TitleBar(id="title")
        yield from self.body()
        yield StatusLine(self.hints(), id="status")

    def hints(self) -> Sequence[Command]:
        """What the status line names while it says nothing else."""
        return footer(self.KIND)

    @abstractmethod
    def body(self) -> ComposeResult:
        """The widgets between title and status."""

    @abstractmethod
    def update(self, snapshot: Snapshot) -> None:
        """A poll came in, or the screen is on top again."""

    def on_mount(self) -> None:
        """Follow the polls."""
        self.watch(self.app, "snapshot", self._arrived, init=False)

    def _arrived(self, snapshot: Snapshot) -> None:
        if self.app.faces(self):
            self.update(snapshot)

    def on_screen_resume(self) -> None:
        """On top, now or again."""
        self.update(self.app.snapshot)

    def on_resize(self) -> None:
        """Titles depend on the room that there is, once the panes have theirs."""
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Show the same again in other sizes."""
        self.update(self.app.snapshot)

    def entitle(self, where: str, right: Line = ()) -> None:
        """The title: where one is, and how things stand."""
        house = (Span(" labtui", "title"), Span(f" {glyphs_of(self).collapsed}", "muted"))
        page = (Span(f" {self.KIND}", "muted"), Span(f"  {where}", "strong"))
        left: Line = page if self.has_class("-narrow") else (*house, *page)
        self.query_one(TitleBar).show(left, (*right, Span(" ")))

    @property
    def status(self) -> StatusLine:
        """The last line."""
        return self.query_one(StatusLine)

    def say(self, text: str, *, ink: str = "") -> None:
        """Say it on the status line."""
        self.status.say(text, ink=ink)

    def work(self, task: Callable[[], Message], group: str) -> None:
        """Do something slow in a thread; its message comes back here. Of a group, the latest one counts."""

        def body() -> None:
            try:
                self.post_message(task())
            except LabError as fault:
                self.post_message(DeedFailed(fault.message, fault.advice))
            except Exception as fault:  # noqa: BLE001 - a worker that fails must not end the console
                self.post_message(DeedFailed(f"{type(fault).__name__}: {fault}"))

        self.run_worker(body, thread=True, exclusive=True, exit_on_error=False, group=group)

    def on_deed_failed(self, message: DeedFailed) -> None:
        """The app says it; here nothing is waited for any more."""
        self.give_up(message.text)

    def give_up(self, why: str) -> None:
        """Show why what was worked on will not come."""

    def action_back(self) -> None:
        """One layer out."""
        if not self.step_out():
            self.app.pop_screen()

    def step_out(self) -> bool:
        """Leave one layer of this screen; whether there was one to leave."""
        return False

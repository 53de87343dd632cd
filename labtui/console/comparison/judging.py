"""A page with an answer to a comparison: asked in a worker, and again whenever a run has ended, come or gone."""

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labtui.compare.render.export import to_markdown
from labtui.console.comparison import export as exporting
from labtui.console.comparison import query as asking
from labtui.console.data.snapshot import Interest, Snapshot
from labtui.console.messages import Judged
from labtui.console.ui.page import Page
from labtui.console.ui.prompt import Prompt

if TYPE_CHECKING:
    from labtui.compare.model import ComparisonTable

FILE = "comparison.md"
"""What the export proposes."""


class Judging(Page):
    """State: what is asked, the latest answer."""

    def __init__(self, asked: asking.Asked) -> None:
        super().__init__()
        self.asked = asked
        self.table: ComparisonTable | None = None
        self.snapshot = Snapshot()
        self.fault = ""
        """Why there is no answer."""
        self._stamp: int | None = None
        self._turn = 0

    @abstractmethod
    def show_answer(self) -> None:
        """Show the table, or that it is being made."""

    def update(self, snapshot: Snapshot) -> None:
        """Ask again where the answer may have changed."""
        self.snapshot = snapshot
        self.app.wish(Interest())
        if (stamp := asking.stamp(snapshot.runs)) != self._stamp:
            self._stamp = stamp
            self.ask()

    def redraw(self) -> None:
        """The same answer in other sizes."""
        self.show_answer()

    def ask(self, **changes: object) -> None:
        """Ask, with something changed."""
        self.asked = replace(self.asked, **changes)  # type: ignore[arg-type]  # the callers name fields
        self._turn, self.fault = self._turn + 1, ""
        lab, asked, turn = self.app.lab, self.asked, self._turn
        self.work(lambda: Judged(asking.judge(lab, asked), turn), "judging")
        self.show_answer()

    def on_judged(self, message: Judged) -> None:
        """Show the answer to the latest question; earlier ones are out of date."""
        if message.turn == self._turn:
            self.table = message.table
            self.show_answer()

    def give_up(self, why: str) -> None:
        """The answer before stays; the title says that there is no newer one."""
        self.fault = why
        self.show_answer()

    def action_copy(self) -> None:
        """The table as Markdown."""
        if self.table is not None:
            self.app.copy_to_clipboard(to_markdown(self.table))
            self.say(f"copied as Markdown: {len(self.table.rows)} rows")

    def action_export(self) -> None:
        """Ask for a file and write the table there."""
        self.app.push_screen(Prompt(f"Write the table to ({' '.join(exporting.FORMS)}):", FILE), self._export)

    def _export(self, name: str | None) -> None:
        table = self.table
        if name and table is not None:
            path = Path(name).expanduser()
            self.app.perform(lambda _: exporting.write_new(path, exporting.form_of(path)(table)))

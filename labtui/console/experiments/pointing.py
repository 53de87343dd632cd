"""What a screen with the list of experiments points at: its marked entries, else the one under the cursor."""

from typing import TYPE_CHECKING

from labtui.console.experiments.list import ExperimentList
from labtui.console.ui.opening_keys import Opening
from labtui.console.ui.strips import palette_of

if TYPE_CHECKING:
    from labtui.console.charts.options import Subject
    from labtui.console.experiments.entry import Entry
    from labtui.store.run import Run


class Pointing(Opening):
    """The list's answers to what the keys of Doing and Opening ask."""

    @property
    def list(self) -> ExperimentList:
        """The list."""
        return self.query_one(ExperimentList)

    @property
    def pointed(self) -> "tuple[Entry, ...]":
        """Marked entries, else the one under the cursor."""
        return self.list.chosen

    @property
    def charted(self) -> "tuple[Subject, ...]":
        """What the charts show."""
        return self.list.subjects(dashes=palette_of(self).palette.dashes)

    @property
    def run_here(self) -> "Run | None":
        """The run of the entry under the cursor."""
        return self.list.current.run if self.list.current else None

    @property
    def compared(self) -> "tuple[tuple[str, ...], dict[str, str]]":
        """The marked ones with their letters."""
        marked = self.list.marked
        names = tuple(dict.fromkeys(entry.variant.spec.name if entry.variant else entry.title for entry in marked))
        return names, {entry.title: self.list.marks.letter(entry.key) for entry in marked}

    @property
    def run_order(self) -> "tuple[str, ...]":
        """As in the list."""
        return self.list.run_ids

    def action_sibling(self, by: int) -> None:
        """The next or previous entry, whatever pane has the focus."""
        self.list.action_move(by)

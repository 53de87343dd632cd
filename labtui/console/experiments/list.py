"""The list of experiments and runs: marks, filter, order and folding are its own state; what they change is told up."""

from dataclasses import replace
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from labtui.catalog import Catalog
from labtui.console.bindings import bindings
from labtui.console.charts.options import Subject, shown_runs
from labtui.console.data.snapshot import Snapshot, Trend
from labtui.console.experiments.entries import Arrangement
from labtui.console.experiments.entry import SORTS, Choice, Entry
from labtui.console.experiments.marks import Marks, ink_of
from labtui.console.experiments.rows import COLUMNS, row
from labtui.console.ui.glyphs import Glyphs
from labtui.console.ui.strips import glyphs_of
from labtui.console.ui.table import LiveTable
from labtui.text.tables import TableRow

ALONE = 0
"""The series colour of an entry that is shown because the cursor is on it."""

_Source = tuple[Entry, Trend | None, str]
"""What a row is made of: the entry, its run's trend, its letter."""

_SORTED_BY = {"catalog": "", "accuracy": "accuracy", "delta": "delta", "newest": "time"}
_SORT_OF = {column: sort for sort, column in _SORTED_BY.items() if column}


class ExperimentList(LiveTable):
    """The table of `entries`."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")

    class Changed(Message):
        """Marks, filter, order or folding changed; charts and what is remembered follow."""

    def __init__(self, catalog: Catalog, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(COLUMNS, id=id)
        self._arrangement = Arrangement(catalog)
        self._snapshot = Snapshot()
        self._entries: dict[str, Entry] = {}
        self._made: dict[str, tuple[_Source, TableRow]] = {}
        self.choice = Choice()
        self.marks = Marks()
        self._pointed = False

    def restore(self, choice: Choice, marks: Marks) -> None:
        """Begin with what was remembered."""
        self.choice, self.marks = choice, marks
        self.rearrange()

    def look(self, snapshot: Snapshot) -> None:
        """Show how things stand now."""
        self._snapshot = snapshot
        self.rearrange()
        if snapshot.runs and not self._pointed:
            self._pointed = True
            self._point_at_newest()

    def _point_at_newest(self) -> None:
        """Open on something that moves: the entry of the newest run, unless the cursor was moved before."""
        moved = self.cursor_key != next(iter(self._entries), None)
        if not moved or (self.current is not None and self.current.is_fault):
            newest = self._snapshot.runs[0]
            self.select(next((key for key, entry in self._entries.items() if newest in entry.runs), ""))

    def rearrange(self) -> None:
        """Make the rows anew; the table paints those that changed."""
        glyphs = glyphs_of(self)
        shown = self._arrangement.entries(self._snapshot, self.choice)
        self._entries = {entry.key: entry for entry in shown}
        self._made = {entry.key: self._row(entry, glyphs) for entry in shown}
        self.show([made for _, made in self._made.values()], sorted_by=_SORTED_BY[self.choice.sort])

    def _row(self, entry: Entry, glyphs: Glyphs) -> tuple[_Source, TableRow]:
        """The entry's row: the one made before where nothing that it shows has changed."""
        trend = self._snapshot.trends.get(entry.run.id) if entry.run else None
        source: _Source = (entry, trend, self.marks.letter(entry.key))
        before = self._made.get(entry.key)
        if before is not None and before[0] == source:
            return before
        return source, row(entry, self.marks, self._snapshot, glyphs)

    @property
    def current(self) -> Entry | None:
        """The entry under the cursor."""
        return self._entries.get(self.cursor_key or "")

    @property
    def marked(self) -> tuple[Entry, ...]:
        """The marked entries that are in the list, in the order of their letters."""
        return tuple(self._entries[key] for key in self.marks.keys if key in self._entries)

    @property
    def chosen(self) -> tuple[Entry, ...]:
        """What a command acts on: what is marked, else what the cursor is on."""
        return self.marked or ((self.current,) if self.current and not self.current.is_fault else ())

    def subjects(self, *, dashes: bool) -> tuple[Subject, ...]:
        """What the charts show: marked entries by letter, else the one under the cursor."""
        if not self.marked:
            return tuple(_subject(entry, "", ALONE, 0) for entry in self.chosen)
        letters = {entry.key: self.marks.letter(entry.key) for entry in self.marked}
        return tuple(
            _subject(entry, letters[entry.key], ink_of(letters[entry.key]), index % 4 if dashes else 0)
            for index, entry in enumerate(self.marked)
        )

    @property
    def runs_in_sight(self) -> tuple[str, ...]:
        """The ids of the runs whose trends can be seen."""
        found = (self._entries.get(key) for key in self.visible_keys)
        return tuple(entry.run.id for entry in found if entry is not None and entry.run is not None)

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The ids of all runs of the entries, unfolded or not, in the order of the list."""
        return tuple(dict.fromkeys(run.id for entry in self._entries.values() for run in entry.runs))

    # --- Keys ---------------------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark the entry, or take its mark away, and go on to the next."""
        if self.current is not None and not self.current.is_fault:
            self.marks = self.marks.toggled(self.current.key)
            self.action_move(1)
            self._tell()

    def action_unmark(self) -> None:
        """Take all marks away."""
        self.marks = Marks()
        self._tell()

    def action_sort(self) -> None:
        """The next order."""
        self._set(sort=SORTS[(SORTS.index(self.choice.sort) + 1) % len(SORTS)])

    def on_live_table_header_clicked(self, event: LiveTable.HeaderClicked) -> None:
        """Sort by a column; again for the catalog's order."""
        wanted = _SORT_OF.get(event.key or "", "catalog")
        self._set(sort="catalog" if wanted == self.choice.sort else wanted)

    def action_baseline(self) -> None:
        """Take deltas against this entry; again on it for what the catalog declares."""
        if self.current is not None and not self.current.is_fault:
            key = self.current.key
            self._set(baseline=None if self.choice.baseline == key else key)

    def action_fold(self, folded: bool) -> None:
        """Hide or show the runs of the entry; on one of its runs, hide them and go to the entry."""
        entry = self.current
        if entry is None:
            return
        if entry.depth and folded:
            parent = next(other for other in self._entries.values() if not other.depth and entry.runs[0] in other.runs)
            self.select(parent.key)
            entry = parent
        if entry.folded is not None:
            unfolded = self.choice.unfolded - {entry.key} if folded else self.choice.unfolded | {entry.key}
            self._set(unfolded=unfolded)

    def filter(self, text: str) -> None:
        """Show the entries alone that pass."""
        if text != self.choice.filter:
            self._set(filter=text)

    def _set(self, **changes: object) -> None:
        self.choice = replace(self.choice, **changes)  # type: ignore[arg-type]  # the callers name fields
        self._tell()

    def _tell(self) -> None:
        self.rearrange()
        self.post_message(self.Changed())


def _subject(entry: Entry, letter: str, ink: int, dash: int) -> Subject:
    return Subject(entry.title, letter, shown_runs(entry.runs), ink, dash)

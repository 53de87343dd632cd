"""What a screen has selected: everything that the actions of `actions.py` work on."""

from dataclasses import dataclass
from typing import Protocol

from labtui.console.charts.options import ChartedRun, ChartOptions
from labtui.console.experiments.entry import ListEntry
from labtui.store.run import Run


@dataclass(frozen=True, slots=True)
class Selection:
    """The selection of a screen; every screen with runs has one as its property `selection`."""

    entries: tuple[ListEntry, ...] = ()
    """The marked entries, else the one under the cursor."""
    run: Run | None = None
    """The run under the cursor."""
    charted: tuple[ChartedRun, ...] = ()
    """What charts of the selection show."""
    order: tuple[str, ...] = ()
    """The ids of the runs in the order in which the screen lists them."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the selected experiments of the catalog, each once."""
        return tuple(dict.fromkeys(entry.variant.spec.name for entry in self.entries if entry.variant))

    @property
    def letters(self) -> dict[str, str]:
        """The marks by title; empty if nothing is marked."""
        return {charted.name: charted.letter for charted in self.charted if charted.letter}


class RunsScreen(Protocol):
    """A screen that lists runs, as `Actions` sees it."""

    chart_options: ChartOptions

    @property
    def selection(self) -> Selection:
        """What is selected now."""
        ...

    def action_sibling(self, by: int) -> None:
        """Select the next or previous run."""
        ...

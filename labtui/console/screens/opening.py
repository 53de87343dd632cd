"""Keys that lead from a screen to the others. Screens are imported when they are opened: the first frame needs none."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual import on
from textual.screen import Screen

from labtui.console.look import Look, Subject
from labtui.console.widgets.live_table import LiveTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.console.app import LabtuiApp
    from labtui.store.run import Run


class Opening(Screen[None]):
    """Actions that push another screen."""

    app: "LabtuiApp"
    look: Look

    @property
    @abstractmethod
    def charted(self) -> "Sequence[Subject]":
        """What charts show."""

    @property
    @abstractmethod
    def run_here(self) -> "Run | None":
        """The one run under the cursor."""

    @property
    @abstractmethod
    def run_order(self) -> "Sequence[str]":
        """The ids of the runs in the order in which the screen has them."""

    @abstractmethod
    def action_sibling(self, by: int) -> None:
        """Point at the next or previous run."""

    @on(LiveTable.Opened)
    def _opened(self, event: LiveTable.Opened) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """The run under the cursor on the whole screen; where nothing has run, the dialog that starts it."""
        from labtui.console.screens.run import RunScreen

        run = self.run_here
        if run is not None:
            self.app.push_screen(RunScreen(run.id, self.look, lambda: self.run_order))

    def action_chart(self) -> None:
        """Charts on the whole screen."""
        from labtui.console.screens.charts import ChartsScreen

        self.app.push_screen(ChartsScreen(lambda: self.charted, self.look, self.action_sibling))

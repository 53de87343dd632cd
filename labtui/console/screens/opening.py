"""Keys that lead from a screen to the others. Screens are imported when they are opened: the first frame needs none."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual.screen import Screen

from labtui.console.look import Look, Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.console.app import LabtuiApp


class Opening(Screen[None]):
    """Actions that push another screen."""

    app: "LabtuiApp"
    look: Look

    @property
    @abstractmethod
    def charted(self) -> "Sequence[Subject]":
        """What charts show."""

    @abstractmethod
    def action_sibling(self, by: int) -> None:
        """Point at the next or previous run."""

    def action_chart(self) -> None:
        """Charts on the whole screen."""
        from labtui.console.screens.charts import ChartsScreen

        self.app.push_screen(ChartsScreen(lambda: self.charted, self.look, self.action_sibling))

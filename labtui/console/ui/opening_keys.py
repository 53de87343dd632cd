"""Keys that lead from a screen to the others. Screens are imported when they are opened: the first frame needs none."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual import on

from labtui.console import actions as deeds
from labtui.console.charts.options import Look, Subject
from labtui.console.ui.run_action_keys import Doing
from labtui.console.ui.table import LiveTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labtui.console.launch.request import Wish
    from labtui.spec import RunSpec


class Opening(Doing):
    """Actions that push another screen."""

    look: Look

    @property
    @abstractmethod
    def charted(self) -> "Sequence[Subject]":
        """What charts show."""

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
        from labtui.console.run.screen import RunScreen

        run = self.run_here
        if run is not None:
            self.app.push_screen(RunScreen(run.id, self.look, lambda: self.run_order))
        else:
            self.action_launch()

    def action_chart(self) -> None:
        """Charts on the whole screen."""
        from labtui.console.charts.screen import ChartsScreen

        self.app.push_screen(ChartsScreen(lambda: self.charted, self.look, self.action_sibling))

    def action_compare(self) -> None:
        """The comparison of what is marked, else of everything that has run."""
        from labtui.console.comparison.screen import CompareScreen

        self.app.push_screen(CompareScreen(self.look, *self.compared))

    def action_matched(self) -> None:
        """The matched baseline of what is pointed at: the comparison finds it, or the dialog asks for it."""
        from labtui.console.comparison.screen import CompareScreen

        if entry := next(iter(self.pointed), None):
            name = entry.variant.spec.name if entry.variant else entry.title
            self.app.push_screen(CompareScreen(self.look, (name,), match=name))

    @property
    def compared(self) -> "tuple[Sequence[str], Mapping[str, str]]":
        """Names to compare, none for everything, and marks by title."""
        return (), {}

    def launch(self, wish: "Wish", *later: "Wish") -> None:
        """The dialog that asks what is to run, begun with a wish; once that is queued, the next one."""
        from labtui.console.launch.screen import LaunchScreen

        def answered(wanted: "Wish | None") -> None:
            if wanted is not None:
                lab = self.app.lab
                self.app.perform(lambda tell: deeds.queue_wish(lab, wanted, tell))
                if later:
                    self.launch(*later)

        self.app.push_screen(LaunchScreen(wish), answered)

    def action_launch(self) -> None:
        """The dialog that asks what is to run."""
        self.launch(self.wished)

    @property
    def wished(self) -> "Wish":
        """What the launch dialog begins with: the experiments that are pointed at."""
        from labtui.console.launch.request import Wish

        return Wish(tuple(dict.fromkeys(entry.variant.spec.name for entry in self.pointed if entry.variant)))

    @property
    def contrasted(self) -> "tuple[Sequence[tuple[str, RunSpec]], tuple[str, ...]]":
        """The titled specs whose difference is asked for, and the declared factor."""
        from labtui.api.comparison import variants
        from labtui.console.comparison.spec_diff import specs_of

        return specs_of(self.pointed, variants(self.app.lab))

    def action_diff(self) -> None:
        """In which keys specs differ."""
        from labtui.console.comparison.diff_screen import DiffScreen

        specs, factor = self.contrasted
        if len(specs) > 1:
            self.app.push_screen(DiffScreen(specs, factor))
        else:
            self.app.say("there is no second spec to compare with: mark two, or declare a baseline", ink="warn")

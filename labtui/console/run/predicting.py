"""A page about one run that reads what the run said about the test images, in a worker, when that is looked at."""

from abc import abstractmethod
from typing import TYPE_CHECKING

from labtui.console.messages import PredictionsRead
from labtui.console.run.predictions import Predicted, read_predicted
from labtui.console.ui.page import Page

if TYPE_CHECKING:
    from labtui.store.run import Run
    from labtui.store.state import State


class Predicting(Page):
    """State: the run's id, what was read of it."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.predicted: Predicted | None = None
        self._read_in: State | None = None

    @property
    @abstractmethod
    def run_here(self) -> "Run | None":
        """The run; None once its folder is gone."""

    @property
    @abstractmethod
    def wants_predictions(self) -> bool:
        """Whether they are looked at."""

    @abstractmethod
    def show_run(self) -> None:
        """Show what was read."""

    def read_predictions(self) -> None:
        """Read them once for every state that the run is in, until they are there."""
        run, known = self.run_here, self.predicted
        there = known is not None and known.matrix is not None
        if self.wants_predictions and run is not None and not there and self._read_in != run.state:
            self._read_in = run.state
            self.work(lambda: PredictionsRead(read_predicted(run)), "predictions")

    def forget_predictions(self) -> None:
        """Another run is looked at."""
        self.predicted = self._read_in = None

    def on_predictions_read(self, message: PredictionsRead) -> None:
        """Show them, if they are still asked for."""
        if message.predicted.run_id == self.run_id:
            self.predicted = message.predicted
            self.show_run()

    def give_up(self, why: str) -> None:
        """There are no test images, and this is why."""
        self.predicted = Predicted(self.run_id, why)
        self.show_run()

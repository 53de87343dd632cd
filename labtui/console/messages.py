"""What workers say to the screens: data only."""

from typing import TYPE_CHECKING

from textual.message import Message

from labtui.console.data.snapshot import Snapshot

if TYPE_CHECKING:
    from labtui.compare.model import ComparisonTable
    from labtui.console.launch.preview import Answer
    from labtui.console.run.predictions import Predicted


class RunsUpdated(Message):
    """A poll of the runs folder, whole; a newer one takes the place of one not handled yet."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        """Neighbouring updates merge into the newest."""
        return isinstance(message, RunsUpdated)


class PollFailed(Message):
    """The runs folder could not be looked at; polling goes on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Told(Message):
    """Something was done in the background, or is under way, and this is what to say about it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class DeedFailed(Message):
    """Something could not be done in the background: what happened, and what to do next."""

    def __init__(self, text: str, advice: str = "") -> None:
        super().__init__()
        self.text = text
        self.advice = advice


class PredictionsRead(Message):
    """What a run said about the test images was read."""

    def __init__(self, predicted: "Predicted") -> None:
        super().__init__()
        self.predicted = predicted


class Judged(Message):
    """The comparison was made; `turn` is the number of the question."""

    def __init__(self, table: "ComparisonTable", turn: int) -> None:
        super().__init__()
        self.table = table
        self.turn = turn


class PlanMade(Message):
    """What the launch dialog asks for was planned."""

    def __init__(self, answer: "Answer") -> None:
        super().__init__()
        self.answer = answer

"""What background work reports to the app and its screens: data only; and how background work is started."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from labtui.console.data.snapshot import Snapshot
from labtui.errors import LabError

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from labtui.compare.model import ComparisonTable
    from labtui.console.launch.preview import Preview
    from labtui.console.run.predictions import RunPredictions


class RunsUpdated(Message):
    """The runs folder was polled; a newer snapshot replaces one that was not handled yet."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        """Neighbouring updates merge into the newest."""
        return isinstance(message, RunsUpdated)


class PollFailed(Message):
    """The runs folder could not be read; polling continues."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Notification(Message):
    """What an action has done, or is doing, as a text for the status line."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class ActionFailed(Message):
    """Background work failed: what happened, and what to do next."""

    def __init__(self, text: str, advice: str = "") -> None:
        super().__init__()
        self.text = text
        self.advice = advice


class PredictionsRead(Message):
    """The predictions of a run were read."""

    def __init__(self, predictions: "RunPredictions") -> None:
        super().__init__()
        self.predictions = predictions


class Compared(Message):
    """The table of a comparison was made; `turn` is the number of the query.

    `tags` are those by which runs of other tools can be compared.
    """

    def __init__(self, table: "ComparisonTable", turn: int, tags: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.table = table
        self.turn = turn
        self.tags = tags


class PlanMade(Message):
    """What the launch dialog asks for was planned."""

    def __init__(self, preview: "Preview") -> None:
        super().__init__()
        self.preview = preview


def run_in_background(node: "DOMNode", task: Callable[[], Message | None], *, group: str, exclusive: bool) -> None:
    """Run a task in a thread and post the message that it returns to `node`; a failure is posted as ActionFailed.

    With `exclusive`, only the latest task of a group is reported.
    """

    def work() -> None:
        try:
            message = task()
        except LabError as error:
            message = ActionFailed(error.message, error.advice)
        except Exception as error:  # noqa: BLE001 - work that fails must not end the console
            message = ActionFailed(f"internal error: {type(error).__name__}: {error}")
        if message is not None:
            node.post_message(message)

    node.run_worker(work, thread=True, exclusive=exclusive, exit_on_error=False, group=group)

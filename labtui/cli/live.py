"""The moving display of foreground runs on a terminal; a module of its own, since only it imports rich."""

import os
from contextlib import suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from labtui.cli.display import QuietDisplay, program_text, say_end
from labtui.cli.follow import RunUpdate
from labtui.cli.format import progress, run_label
from labtui.spec import ProgramSpec
from labtui.store.run import Run
from labtui.store.state import State
from labtui.text.durations import duration
from labtui.text.numbers import DASH, accuracy, count, loss

REFRESHES = 4
"""Per second: enough to see it move, and few enough bytes for a slow line."""


class LiveDisplay(QuietDisplay):
    """A bar per active run on stderr; a run that has ended stands above as a line."""

    def __init__(self) -> None:
        console = Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR")), highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            _Figures(),
            console=console,
            transient=True,
            refresh_per_second=REFRESHES,
            redirect_stdout=False,
        )
        self._tasks: dict[str, TaskID] = {}
        self._progress.start()

    def started(self, run: Run) -> None:
        """Add a bar."""
        self._tasks[run.id] = self._progress.add_task(run_label(run), total=1, figures=run.state.value)

    def updated(self, update: RunUpdate) -> None:
        """Move the bar."""
        beat = update.run.beat
        # a total of None would make the bar pulse, which costs bytes and shows nothing
        total = beat.total_steps if beat is not None and beat.total_steps else 1
        done = beat.step if beat is not None else 0
        self._progress.update(self._tasks[update.run.id], total=total, completed=done, figures=_figures_text(update))

    def ended(self, run: Run) -> None:
        """Remove the bar and leave a line."""
        self._progress.remove_task(self._tasks.pop(run.id))
        say_end(run)

    def close(self) -> None:
        """Remove all bars, unless the terminal is gone."""
        with suppress(OSError):
            self._progress.stop()


class _Figures(ProgressColumn):
    """Epoch, loss, accuracy, speed and time left as plain text: no text from outside is read as markup."""

    def render(self, task: Task) -> Text:
        """The text that `updated` has put together."""
        return Text(str(task.fields["figures"]), no_wrap=True, overflow="ellipsis")


def _figures_text(update: RunUpdate) -> str:
    run, beat = update.run, update.run.beat
    if beat is None or not beat.step:
        return run.state.value + (f": {run.reason}" if run.reason else "")
    if isinstance(run.spec, ProgramSpec):
        parts = [program_text(update)]
        if run.state not in (State.RUNNING, State.STARTING):
            parts.insert(0, run.state.value)
        return "  ".join(parts)
    parts = [
        f"epoch {progress(run)}",
        f"loss {loss(update.loss)}",
        f"accuracy {accuracy(update.accuracy)}" + (" %" if update.accuracy is not None else ""),
        f"{count(beat.images_per_second) if beat.images_per_second else DASH} images/s",
        f"ETA {duration(beat.eta)}",
    ]
    if run.state not in (State.RUNNING, State.STARTING):
        parts.insert(0, run.state.value)
    return "  ".join(parts)

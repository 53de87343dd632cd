"""The moving display of runs in the foreground, on a terminal alone."""

import os
from contextlib import suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from labtui.cli.display import QuietDisplay, label, say_end
from labtui.cli.follow import Sighting
from labtui.cli.format import NOTHING, duration, number, progress
from labtui.store.run import Run

REFRESH = 4
"""Per second: enough to see it move, few enough bytes for a slow line."""


class LiveDisplay(QuietDisplay):
    """A bar per running experiment on stderr; what has ended stands above as a line."""

    def __init__(self) -> None:
        console = Console(stderr=True, no_color=bool(os.environ.get("NO_COLOR")), highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            _Figures(),
            console=console,
            transient=True,
            refresh_per_second=REFRESH,
            redirect_stdout=False,
        )
        self._tasks: dict[str, TaskID] = {}
        self._progress.start()

    def started(self, run: Run) -> None:
        """Add a bar."""
        self._tasks[run.id] = self._progress.add_task(label(run), total=1, figures=run.state.value)

    def seen(self, sighting: Sighting) -> None:
        """Move the bar."""
        beat = sighting.run.beat
        total = (
            beat.total_steps if beat is not None and beat.total_steps else 1
        )  # None would make it pulse: bytes for nothing
        done = beat.step if beat is not None else 0
        self._progress.update(
            self._tasks[sighting.run.id], total=total, completed=done, figures=_figures_text(sighting)
        )

    def ended(self, run: Run) -> None:
        """Take the bar away and leave a line."""
        self._progress.remove_task(self._tasks.pop(run.id))
        say_end(run)

    def close(self) -> None:
        """Give the terminal back, where there still is one."""
        with suppress(OSError):
            self._progress.stop()


class _Figures(ProgressColumn):
    """Epoch, loss, accuracy, speed and time left, as plain text: no outside string is read as markup."""

    def render(self, task: Task) -> Text:
        """What `seen` has put together."""
        return Text(str(task.fields["figures"]), no_wrap=True, overflow="ellipsis")


def _figures_text(sighting: Sighting) -> str:
    run, beat = sighting.run, sighting.run.beat
    if beat is None or not beat.step:
        return run.state.value + (f": {run.reason}" if run.reason else "")
    parts = [
        f"epoch {progress(run)}",
        f"loss {number(sighting.loss, 4)}",
        f"accuracy {number(sighting.accuracy, 2)}" + (" %" if sighting.accuracy is not None else ""),
        f"{number(beat.images_per_second) if beat.images_per_second else NOTHING} images/s",
        f"ETA {duration(beat.eta)}",
    ]
    if run.state.value not in ("running", "starting"):
        parts.insert(0, run.state.value)
    return "  ".join(parts)

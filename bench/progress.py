"""What is being measured, on standard error: a bar on a terminal, lines elsewhere."""

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


class Lines:
    """A line for every measurement."""

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def doing(self, what: str, done: int, of: int) -> None:
        """Say it."""
        print(f"[{done}/{of}] {what}", file=sys.stderr, flush=True)


class Bar:
    """A bar that fills, with the words beside it."""

    def __init__(self, console: Console) -> None:
        columns = (BarColumn(24), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def doing(self, what: str, done: int, of: int) -> None:
        """Show it."""
        self._progress.update(self._task, description=what, completed=done, total=of)


def shown() -> Lines | Bar:
    """What fits standard error."""
    console = Console(stderr=True)
    return Bar(console) if console.is_terminal else Lines()

"""How a download is shown: a moving bar on a terminal, a line every tenth elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from labtui.cli.format import size
from labtui.cli.streams import is_terminal, say

Progress = Callable[[int, int], None]


@contextmanager
def shown_transfer(*, quiet: bool = False) -> Iterator[Progress]:
    """A callback for bytes here and bytes in all, shown on stderr while the block lasts; nothing until it is called."""
    if quiet:
        yield lambda _done, _total: None
    elif is_terminal(sys.stderr):
        with _moving() as progress:
            yield progress
    else:
        yield _Tenths()


class _Tenths:
    """Says every tenth once, the first when there is something to say."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, done: int, total: int) -> None:
        tenth = 10 * done // total if total else 0
        if tenth > self._told:
            self._told = tenth
            say(f"fetched {size(done)} of {size(total)}")


@contextmanager
def _moving() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("fetching"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bars = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
    task = None

    def show(done: int, total: int) -> None:
        nonlocal task
        if task is None:
            bars.start()
            task = bars.add_task("fetching", total=total)
        bars.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        bars.stop()

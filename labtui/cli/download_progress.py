"""The progress of a download: a moving bar on a terminal, a line for every tenth elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from labtui.cli.streams import say, shows_escapes
from labtui.text.sizes import size

Progress = Callable[[int, int], None]
"""Takes the bytes that are here and the bytes in all."""


@contextmanager
def download_progress(*, quiet: bool = False) -> Iterator[Progress]:
    """A callback that shows progress on stderr while the block lasts; nothing is shown until it is called."""
    if quiet:
        yield lambda _done, _total: None
    elif shows_escapes(sys.stderr):
        with _bar() as progress:
            yield progress
    else:
        yield _Tenths()


class _Tenths:
    """Writes a line when another tenth is done."""

    def __init__(self) -> None:
        self._last_tenth = 0

    def __call__(self, done: int, total: int) -> None:
        tenth = 10 * done // total if total else 0
        if tenth > self._last_tenth:
            self._last_tenth = tenth
            say(f"downloaded {size(done)} of {size(total)}")


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    figures = TextColumn("{task.fields[figures]}", markup=False)
    columns = (TextColumn("downloading"), BarColumn(), figures, TimeRemainingColumn())
    bars = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
    task = None

    def show(done: int, total: int) -> None:
        nonlocal task
        if task is None:
            bars.start()
            task = bars.add_task("downloading", total=total, figures="")
        speed = bars.tasks[0].speed
        rate = f"  {size(speed)}/s" if speed else ""
        bars.update(task, completed=done, total=total, figures=f"{size(done)} of {size(total)}{rate}")

    try:
        yield show
    finally:
        bars.stop()

"""What happens when a pane cannot be drawn or a key fails: it says so in its place, and the console lives on."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from labtui.text.clean import clean_line

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from labtui.console.app import LabtuiApp

FILE_NAME = "console-errors.log"

MOST_BYTES = 1_000_000
"""The log begins anew when it is longer."""


@contextmanager
def guarded(pane: "DOMNode", show: Callable[[tuple[str, ...]], object]) -> Iterator[None]:
    """Draw a pane in the block: if that raises, `show` gets the lines to show in its place, and the log a traceback."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever fails in one pane must not end the console
        show(failure_lines(pane, error))


def failure_lines(pane: "DOMNode", error: Exception) -> tuple[str, ...]:
    """What failed, and where its traceback is, which is written now."""
    app = cast("LabtuiApp", pane.app)
    path = app.failures.record(error)
    where = (f"The traceback is in {path}",) if path else ()
    return ("This could not be drawn. Runs are not affected.", describe(error), *where)


def describe(error: Exception) -> str:
    """`internal error: ValueError: math domain error`."""
    return clean_line(f"internal error: {type(error).__name__}: {error}")


class FailureLog:
    """Writes tracebacks to a file, each failure once: a pane is drawn again several times a second."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is where the file lies; None means XDG's state folder."""
        self._folder = folder
        self.seen: set[tuple[str, ...]] = set()
        """The failures so far, by type and place."""

    def record(self, error: Exception) -> Path | None:
        """The file with the traceback, or None if it cannot be written."""
        folder = self._folder
        if folder is None:
            import platformdirs  # deferred: not needed before the first frame

            folder = platformdirs.user_state_path("labtui")
        path = folder / FILE_NAME
        place = tuple(f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__))
        if (type(error).__name__, *place) in self.seen:
            return path
        self.seen.add((type(error).__name__, *place))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            long = path.exists() and path.stat().st_size > MOST_BYTES
            with path.open("w" if long else "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write("".join(traceback.format_exception(error)))
        except OSError:
            return None
        return path

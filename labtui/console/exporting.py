"""Writing the comparison to a file, in the forms that the command line has. Nothing is ever overwritten."""

from collections.abc import Callable, Mapping
from pathlib import Path

from labtui.compare import export
from labtui.compare.rows import Table
from labtui.errors import EnvironmentFault, UsageError

WIDTH = 100
"""Columns of a text file."""

FORMS: Mapping[str, Callable[[Table], str]] = {
    ".txt": lambda table: export.to_text(table, WIDTH),
    ".csv": export.to_csv,
    ".md": export.to_markdown,
    ".tex": export.to_latex,
    ".json": export.to_json,
}
"""Writers by the ending of the file's name."""


def form_of(path: Path) -> Callable[[Table], str]:
    """The writer for a file. Raises UsageError where its ending names none."""
    try:
        return FORMS[path.suffix.casefold()]
    except KeyError:
        raise UsageError(
            f"{path.name!r} does not say in which form: end it with {', '.join(FORMS)}.", advice=""
        ) from None


def write_new(path: Path, text: str) -> str:
    """Write a file that was not there before, and say so. Raises UsageError where it was, EnvironmentFault where it
    cannot be written."""
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already; it was left as it is.", advice="Choose another name.") from None
    except OSError as fault:
        raise EnvironmentFault(f"{path} cannot be written: {fault.strerror}.", advice="") from fault
    return f"written: {path.resolve()}"

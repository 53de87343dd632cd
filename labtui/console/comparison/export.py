"""Writes comparisons and curves to files, comparisons in the formats of the command line. Never overwrites a file."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from labtui.compare.model import ComparisonTable
from labtui.compare.render import export
from labtui.compare.render.text import to_text
from labtui.console.charts.series import Series
from labtui.errors import MachineError, UsageError

WIDTH = 100
"""Columns of a text file."""

FORMATS: Mapping[str, Callable[[ComparisonTable], str]] = {
    ".txt": lambda table: to_text(table, WIDTH),
    ".csv": export.to_csv,
    ".md": export.to_markdown,
    ".tex": export.to_latex,
    ".json": export.to_json,
}
"""Writers by suffix of the file."""


def format_of(path: Path) -> Callable[[ComparisonTable], str]:
    """The writer of a file by its suffix. Raises UsageError for an unknown suffix."""
    try:
        return FORMATS[path.suffix.casefold()]
    except KeyError:
        raise UsageError(
            f"{path.name!r} has no known format: end the name with {', '.join(FORMATS)}.", advice=""
        ) from None


def write_new(path: Path, text: str) -> str:
    """Write a new file and return a message.

    Raises UsageError if it exists, and MachineError if it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists already; it was not changed.", advice="Choose another name.") from None
    except OSError as error:
        raise MachineError(f"{path} cannot be written: {error.strerror}.", advice="") from error
    return f"written: {path.resolve()}"


def series_csv(series: Sequence[Series], axis: str) -> str:
    """What a chart shows as CSV, a line per point; a missing number is an empty cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["name", "label", axis, "value", "smoothed", "sd", "n", "step", "step_unit", "relative_seconds"])
    for one in series:
        raw = one.y if one.raw is None else one.raw
        for at in range(one.x.size):
            numbers = [float(values[at]) for values in (one.x, raw, one.y)]
            sd = float(one.band[1][at] - one.band[0][at]) / 2 if one.band else None
            rest = [values[at] if values is not None else None for values in (one.counts, one.steps)]
            times = None if one.times is None else float(one.times[at])
            written = [_number(number) for number in (*numbers, sd, *rest)]
            writer.writerow([one.name, one.label, *written, one.unit if one.steps is not None else "", _number(times)])
    return stream.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.10g}"

"""`labtui export`: every point of every curve, as CSV or Parquet."""

import csv
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.options import FILE, complete_runs, existing_runs_options
from labtui.cli.streams import ReaderGone, say
from labtui.errors import MachineError, UsageError
from labtui.text.clean import clean_line
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab
    from labtui.store.curve import Curve
    from labtui.store.run import Run


class Row(NamedTuple):
    """A point of a curve; the fields are the columns."""

    run: str
    experiment: str
    title: str
    seed: int | None
    state: str
    tag: str
    step: int
    wall_time: float
    """Seconds since 1970, UTC."""
    value: float


@click.command(
    cls=LabCommand,
    examples=(
        "labtui export > points.csv",
        "labtui export dropout --tag 'test/*' -o dropout.csv",
        "labtui export -o points.parquet",
    ),
)
@click.argument("which", nargs=-1, shell_complete=complete_runs, metavar="[RUN]...")
@click.option("--tag", "tags", multiple=True, metavar="PATTERN", help="Only these tags; * and ? are wildcards.")
@click.option(
    "-o", "--output", type=FILE, metavar="FILE", help="Output file; CSV, or Parquet if its name ends in .parquet."
)
@existing_runs_options
def export(lab: "Lab", *, which: tuple[str, ...], tags: tuple[str, ...], output: Path | None) -> None:
    """Write every point of the runs' curves, one per line; runs of other tools included.

    RUN is a run id or a part of one, an experiment (its newest run), or `last`; without it, all runs. A `.parquet` file
    needs pyarrow. An existing file is not overwritten.
    """
    runs = [lab.store.find(name) for name in which] if which else list(lab.store.scan())
    if output is not None and output.exists():
        raise UsageError(f"{output} exists and is not overwritten.", advice="Choose another name.")
    rows = _rows(runs, tags)
    try:
        number = _write_parquet(output, rows) if output and output.suffix == ".parquet" else _write_csv(output, rows)
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        raise MachineError(f"{output or 'The output'} cannot be written: {error.strerror}.") from error
    say(f"{plural(number, 'point')} of {plural(len(runs), 'run')}{f' written to {output}' if output else ''}.")


def _rows(runs: "list[Run]", tags: tuple[str, ...]) -> Iterator[Row]:
    from labtui.store.reader import read_to_end

    for run in runs:
        reader = read_to_end(run.folder, foreign=not run.has_own_tags, below=run.below)
        for message in reader.damage:
            say(f"{run.id}: {message}")
        if reader.undrawn:
            say(f"{run.id}: {reader.undrawn} are no points: `labtui tb` shows them.")
        for tag, curve in sorted(reader.curves.items()):
            if not tags or any(fnmatchcase(tag, pattern) for pattern in tags):
                yield from _points(run, tag, curve)


def _points(run: "Run", tag: str, curve: "Curve") -> Iterator[Row]:
    spec = run.spec
    experiment, seed = (spec.name, spec.seed) if spec else ("", None)
    points = zip(curve.steps.tolist(), curve.wall_times.tolist(), curve.values.tolist(), strict=True)
    for step, wall_time, value in points:
        yield Row(run.id, experiment, run.display_title, seed, run.state.value, tag, step, wall_time, value)


def _write_csv(output: Path | None, rows: Iterator[Row]) -> int:
    if output is None:
        return _write_lines(sys.stdout, rows)
    with output.open("x", newline="", encoding="utf-8") as stream:
        return _write_lines(stream, rows)


def _write_lines(stream: IO[str], rows: Iterator[Row]) -> int:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(Row._fields)
    number = 0
    for row in rows:
        writer.writerow(_as_cell(value) for value in row)
        number += 1
    stream.flush()
    return number


def _as_cell(value: object) -> object:
    """Text is cleaned, and never begins with what a spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    text = clean_line(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _write_parquet(output: Path, rows: Iterator[Row]) -> int:
    try:
        import pyarrow  # type: ignore[import-not-found,import-untyped,unused-ignore]
        from pyarrow import parquet  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed.", advice="pip install pyarrow, or write a .csv file."
        ) from error
    columns = list(zip(*rows, strict=True)) or [()] * len(Row._fields)
    table = pyarrow.table({name: list(column) for name, column in zip(Row._fields, columns, strict=True)})
    parquet.write_table(table, output)
    return len(columns[0])

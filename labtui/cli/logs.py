"""`labtui logs`: what a run's engine wrote to its stdout and stderr."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtui.cli.click_ext import LabCommand
from labtui.cli.options import complete_runs, existing_runs_options
from labtui.cli.streams import put, say
from labtui.errors import UsageError
from labtui.store.run import Run
from labtui.text.words import plural

if TYPE_CHECKING:
    from labtui.api import Lab

POLL = 0.2
CHUNK = 1 << 20


@click.command(
    cls=LabCommand,
    examples=("labtui logs last", "labtui logs dropout -f", "labtui logs Dropout/s0-20261123-142501 -n 20"),
)
@click.argument("run", shell_complete=complete_runs)
@click.option("-f", "--follow", is_flag=True, help="Follow the log until the run ends.")
@click.option("-n", "--lines", type=click.IntRange(min=0), metavar="N", help="Print only the last N lines.")
@click.option(
    "--attempt", type=click.IntRange(min=1), metavar="N", help="The log of this attempt.  [default: the last one]"
)
@existing_runs_options
def logs(lab: "Lab", *, run: str, follow: bool, lines: int | None, attempt: int | None) -> None:
    """Print a run's log. RUN is a run id or a part of one, an experiment (its newest run), or `last`."""
    found = lab.store.find(run)
    log = _log_of(found, attempt)
    if found.foreign:
        say(f"{found.id} was written by another tool: labtui has no log of it.")
        return
    if log is None and not follow:
        say(f"{found.id} has no log{f' of attempt {attempt}' if attempt else ''}: the run is {found.state}.")
        return
    position = 0
    if log is not None:
        position = _print_existing(log, lines)
    if follow:
        for text in _follow(lab, found, attempt, position):
            put(text)


def last_lines(run: Run, count: int) -> list[str]:
    """The last lines of the log of a run's last attempt."""
    log = _log_of(run, None)
    return [] if log is None else _tail(log, count)[0]


def _log_of(run: Run, attempt: int | None) -> Path | None:
    number = attempt or run.attempt
    if attempt is not None and attempt not in run.paths.attempt_numbers():
        raise UsageError(f"{run.id} has {plural(run.attempt, 'attempt')}; there is no attempt {attempt}.")
    log = run.paths.attempt(number).log if number else None
    return log if log is not None and log.is_file() and not log.is_symlink() else None


def _print_existing(log: Path, count: int | None) -> int:
    if count is not None:
        lines, position = _tail(log, count)
        for line in lines:
            put(line)
        return position
    position = 0
    for text, after in _chunks(log, 0):
        position = after
        put(text)
    return position


def _tail(log: Path, count: int) -> tuple[list[str], int]:
    size = log.stat().st_size
    with log.open("rb") as stream:
        stream.seek(max(0, size - CHUNK))
        content = stream.read(size - stream.tell())
    lines = content.decode("utf-8", "replace").splitlines()
    return lines[len(lines) - min(count, len(lines)) :], size


def _chunks(log: Path, position: int) -> Iterator[tuple[str, int]]:
    """Whole lines from `position` on, a chunk at a time, each chunk with the position after it."""
    with log.open("rb") as stream:
        size = stream.seek(0, 2)
        if size < position:  # it grew too large and was cut to its end; what was shown is gone
            position = 0
        stream.seek(position)
        while content := stream.read(CHUNK):
            end = content.rfind(b"\n") + 1 or (len(content) if len(content) == CHUNK else 0)
            if not end:
                return
            position += end
            stream.seek(position)
            yield content[:end].decode("utf-8", "replace").removesuffix("\n"), position


def _follow(lab: "Lab", run: Run, attempt: int | None, position: int) -> Iterator[str]:
    shown = _log_of(run, attempt)
    while True:
        over = run.state.is_over  # before reading: all that was written before the end is then read
        log = _log_of(run, attempt)
        if log != shown:  # resumed meanwhile: the next attempt has a log of its own
            shown, position = log, 0
        if log is not None:
            for text, after in _chunks(log, position):
                position = after
                yield text
        if over:
            return
        time.sleep(POLL)
        run = lab.store.get(run.id)

"""Commands as contenders: a process measured to its end, or to its first optimizer step."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.harness import Round, Sample, Skipped
from bench.process_contender import ROOT
from labtui.store import tags
from labtui.store.files import read_json
from labtui.store.reader import read_curves
from labtui.store.records import Launch

POLL_INTERVAL = 0.01
"""Seconds between two polls for a first step."""

TIMEOUT = 120.0
"""Seconds to wait for a first step, and for the end of a stopped command."""


@dataclass(frozen=True, slots=True)
class Command:
    """A Python command, measured from start to end; `arguments` gets a new runs folder and returns its arguments."""

    name: str
    arguments: Callable[[Path], Sequence[str]]

    @contextmanager
    def open(self) -> Iterator[Round]:
        """Each round has a runs folder of its own."""
        with tempfile.TemporaryDirectory(prefix="labtui-bench-") as place:

            def measure() -> Sample:
                runs = Path(tempfile.mkdtemp(dir=place))
                began = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, *self.arguments(runs)],
                    cwd=ROOT, env=isolated_environment(Path(place)), capture_output=True, text=True,
                )  # fmt: skip
                seconds = time.perf_counter() - began
                if done.returncode:
                    raise RuntimeError(f"{self.name}: exit code {done.returncode}\n{done.stderr[-2_000:]}")
                return Sample(1, seconds)

            yield measure


@dataclass(frozen=True, slots=True)
class ToFirstStep:
    """A Python program, measured from its start to its first optimizer step.

    `prepare` gets a new folder, and returns the arguments of Python and the folder in which the event file will be, or
    None if the program prints the time of its first step.
    """

    name: str
    prepare: Callable[[Path], tuple[Sequence[str], Path | None]]
    skip: str = ""

    @contextmanager
    def open(self) -> Iterator[Round]:
        """Each round has a folder of its own."""
        if self.skip:
            raise Skipped(self.skip)
        with tempfile.TemporaryDirectory(prefix="labtui-bench-", ignore_cleanup_errors=True) as place:

            def measure() -> Sample:
                arguments, runs = self.prepare(Path(tempfile.mkdtemp(dir=place)))
                began = time.time()
                child = subprocess.Popen(
                    [sys.executable, *arguments],
                    cwd=ROOT, env=isolated_environment(Path(place)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                try:
                    first_step = _printed_time(child) if runs is None else _recorded_time(runs, child)
                finally:
                    _stop(child)
                return Sample(1, first_step - began)

            yield measure


@dataclass(frozen=True, slots=True)
class FurtherRuns:
    """The second and third run of one command, measured from the launch of a run to its first optimizer step.

    With `forked` they are forked from a fork server; otherwise each is started on its own.
    """

    name: str
    forked: bool

    @contextmanager
    def open(self) -> Iterator[Round]:
        """A round is one command of three runs on the embedded digits; its sample is the median of the last two."""
        with tempfile.TemporaryDirectory(prefix="labtui-bench-") as place:

            def measure() -> Sample:
                runs = Path(tempfile.mkdtemp(dir=place))
                arguments = [
                    "-m",
                    "labtui",
                    "run",
                    "network",
                    "--seeds",
                    "3",
                    "--epochs",
                    "1",
                    "--dataset",
                    "digits",
                    "-q",
                ]
                environment = isolated_environment(Path(place))
                if not self.forked:
                    environment = {**environment, "LABTUI_WARM": "no"}
                command = [sys.executable, *arguments, "-j", "1", "--device", "cpu", "--runs", str(runs)]
                subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
                return Sample(1, statistics.median(_seconds_to_first_step(runs)[1:]))

            yield measure


def _seconds_to_first_step(runs: Path) -> list[float]:
    """Seconds from the launch of each run to its first step, in the order of their launches."""
    launches = []
    for file in runs.rglob("launch.json"):
        folder = file.parents[2]
        started = read_json(file, Launch).started
        launches.append((started, float(read_curves(folder)[tags.TRAIN_LOSS].wall_times[0]) - started))
    return [seconds for _, seconds in sorted(launches)]


def isolated_environment(place: Path) -> Mapping[str, str]:
    """The environment of a command that does not touch the user's own state, cache and device slots."""
    folders = {name: str(place / name.lower()) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    return {**os.environ, **folders}


def _printed_time(child: "subprocess.Popen[bytes]") -> float:
    assert child.stdout is not None
    return float(child.stdout.readline())


def _recorded_time(runs: Path, child: "subprocess.Popen[bytes]") -> float:
    """Wall time of the first recorded step. Raises RuntimeError if there is none in time."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        for file in runs.rglob("events.out.tfevents.*"):
            curve = read_curves(file.parent).get(tags.TRAIN_LOSS)
            if curve is not None and len(curve.wall_times):
                return float(curve.wall_times[0])
        if child.poll() is not None:
            break
        time.sleep(POLL_INTERVAL)
    raise RuntimeError("no first step was recorded")


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """Ask the program to stop, like Ctrl-C, and wait for its end: its child processes end with it."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    try:
        child.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()

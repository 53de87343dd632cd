"""Commands of labtui as contenders: a process from its start to its end, or to the first step that it records."""

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

from bench.contenders import ROOT
from bench.harness import Round, Sample, Skipped
from labtui.store import tags
from labtui.store.files import read_json
from labtui.store.reader import read_curves
from labtui.store.records import Launch

LOOK = 0.01
"""Seconds between two looks for a first step."""

PATIENCE = 120.0
"""Seconds that a first step, or the end of a stopped command, is waited for."""


@dataclass(frozen=True, slots=True)
class Command:
    """A labtui command, timed from start to end; `arguments` gets a new runs folder and gives its words."""

    name: str
    arguments: Callable[[Path], Sequence[str]]

    @contextmanager
    def open(self) -> Iterator[Round]:
        """Each round has a runs folder of its own."""
        with tempfile.TemporaryDirectory(prefix="labtui-bench-") as place:

            def play() -> Sample:
                runs = Path(tempfile.mkdtemp(dir=place))
                began = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, *self.arguments(runs)],
                    cwd=ROOT, env=surroundings(Path(place)), capture_output=True, text=True,
                )  # fmt: skip
                seconds = time.perf_counter() - began
                if done.returncode:
                    raise RuntimeError(f"{self.name}: exit code {done.returncode}\n{done.stderr[-2_000:]}")
                return Sample(1, seconds)

            yield play


@dataclass(frozen=True, slots=True)
class ToFirstStep:
    """A program, timed from its start to its first optimizer step.

    `prepare` gets a new folder and gives the words of the program and the folder in which its event file will be, or
    None where it prints the time of its first step itself.
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

            def play() -> Sample:
                words, runs = self.prepare(Path(tempfile.mkdtemp(dir=place)))
                began = time.time()
                child = subprocess.Popen(
                    [sys.executable, *words],
                    cwd=ROOT, env=surroundings(Path(place)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                try:
                    then = _printed(child) if runs is None else _recorded(runs, child)
                finally:
                    _stop(child)
                return Sample(1, then - began)

            yield play


@dataclass(frozen=True, slots=True)
class FurtherRuns:
    """The runs after the first of a command: from the moment that a run's parent takes it to its first step.

    With `forked`, they are forks of a fork server; otherwise each is started on its own.
    """

    name: str
    forked: bool

    @contextmanager
    def open(self) -> Iterator[Round]:
        """A round is one command of three runs on the embedded digits; its sample is the median of the last two."""
        with tempfile.TemporaryDirectory(prefix="labtui-bench-") as place:

            def play() -> Sample:
                runs = Path(tempfile.mkdtemp(dir=place))
                words = ["-m", "labtui", "run", "network", "--seeds", "3", "--epochs", "1", "--dataset", "digits", "-q"]
                own = surroundings(Path(place))
                subprocess.run(
                    [sys.executable, *words, "-j", "1", "--device", "cpu", "--runs", str(runs)],
                    cwd=ROOT, env=own if self.forked else {**own, "LABTUI_WARM": "no"}, capture_output=True, check=True,
                )  # fmt: skip
                return Sample(1, statistics.median(_to_first_steps(runs)[1:]))

            yield play


def _to_first_steps(runs: Path) -> list[float]:
    """Seconds from each run's start to its first step, in the order in which they started."""
    taken = []
    for file in runs.rglob("launch.json"):
        folder = file.parents[2]
        started = read_json(file, Launch).started
        taken.append((started, float(read_curves(folder)[tags.TRAIN_LOSS].wall_times[0]) - started))
    return [seconds for _, seconds in sorted(taken)]


def surroundings(place: Path) -> Mapping[str, str]:
    """The environment of a command that leaves the user's own state, cache and device slots alone."""
    own = {name: str(place / name.lower()) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    return {**os.environ, **own}


def _printed(child: "subprocess.Popen[bytes]") -> float:
    assert child.stdout is not None
    return float(child.stdout.readline())


def _recorded(runs: Path, child: "subprocess.Popen[bytes]") -> float:
    """When the first step was recorded, by the clock of who recorded it. Raises RuntimeError where none comes."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for file in runs.rglob("events.out.tfevents.*"):
            curve = read_curves(file.parent).get(tags.TRAIN_LOSS)
            if curve is not None and len(curve.wall_times):
                return float(curve.wall_times[0])
        if child.poll() is not None:
            break
        time.sleep(LOOK)
    raise RuntimeError("no first step was recorded")


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """Ask once, as Ctrl-C does, and wait: what it started ends with it."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
    try:
        child.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()

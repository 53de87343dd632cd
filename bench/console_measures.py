"""Contenders on a terminal: each round starts a program in a pty, measures it, and ends it."""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from string import ascii_uppercase

import psutil

from bench.commands import isolated_environment
from bench.harness import Round, Sample, Skipped, percentile
from bench.inputs import run_names
from bench.live_runs import LiveRun, LiveRuns
from bench.process_contender import ROOT
from bench.run_folders import EVENTS, make_runs
from bench.terminal import TIMEOUT, Terminal
from labtui.console import saved_state
from labtui.store.curve_cache import CurveCache
from labtui.store.reader import read_curves

SETTLING_TIME = 3.0
"""Seconds after the first paint in which a program may still be starting."""

QUIET_TIME = 0.4
"""Seconds without output after which everything is drawn."""

KEY_PAUSE = 0.15
"""Seconds between two keys, as when scrolling through a list."""

LOSS_STEP = 0.0007
"""Difference between the losses of two points, so that each is shown as a different number."""

Measure = Callable[[Terminal, Sequence[LiveRun]], Sample]


@dataclass(frozen=True, slots=True)
class TerminalProgram:
    """A program in a terminal. `command` gets a new folder and returns the command line."""

    name: str
    command: Callable[[Path], Sequence[str]]
    first_text: str
    """A text that appears with its first useful screen."""
    measure: Measure
    live: int = 0
    """Number of live runs during the measurement."""
    points: bool = True
    """Whether these write minibatch points too."""
    cold: bool = False
    """Whether each round starts without the console's cache."""

    @contextmanager
    def open(self) -> Iterator[Round]:
        """Create the folder; each round starts and ends the program."""
        with ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="labtui-bench-")))
            command = self.command(place)
            environment = isolated_environment(place)

            def measure() -> Sample:
                if self.cold:
                    shutil.rmtree(_cache(place), ignore_errors=True)
                with ExitStack() as round_:
                    live: Sequence[LiveRun] = ()
                    if self.live:
                        live = round_.enter_context(LiveRuns(place / "runs", self.live, points=self.points)).runs
                    terminal = round_.enter_context(Terminal(command, environment=environment, folder=str(ROOT)))
                    painted = terminal.until(self.first_text)
                    if self.measure is first_paint:
                        return Sample(1, painted - terminal.began)
                    return self.measure(terminal, live)

            yield measure


def console(runs: int, steps: int = 200) -> Callable[[Path], Sequence[str]]:
    """labtui's console with this many finished runs, each with curves of this many steps."""

    def command(place: Path) -> Sequence[str]:
        make_runs(place / "runs", runs, steps)
        return [sys.executable, "-m", "labtui", "--runs", str(place / "runs")]

    return command


def console_of_all(runs: int, steps: int) -> Callable[[Path], Sequence[str]]:
    """The same with every experiment marked, so that every run is charted; the cache is filled."""

    def command(place: Path) -> Sequence[str]:
        command_line = console(runs, steps)(place)
        marks = {letter: f"arm:{name}" for letter, name in zip(ascii_uppercase, run_names(), strict=False)}
        state = Path(isolated_environment(place)["XDG_STATE_HOME"]) / "labtui"
        saved_state.save(saved_state.path_of(place / "runs", state), saved_state.SavedState(marks=marks))
        cache = CurveCache(_cache(place))
        for file in (place / "runs").rglob(EVENTS):
            read_curves(file.parent, cache)
        return command_line

    return command


def _cache(place: Path) -> Path:
    return Path(isolated_environment(place)["XDG_CACHE_HOME"]) / "labtui" / "curves"


def bare(_: Path) -> Sequence[str]:
    """A Textual app that shows one word."""
    return [sys.executable, "-m", "bench.contenders.bare_app"]


def leet(place: Path) -> Sequence[str]:
    """`wandb leet` with three offline runs. Raises Skipped if wandb is not installed."""
    beside = Path(sys.executable).with_name("wandb")
    program = str(beside) if beside.exists() else shutil.which("wandb")
    if program is None or find_spec("wandb") is None:
        raise Skipped("wandb is not installed (pip install 'labtui[bench]')")
    created = subprocess.run(
        [sys.executable, "-m", "bench.contenders.leet_runs", str(place), "3", "200"],
        cwd=ROOT, env=isolated_environment(place), capture_output=True, text=True,
    )  # fmt: skip
    if created.returncode:
        raise Skipped(f"wandb cannot write offline runs: {created.stderr.strip().splitlines()[-1:]}")
    return [program, "leet", str(place / "wandb")]


def first_paint(_: Terminal, __: Sequence[LiveRun]) -> Sample:
    """Marks a contender of which only the first paint is measured."""
    raise AssertionError("the round measures the first paint itself")


def processor(seconds: float) -> Measure:
    """Percent of a core over this many seconds, after the start."""

    def measure(terminal: Terminal, _: Sequence[LiveRun]) -> Sample:
        terminal.watch(SETTLING_TIME)
        before, began = _processor_seconds(terminal), time.perf_counter()
        terminal.watch(seconds)
        passed = time.perf_counter() - began
        return Sample(passed / 100, _processor_seconds(terminal) - before)

    return measure


def traffic(seconds: float) -> Measure:
    """KiB written to the terminal over this many seconds, after the start; the rate is KiB/s."""

    def measure(terminal: Terminal, _: Sequence[LiveRun]) -> Sample:
        terminal.watch(SETTLING_TIME)
        began = time.perf_counter()
        written = terminal.watch(seconds)
        return Sample(written / 1024, time.perf_counter() - began)

    return measure


def keys(count: int, share: float) -> Measure:
    """Seconds from a key to the first bytes of the row that the cursor moves to: this percentile of `count` keys.

    The cursor moves between the last two rows, of experiments without a live run: nothing else updates them.
    """

    def measure(terminal: Terminal, _: Sequence[LiveRun]) -> Sample:
        terminal.watch(SETTLING_TIME)
        terminal.send(b"G")
        terminal.watch(1.0)
        latencies = []
        for key, row in itertools.islice(itertools.cycle(((b"k", "SGD 0.001"), (b"j", "SGD 0.0001"))), count):
            pressed = terminal.send(key)
            latencies.append(terminal.until(row) - pressed)
            terminal.watch(KEY_PAUSE)
        return Sample(1, percentile(latencies, share))

    return measure


def points(count: int, share: float) -> Measure:
    """Seconds from writing a point of the selected run to its number on the screen: this percentile of `count`."""

    def measure(terminal: Terminal, live: Sequence[LiveRun]) -> Sample:
        terminal.watch(SETTLING_TIME)
        terminal.send(b"g")
        terminal.watch(1.0)
        latencies = []
        for number in range(count):
            loss = 0.2 + number * LOSS_STEP
            terminal.watch(0.1 + 0.05 * (number % 7))  # at different phases of the console's polling interval
            terminal.forget()
            live[0].append_minibatch_point(loss)
            written = time.perf_counter()
            latencies.append(terminal.until(f"{loss:.4f}") - written)
        return Sample(1, percentile(latencies, share))

    return measure


def charted(terminal: Terminal, _: Sequence[LiveRun]) -> Sample:
    """Seconds from the start until the program has read every curve and drawn its last chart. Linux only.

    Every curve is read when the program has read as many bytes as all event files have, or the cache if there is one.
    Raises TimeoutError.
    """
    runs = _runs_of(terminal)
    files = list(_cache(runs.parent).glob("*")) or list(runs.rglob(EVENTS))
    total = sum(file.stat().st_size for file in files)
    while sum(process.io_counters().read_chars for process in _processes(terminal)) < total:
        if terminal.process.poll() is not None or time.perf_counter() > terminal.began + TIMEOUT:
            raise TimeoutError(f"{total:,} bytes of curves were not read within {TIMEOUT:.0f} s")
        terminal.watch(0.02)
    done = time.perf_counter()
    terminal.settle(QUIET_TIME)
    return Sample(1, max(done, terminal.last_output) - terminal.began)


def memory(seconds: float, *, mapped: bool) -> Measure:
    """Private memory in MiB of all processes of the program after this many seconds.

    Without `mapped`, pages of mapped files are excluded (on Linux only), which the system can reclaim at any time.
    """

    def measure(terminal: Terminal, _: Sequence[LiveRun]) -> Sample:
        terminal.watch(seconds)
        private = sum(process.memory_full_info().uss for process in _processes(terminal))
        if not mapped and sys.platform.startswith("linux"):
            private = sum(_anonymous_memory(process.pid) for process in _processes(terminal))
        return Sample(private / 2**20, 1)

    return measure


def _anonymous_memory(pid: int) -> int:
    """Anonymous memory in bytes; 0 for a process that has just ended."""
    try:
        rows = [line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    except ProcessLookupError:
        return 0
    return next((int(row[1]) << 10 for row in rows if row[0] == "Anonymous:"), 0)


def _runs_of(terminal: Terminal) -> Path:
    command = terminal.process.args
    assert isinstance(command, list)
    return Path(os.fsdecode(command[-1]))


def _processes(terminal: Terminal) -> list[psutil.Process]:
    first = psutil.Process(terminal.process.pid)
    return [first, *first.children(recursive=True)]


def _processor_seconds(terminal: Terminal) -> float:
    times = [process.cpu_times() for process in _processes(terminal)]
    return float(sum(own.user + own.system for own in times))

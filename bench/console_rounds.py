"""Contenders that are looked at on a terminal: each round starts the program in a pty, measures, and ends it."""

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

from bench.commands import surroundings
from bench.contenders import ROOT
from bench.harness import Round, Sample, Skipped, percentile
from bench.live_runs import LiveRun, LiveRuns
from bench.recipes import every_name
from bench.run_folders import EVENTS, make_runs
from bench.terminal import PATIENCE, Terminal
from labtui.console import saved_state
from labtui.store.curve_cache import CurveCache
from labtui.store.reader import read_curves

SETTLING = 3.0
"""Seconds after the first paint in which a program may still be getting ready."""

DRAWING = 0.4
"""Seconds without a write after which all is drawn."""

KEY_PAUSE = 0.15
"""Seconds between two keys: somebody who leafs through a list."""

STEP = 0.0007
"""Between the losses of two marked points, so that each shows as a number of its own."""

Measure = Callable[[Terminal, Sequence[LiveRun]], Sample]


@dataclass(frozen=True, slots=True)
class Shown:
    """A program in a terminal. `command` gets a folder of its own and gives the program's words."""

    name: str
    command: Callable[[Path], Sequence[str]]
    paints: str
    """A text that its first useful picture has."""
    measure: Measure
    live: int = 0
    """Runs that stream while it is measured."""
    points: bool = True
    """Whether they write minibatch points too."""
    cold: bool = False
    """Whether each round begins without what the console keeps in its cache."""

    @contextmanager
    def open(self) -> Iterator[Round]:
        """Make the folder; a round starts and ends the program."""
        with ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="labtui-bench-")))
            command = self.command(place)
            environment = surroundings(place)

            def play() -> Sample:
                if self.cold:
                    shutil.rmtree(_cache(place), ignore_errors=True)
                with ExitStack() as round_:
                    live: Sequence[LiveRun] = ()
                    if self.live:
                        live = round_.enter_context(LiveRuns(place / "runs", self.live, points=self.points)).runs
                    terminal = round_.enter_context(Terminal(command, environment=environment, folder=str(ROOT)))
                    painted = terminal.until(self.paints)
                    if self.measure is first_paint:
                        return Sample(1, painted - terminal.began)
                    return self.measure(terminal, live)

            yield play


def console(runs: int, steps: int = 200) -> Callable[[Path], Sequence[str]]:
    """labtui's console over so many finished runs, with curves of so many steps."""

    def command(place: Path) -> Sequence[str]:
        make_runs(place / "runs", runs, steps)
        return [sys.executable, "-m", "labtui", "--runs", str(place / "runs")]

    return command


def console_of_all(runs: int, steps: int) -> Callable[[Path], Sequence[str]]:
    """The same with every experiment marked, so that every run is charted; the cache is full."""

    def command(place: Path) -> Sequence[str]:
        words = console(runs, steps)(place)
        marks = {letter: f"arm:{name}" for letter, name in zip(ascii_uppercase, every_name(), strict=False)}
        state = Path(surroundings(place)["XDG_STATE_HOME"]) / "labtui"
        saved_state.save(saved_state.path_of(place / "runs", state), saved_state.SavedState(marks=marks))
        cache = CurveCache(_cache(place))
        for file in (place / "runs").rglob(EVENTS):
            read_curves(file.parent, cache)
        return words

    return command


def _cache(place: Path) -> Path:
    return Path(surroundings(place)["XDG_CACHE_HOME"]) / "labtui" / "curves"


def bare(_: Path) -> Sequence[str]:
    """A Textual app that shows one word."""
    return [sys.executable, "-m", "bench.bare_app"]


def leet(place: Path) -> Sequence[str]:
    """`wandb leet` over three offline runs. Raises Skipped where wandb is not installed."""
    beside = Path(sys.executable).with_name("wandb")
    program = str(beside) if beside.exists() else shutil.which("wandb")
    if program is None or find_spec("wandb") is None:
        raise Skipped("wandb is not installed (pip install 'labtui[bench]')")
    made = subprocess.run(
        [sys.executable, "-m", "bench.leet_runs", str(place), "3", "200"],
        cwd=ROOT, env=surroundings(place), capture_output=True, text=True,
    )  # fmt: skip
    if made.returncode:
        raise Skipped(f"wandb writes no offline runs here: {made.stderr.strip().splitlines()[-1:]}")
    return [program, "leet", str(place / "wandb")]


def first_paint(_: Terminal, __: Sequence[LiveRun]) -> Sample:
    """Named where the first paint itself is measured: there is nothing more to do then."""
    raise AssertionError("the round knows its first paint")


def processor(seconds: float) -> Measure:
    """Percent of a core, over so many seconds once it has settled."""

    def measure(terminal: Terminal, _: Sequence[LiveRun]) -> Sample:
        terminal.watch(SETTLING)
        before, began = _processor_seconds(terminal), time.perf_counter()
        terminal.watch(seconds)
        passed = time.perf_counter() - began
        return Sample(passed / 100, _processor_seconds(terminal) - before)

    return measure


def traffic(seconds: float) -> Measure:
    """KiB written to the terminal, over so many seconds once it has settled; the rate is KiB/s."""

    def measure(terminal: Terminal, _: Sequence[LiveRun]) -> Sample:
        terminal.watch(SETTLING)
        began = time.perf_counter()
        written = terminal.watch(seconds)
        return Sample(written / 1024, time.perf_counter() - began)

    return measure


def keys(count: int, share: float) -> Measure:
    """Seconds from a key to the first bytes of the row that the cursor went to: of `count` keys that percentile.

    The cursor goes up and down between the last two rows, of experiments with no live run: nothing else writes them.
    """

    def measure(terminal: Terminal, _: Sequence[LiveRun]) -> Sample:
        terminal.watch(SETTLING)
        terminal.send(b"G")
        terminal.watch(1.0)
        taken = []
        for key, row in itertools.islice(itertools.cycle(((b"k", "SGD 0.001"), (b"j", "SGD 0.0001"))), count):
            pressed = terminal.send(key)
            taken.append(terminal.until(row) - pressed)
            terminal.watch(KEY_PAUSE)
        return Sample(1, percentile(taken, share))

    return measure


def points(count: int, share: float) -> Measure:
    """Seconds from a point's write to its number on the screen, of the run under the cursor: that percentile."""

    def measure(terminal: Terminal, live: Sequence[LiveRun]) -> Sample:
        terminal.watch(SETTLING)
        terminal.send(b"g")
        terminal.watch(1.0)
        taken = []
        for number in range(count):
            loss = 0.2 + number * STEP
            terminal.watch(0.1 + 0.05 * (number % 7))  # at every phase of the console's polls
            terminal.forget()
            live[0].mark(loss)
            written = time.perf_counter()
            taken.append(terminal.until(f"{loss:.4f}") - written)
        return Sample(1, percentile(taken, share))

    return measure


def charted(terminal: Terminal, _: Sequence[LiveRun]) -> Sample:
    """Seconds from the start until the program has read every curve and drawn the last of its charts. Linux only.

    It has read them when it has read as many bytes as all event files have, or, where there is a cache, as that has.
    Raises TimeoutError.
    """
    runs = _runs_of(terminal)
    files = list(_cache(runs.parent).glob("*")) or list(runs.rglob(EVENTS))
    total = sum(file.stat().st_size for file in files)
    while sum(process.io_counters().read_chars for process in _processes(terminal)) < total:
        if terminal.process.poll() is not None or time.perf_counter() > terminal.began + PATIENCE:
            raise TimeoutError(f"{total:,} bytes of curves were not read within {PATIENCE:.0f} s")
        terminal.watch(0.02)
    done = time.perf_counter()
    terminal.settle(DRAWING)
    return Sample(1, max(done, terminal.last) - terminal.began)


def memory(seconds: float, *, mapped: bool) -> Measure:
    """Private memory in MiB (of all processes of the program) after so many seconds.

    Without what is `mapped`: pages of files, which the system takes back as it likes, are left out (on Linux only).
    """

    def measure(terminal: Terminal, _: Sequence[LiveRun]) -> Sample:
        terminal.watch(seconds)
        private = sum(process.memory_full_info().uss for process in _processes(terminal))
        if not mapped and sys.platform.startswith("linux"):
            private = sum(_of_no_file(process.pid) for process in _processes(terminal))
        return Sample(private / 2**20, 1)

    return measure


def _of_no_file(pid: int) -> int:
    """Bytes; 0 of a process that has just ended."""
    try:
        rows = [line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()]
    except ProcessLookupError:
        return 0
    return next((int(row[1]) << 10 for row in rows if row[0] == "Anonymous:"), 0)


def _runs_of(terminal: Terminal) -> Path:
    words = terminal.process.args
    assert isinstance(words, list)
    return Path(os.fsdecode(words[-1]))


def _processes(terminal: Terminal) -> list[psutil.Process]:
    first = psutil.Process(terminal.process.pid)
    return [first, *first.children(recursive=True)]


def _processor_seconds(terminal: Terminal) -> float:
    times = [process.cpu_times() for process in _processes(terminal)]
    return float(sum(one.user + one.system for one in times))

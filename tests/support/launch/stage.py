"""Runs with fake engines for the tests of launch and console, and what they look at: processes, records, logs."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from labtui.launch.devices import Device
from labtui.launch.launcher import Interpreter, start
from labtui.launch.order import Claimed
from labtui.spec import Adam, Cnn, Constant, Data, RunSpec, Training
from labtui.store.files import read_json_or_none
from labtui.store.process import process_id
from labtui.store.records import Exit, Launch
from labtui.store.run import Run
from labtui.store.store import Store
from tests.support.processes import environment

HERE = Path(__file__).resolve().parent
CPU = Device(name="cpu", title="a CPU", cores=2)
SPEC = RunSpec(
    experiment="fake",
    title="Fake",
    group="Tests",
    seed=0,
    protocol="standard",
    data=Data(name="digits"),
    model=Cnn(),
    penalty=None,
    optimizer=Adam(),
    scheduler=Constant(),
    training=Training(),
)


class Stage:
    """A runs folder whose runs start fake engines."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Store(root)

    def run(self) -> Run:
        return self.store.create(SPEC)

    def start(self, run: Run, mode: str = "work", **options: object) -> Claimed:
        options = {"device": CPU, "threads": 1, "data_root": self.root, **options}
        return start(run.folder, interpreter=fake_interpreter(mode), **options)

    def started(self, mode: str = "work", **options: object) -> Run:
        """A new run whose engine is at work."""
        run = self.run()
        self.start(run, mode, **options)
        return self.at_work(run)

    def at_work(self, run: Run) -> Run:
        """The run once the engine of its highest attempt has announced itself."""
        wait_until(lambda: (last := run.paths.last_attempt()) and str(last.number) in engines(run))
        return self.store.get(run.id)

    def some_at_work(self, runs: list[Run], count: int) -> list[Run]:
        """The first of the runs to be at work, once there are so many."""
        wait_until(lambda: len([run for run in runs if engines(run)]) >= count)
        return [self.store.get(run.id) for run in runs if engines(run)]

    def ended(self, run: Run) -> Run:
        """The run once it is over."""
        wait_until(lambda: self.store.get(run.id).state.is_over and not any(map(is_there, pids(run))))
        return self.store.get(run.id)


def fake_interpreter(mode: str) -> Interpreter:
    """An interpreter whose supervisor starts the fake engine in this mode."""
    return Interpreter(environment=environment(), program=("-P", str(HERE / "supervisor.py"), mode))


def wait_until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not true after {seconds:.0f} s"
        time.sleep(0.01)


def is_there(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    return process_id(pid) is not None


def engines(run: Run) -> Counter[str]:
    """The number of engines that announced themselves, by attempt."""
    try:
        lines = (run.folder / "engines.txt").read_text().splitlines()
    except FileNotFoundError:
        return Counter()
    return Counter(line.split()[0] for line in lines)


def launch_of(run: Run, attempt: int | None = None) -> Launch | None:
    number = attempt or run.paths.last_attempt().number
    return read_json_or_none(run.paths.attempt(number).launch, Launch)


def exit_of(run: Run, attempt: int | None = None) -> Exit | None:
    number = attempt or run.paths.last_attempt().number
    return read_json_or_none(run.paths.attempt(number).exit, Exit)


def pids(run: Run) -> list[int]:
    """The pids of every supervisor and engine that any attempt recorded."""
    launches = [launch_of(run, number) for number in run.paths.attempt_numbers()]
    return [who.pid for launch in launches if launch for who in (launch.parent, launch.engine) if who]


def children_of(run: Run) -> list[int]:
    """The pids of what a `family` engine started, once all of it is there."""
    path = run.folder / "children.txt"
    wait_until(lambda: path.exists() and path.read_text().count("\n") == 2)
    return [int(line) for line in path.read_text().split()]


def log_of(run: Run) -> str:
    return run.paths.last_attempt().log.read_text()


def breaches(run: Run) -> list[str]:
    """The names of the traces left by engines that met another engine in the folder, or ran without being recorded."""
    return [path.name for kind in ("two-engines-*", "unrecorded-*") for path in run.folder.glob(kind)]

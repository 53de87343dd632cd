"""Starting a run on this machine, in the care of a small parent that outlives whoever starts it."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from labtui.errors import EnvironmentFault, LabError, UsageError
from labtui.launch.daemonize import importable, spawn
from labtui.launch.devices import Device
from labtui.launch.order import Answer, Claimed, Order, Refused, Why, last_answer
from labtui.launch.slots import Slot
from labtui.store.files import read_json_or_none
from labtui.store.lock import LOCK_TIMEOUT
from labtui.store.paths import RunPaths
from labtui.store.records import Launch
from labtui.text.clean import clean_line

PARENT = ("-P", "-m", "labtui.launch.supervisor")
"""What Python is told to run; the run folder and the order follow."""


class NotStarted(LabError):
    """Nothing was started; `why` says in a word what the message says in a sentence."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message, advice=refused.advice)
        self.why: Why = refused.why


class AlreadyRunning(NotStarted):
    """The run is in somebody's hands: it runs, or this very attempt was started by somebody else."""


class NotStartable(NotStarted, EnvironmentFault):
    """The disk or the folder is in the way."""


class Warm(Protocol):
    """A process that has the engine loaded: labtui.launch.fork_server.client.WarmProcess."""

    @property
    def loading(self) -> bool:
        """Whether to wait for it."""

    def fileno(self) -> int:
        """Readable once it has loaded or ended."""

    def close(self) -> None:
        """Nothing more will be started from it."""

    def ask(self, folder: Path, order: Order, written: str) -> Answer | None:
        """What the small parent that it forked said; None where this order must be started cold."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that starts the small parent and the engine, with its environment and current folder."""

    path: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=lambda: importable(os.environ))
    folder: Path | None = None
    program: Sequence[str] = PARENT
    warm: Warm | None = field(default=None, compare=False)
    """A process of this very interpreter to start from, where there is one."""


def start(
    folder: Path,
    *,
    device: Device,
    threads: int,
    data_root: Path,
    resume: bool = False,
    catalog_folder: Path | None = None,
    attempt: int | None = None,
    slot: Slot | None = None,
    take_over: bool = False,
    patience: float = LOCK_TIMEOUT,
    interpreter: Interpreter | None = None,
) -> Claimed:
    """Start the run in `folder` and return once its attempt is claimed; its parent is then nobody's child.

    `attempt` is the number to claim, by default the one after the highest that is there now; of two starters with one
    number, one is told that the other was first. With `resume` the run goes on from its last checkpoint, with the
    threads of its first attempt whatever `threads` says, since their number changes the bits. `slot` is kept by the run
    until its last process has ended; the caller closes its own copy. `patience` is how many seconds an earlier attempt
    that is just ending is waited for.

    Raises AlreadyRunning, NotStarted, EnvironmentFault, UsageError.
    """
    paths = RunPaths(folder.absolute())
    order = Order(
        attempt=attempt or next_attempt(paths),
        device=device.name,
        device_name=device.title,
        device_uuid=device.uuid,
        threads=(resume and recorded_threads(paths)) or threads,
        data_root=str(data_root.absolute()),
        resume=resume,
        catalog_folder=str(catalog_folder.absolute()) if catalog_folder else None,
        slots=slot.descriptors if slot else (),
        take_over=take_over,
        patience=patience,
    )
    return submit(paths, order, interpreter or Interpreter())


def submit(paths: RunPaths, order: Order, interpreter: Interpreter) -> Claimed:
    """Hand an order to a new small parent and return its word; raises as `start` does."""
    try:
        written = msgspec.json.encode(order).decode()
    except UnicodeEncodeError as fault:
        raise UsageError(f"A path that is not UTF-8 cannot be recorded: {fault.object!r}.") from fault
    answer = interpreter.warm.ask(paths.folder, order, written) if interpreter.warm else None
    answer = answer or _start_cold(paths.folder, order, written, interpreter)
    if isinstance(answer, Claimed):
        return answer
    if answer.why in ("running", "claimed"):
        raise AlreadyRunning(answer)
    raise NotStartable(answer) if answer.why in ("environment", "full") else NotStarted(answer)


def _start_cold(folder: Path, order: Order, written: str, interpreter: Interpreter) -> Answer:
    command = [interpreter.path, *interpreter.program, str(folder), written]
    said = spawn(command, cwd=interpreter.folder, environment=interpreter.environment, keep=order.slots)
    answer = last_answer(said)
    if answer is None:
        raise EnvironmentFault(f"The parent of {folder.name} ended without a word.{_quoted(said)}")
    return answer


def next_attempt(paths: RunPaths) -> int:
    """The number after the highest attempt."""
    last = paths.last_attempt()
    return last.number + 1 if last else 1


def recorded_threads(paths: RunPaths) -> int | None:
    """The threads of the first attempt that recorded any: they are fixed at the first launch."""
    for number in paths.attempt_numbers():
        launch = read_json_or_none(paths.attempt(number).launch, Launch)
        if launch is not None and launch.threads > 0:
            return launch.threads
    return None


def _quoted(said: str) -> str:
    lines = said.strip().splitlines()[-3:]
    return clean_line(" It said: " + " / ".join(lines)) if lines else ""

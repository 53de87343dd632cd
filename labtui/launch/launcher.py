"""Start a run on this machine, under a supervisor process that outlives the starter."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from labtui.errors import LabError, MachineError, UsageError
from labtui.launch.daemonize import spawn
from labtui.launch.devices import Device
from labtui.launch.environment import importable_environment
from labtui.launch.order import Answer, Claimed, Order, RefusalReason, Refused, last_answer
from labtui.launch.seal import program_file
from labtui.launch.slots import Slot
from labtui.store.files import read_json_or_none
from labtui.store.lock import LOCK_TIMEOUT
from labtui.store.paths import RunPaths
from labtui.store.records import Launch
from labtui.text.clean import clean_line

SUPERVISOR = ("-P", "-m", "labtui.launch.supervisor")
"""Python's arguments; the run folder and the order follow."""


class NotStarted(LabError):
    """Nothing was started. `why` is the reason as one word, the message says it in a sentence."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message, advice=refused.advice)
        self.why: RefusalReason = refused.why


class AlreadyRunning(NotStarted):
    """The run is running, or another process has started this very attempt."""


class NotStartable(NotStarted, MachineError):
    """There is a problem with the disk or the folder."""


class ForkServer(Protocol):
    """A process that has the engine loaded: labtui.launch.fork_server.client.ForkServerProcess."""

    @property
    def loading(self) -> bool:
        """Whether it is still loading; it is then worth waiting for."""

    def fileno(self) -> int:
        """Readable once it has loaded or exited."""

    def close(self) -> None:
        """End it; runs that it started continue."""

    def submit(self, folder: Path, order: Order, encoded: str) -> Answer | None:
        """The answer of the supervisor that it forked; None if this order must be started without it."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that runs the supervisor and the engine, with its environment and working folder."""

    path: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=lambda: importable_environment(os.environ))
    folder: Path | None = None
    program: Sequence[str] = SUPERVISOR
    fork_server: ForkServer | None = field(default=None, compare=False)
    """A process of this very interpreter to fork from, if there is one."""


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
    timeout: float = LOCK_TIMEOUT,
    interpreter: Interpreter | None = None,
) -> Claimed:
    """Start the run in `folder` and return once its attempt is claimed; its supervisor is then detached.

    `attempt` is the number to claim, by default the one after the present highest; if two starters order the same
    number, one of them is refused. With `resume`, the run resumes from its last checkpoint with the threads of its
    first attempt whatever `threads` says, because their number changes the bits of the result. The run holds `slot`
    until its last process has exited; the caller closes its own copy. `timeout` is the number of seconds to wait for an
    earlier attempt that is just ending.

    Raises AlreadyRunning, NotStarted, MachineError, UsageError.
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
        timeout=timeout,
    )
    return submit(paths, order, interpreter or Interpreter())


def submit(paths: RunPaths, order: Order, interpreter: Interpreter) -> Claimed:
    """Give an order to a new supervisor and return its answer; raises as `start` does."""
    try:
        encoded = msgspec.json.encode(order).decode()
    except UnicodeEncodeError as error:
        raise UsageError(f"A path that is not UTF-8 cannot be recorded: {error.object!r}.") from error
    fork_server = interpreter.fork_server
    is_program = fork_server is not None and program_file(paths) is not None
    answer = fork_server.submit(paths.folder, order, encoded) if fork_server and not is_program else None
    answer = answer or _spawn_supervisor(paths.folder, order, encoded, interpreter)
    if isinstance(answer, Claimed):
        return answer
    if answer.why in ("running", "claimed"):
        raise AlreadyRunning(answer)
    raise NotStartable(answer) if answer.why in ("environment", "full") else NotStarted(answer)


def _spawn_supervisor(folder: Path, order: Order, encoded: str, interpreter: Interpreter) -> Answer:
    command = [interpreter.path, *interpreter.program, str(folder), encoded]
    output = spawn(command, cwd=interpreter.folder, environment=interpreter.environment, pass_fds=order.slots)
    answer = last_answer(output)
    if answer is None:
        raise MachineError(f"The supervisor of {folder.name} exited without reporting.{_quoted(output)}")
    return answer


def next_attempt(paths: RunPaths) -> int:
    """The number after the highest attempt."""
    last = paths.last_attempt()
    return last.number + 1 if last else 1


def recorded_threads(paths: RunPaths) -> int | None:
    """The threads of the first attempt that recorded any: they stay the same for all attempts."""
    for number in paths.attempt_numbers():
        launch = read_json_or_none(paths.attempt(number).launch, Launch)
        if launch is not None and launch.threads > 0:
            return launch.threads
    return None


def _quoted(output: str) -> str:
    lines = output.strip().splitlines()[-3:]
    return clean_line(" Its output: " + " / ".join(lines)) if lines else ""

"""The small parent of an engine: `python -m labtui.launch.supervisor RUN_DIR ORDER`.

It claims the attempt, holds the run's lock, writes down with what the engine runs and how it ended, and survives the
console, the terminal and the connection. It imports little, so that it starts in a blink and is never the process that
a machine out of memory picks.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec

from labtui.errors import EnvironmentFault
from labtui.launch.claim import Claim, Refusal, claim, in_the_way, remove_leftovers
from labtui.launch.daemonize import Signals, redirect_output, stand_alone
from labtui.launch.log import CappedLog, open_log
from labtui.launch.order import Answer, Claimed, Order
from labtui.launch.provenance import commit_of, versions
from labtui.store.files import write_json
from labtui.store.paths import AttemptPaths, RunPaths
from labtui.store.process import boot_id, host, process_id
from labtui.store.records import Exit, Launch

_NOT_STARTED = 127
_FORWARDED = frozenset({signal.SIGTERM, signal.SIGINT})

Become = Callable[[Sequence[str], Mapping[str, str], Sequence[int]], None]
"""Makes the forked process the program of a command line, in an environment, with descriptors to keep beside 0, 1 and
2. It returns only by failing."""


def execute(command: Sequence[str], environment: Mapping[str, str], keep: Sequence[int]) -> None:
    """Have the system load the program in our place. Raises OSError."""
    for descriptor in keep:
        os.set_inheritable(descriptor, True)
    os.execve(command[0], list(command), dict(environment))  # noqa: S606 (no shell on purpose)


class Child:
    """A process in a group of its own that waits, before its program begins, for `release`.

    Its pid can so be written down before it has done anything. If the parent dies first, the gate's pipe closes and the
    child ends without ever having become the engine: no engine runs that is not recorded.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        keep: Sequence[int] = (),
        become: Become = execute,
    ) -> None:
        """Fork. `keep` are descriptors that the program inherits beside 0, 1 and 2. Raises OSError."""
        gate, self._key = os.pipe()
        signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _wait_at(gate, self._key, lambda: become(command, environment, keep), command[0])
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
            os.close(gate)

    def release(self) -> None:
        """Let the program begin."""
        with suppress(BrokenPipeError):  # it was killed at the gate
            os.write(self._key, b"!")
        os.close(self._key)

    def send(self, number: int) -> None:
        """Send a signal to the process itself; it is a child not yet reaped, so the pid is its own."""
        os.kill(self.pid, number)

    def ended(self) -> Exit | None:
        """How it ended, or None while it runs. What it started and left behind is killed with it."""
        if hasattr(os, "waitid"):
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return None
            # Not reaped yet, so no stranger can have been given the group's number.
            self._kill_group()
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        if not hasattr(os, "waitid"):
            self._kill_group()
        return _exit(status)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _exit(status: int) -> Exit:
    code = os.waitstatus_to_exitcode(status)
    return Exit(code=code, ended=time.time()) if code >= 0 else Exit(signal=-code, ended=time.time())


def _wait_at(gate: int, key: int, begin: Callable[[], None], name: str) -> NoReturn:
    """In the child: wait at the gate, then begin the program. Never returns into the parent's code."""
    try:
        os.setpgid(0, 0)
        os.close(key)
        for number in _FORWARDED:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
        if os.read(gate, 1):
            begin()
    except BaseException as fault:  # noqa: BLE001 (nothing may climb out of a forked child)
        sys.stderr.write(f"{name} cannot be started: {fault}\n")
        sys.stderr.flush()
    os._exit(_NOT_STARTED)


ENGINE = (sys.executable, "-P", "-m", "labtui.engine")
"""The program that gets the run folder as its argument."""

_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})
EXIT_TRIES, EXIT_PAUSE = 20, 0.25
_SPARE_BYTES = 8192


def main(arguments: Sequence[str], engine: Sequence[str] = ENGINE) -> int:
    """Start one attempt and see it to its end. Exit code 0 also where the attempt was refused: the answer says so."""
    attend(RunPaths(Path(arguments[0])), msgspec.json.decode(arguments[1], type=Order), engine)
    return 0


def attend(paths: RunPaths, order: Order, engine: Sequence[str] = ENGINE, become: Become = execute) -> None:
    """Be the parent of one attempt, from its claim to its end; tell on standard output whether it could be claimed."""
    if order.detach:
        stand_alone()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals = Signals([signal.SIGCHLD, *_ENDING])
    command = (*engine, str(paths.folder))
    try:
        mine = claim(paths, order)
        launch = record_launch(paths, order, mine, command)
    except Refusal as refusal:
        _answer(refusal.answer())
        return
    _answer(Claimed(attempt=order.attempt, parent=os.getpid()))
    redirect_output(open_log(mine.attempt.log))
    remove_leftovers(paths)
    environment = engine_environment(order.threads, order.device_uuid, os.environ)
    begin = partial(Child, command, environment, order.slots, become)
    write_exit(mine.attempt, _run(mine.attempt, _made_with(launch, order), begin, signals))


def record_launch(paths: RunPaths, order: Order, mine: Claim, command: tuple[str, ...]) -> Launch:
    """The first launch.json, without an engine; an attempt that cannot be recorded is given back."""
    launch = Launch(
        attempt=order.attempt,
        launcher=order.launcher,
        job_id=order.job_id,
        parent=process_id(os.getpid()),
        host=host(),
        boot_id=boot_id(),
        started=time.time(),
        device=order.device,
        device_name=order.device_name,
        device_uuid=order.device_uuid,
        threads=order.threads,
        data_root=order.data_root,
        resume=order.resume,
        python=_text(sys.executable),
        argv=tuple(map(_text, command)),
    )
    try:
        os.close(open_log(mine.attempt.log))
        spare_file(mine.attempt).write_bytes(bytes(_SPARE_BYTES))
        write_json(mine.attempt.launch, launch)
    except OSError as fault:
        mine.give_back()
        raise in_the_way(fault, paths.folder) from fault
    return launch


def _run(attempt: AttemptPaths, launch: Launch, begin: Callable[[], Child], signals: Signals) -> Exit:
    """Start the engine once it is recorded, and wait for its end."""
    if signals.wait(0) & _ENDING:
        return Exit(signal=signal.SIGTERM, ended=time.time())
    try:
        child = begin()
        write_json(attempt.launch, msgspec.structs.replace(launch, engine=process_id(child.pid)))
    except OSError as fault:  # a child that waits at its gate ends with us
        sys.stderr.write(f"The engine was not started: {fault}\n")
        return Exit(code=EnvironmentFault.exit_code, ended=time.time())
    child.release()
    return _watch(child, CappedLog(attempt.log), signals)


def _made_with(launch: Launch, order: Order) -> Launch:
    commit = commit_of(Path(order.catalog_folder) if order.catalog_folder else None)
    return msgspec.structs.replace(launch, versions=versions(), commit=commit.name, diff=commit.diff)


def _watch(child: Child, log: CappedLog, signals: Signals) -> Exit:
    """Until the engine has ended: pass on what should end it, and keep its log short."""
    while (ended := child.ended()) is None:
        for number in signals.wait(log.pause) & _ENDING:
            child.send(number)
        log.look()
    log.look()
    return ended


SPIN_COUNT = "5000"
"""How often an OpenMP thread looks for work before it sleeps. libgomp's 300,000 pays off on idle cores only: with other
programs on the machine, two threads of one run then wait for each other in full and train at a fifth of the rate."""


def engine_environment(threads: int, device_uuid: str | None, environment: Mapping[str, str]) -> dict[str, str]:
    """What the engine gets to see: one device, so many threads, and its output unbuffered."""
    return {
        **environment,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "VECLIB_MAXIMUM_THREADS": str(threads),
        "GOMP_SPINCOUNT": environment.get("GOMP_SPINCOUNT", SPIN_COUNT),
        "CUDA_VISIBLE_DEVICES": device_uuid or "",
        "PYTHONUNBUFFERED": "1",
    }


def _answer(answer: Answer) -> None:
    """Tell the starter; it may have gone away meanwhile, which changes nothing."""
    try:
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        pass


def spare_file(attempt: AttemptPaths) -> Path:
    """A file that keeps room for exit.json, should the disk be full by then."""
    return attempt.exit.with_name(".exit.json.spare.tmp")


def write_exit(attempt: AttemptPaths, ended: Exit) -> None:
    """Write exit.json, into the room kept for it; where even that fails, again and again for some seconds."""
    for last in range(EXIT_TRIES):
        spare_file(attempt).unlink(missing_ok=True)
        try:
            write_json(attempt.exit, ended)
            return
        except OSError as fault:
            if last == EXIT_TRIES - 1:
                sys.stderr.write(f"{attempt.exit} cannot be written ({fault}): {ended}\n")
            time.sleep(EXIT_PAUSE)


def _text(argument: str) -> str:
    """A path as JSON can hold it: bytes that are not UTF-8 become U+FFFD in what is only read by people."""
    return os.fsencode(argument).decode("utf-8", "replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

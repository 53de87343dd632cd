"""The supervisor of an engine, its small parent process: `python -m labtui.launch.supervisor RUN_DIR ORDER`.

It claims the attempt, holds the run's lock, records how the engine was started and how it exited, and survives the
console, the terminal and the connection. It imports little, so it starts quickly and is not the process that a machine
without free memory kills.
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

from labtui.errors import LabError, MachineError
from labtui.launch.claim import Claim, Refusal, claim, disk_refusal, remove_temporary_files
from labtui.launch.daemonize import SignalPipe, daemonize, redirect_output
from labtui.launch.environment import engine_environment
from labtui.launch.log import CappedLog, open_log
from labtui.launch.notify import notify
from labtui.launch.order import Answer, Claimed, Order
from labtui.launch.provenance import commit_of, versions
from labtui.launch.seal import code_file, is_own, program_file
from labtui.store.files import write_json
from labtui.store.paths import AttemptPaths, RunPaths
from labtui.store.process import adopt_orphans, boot_id, end_descendants, host, pid_namespace, process_id
from labtui.store.records import AnySpecFile, Exit, Launch
from labtui.text.clean import clean_line

ENGINE = (sys.executable, "-P", "-m", "labtui.engine")
"""The engine's command line; the run folder follows."""

HARNESS = (sys.executable, "-P", "-m", "labtui.harness")
"""The same for a program of the user's own."""

EXIT_TRIES, EXIT_PAUSE = 20, 0.25
"""How often to try to write exit.json, and the seconds between two tries."""

_RESERVED_BYTES = 8192
_NOT_STARTED = 127
_FORWARDED = frozenset({signal.SIGTERM, signal.SIGINT})

RunProgram = Callable[[Sequence[str], Mapping[str, str], Sequence[int]], None]
"""Turns the forked process into the program of a command line, with an environment and with descriptors to keep open
beside 0, 1 and 2. Returns only by raising."""


def main(arguments: Sequence[str], engine: Sequence[str] = ENGINE) -> int:
    """Start one attempt and supervise it. The exit code is 0 even if the attempt is refused: the answer says so."""
    supervise(RunPaths(Path(arguments[0])), msgspec.json.decode(arguments[1], type=Order), engine)
    return 0


def execute(command: Sequence[str], environment: Mapping[str, str], keep: Sequence[int]) -> None:
    """Replace this process by the program. Raises OSError."""
    for descriptor in keep:
        os.set_inheritable(descriptor, True)
    os.execve(command[0], list(command), dict(environment))  # noqa: S606 (no shell on purpose)


class EngineProcess:
    """A child process in its own process group that waits, before its program begins, for `release`.

    Its pid can therefore be recorded before it has done anything. If the supervisor dies first, the pipe closes and the
    child exits without ever having become the engine: no engine runs that is not recorded.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        keep: Sequence[int] = (),
        run_program: RunProgram = execute,
    ) -> None:
        """Fork. The program inherits the descriptors `keep` beside 0, 1 and 2. Raises OSError."""
        gate, self._key = os.pipe()
        signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _wait_for_release(gate, self._key, lambda: run_program(command, environment, keep), command[0])
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
            os.close(gate)

    def release(self) -> None:
        """Let the program begin."""
        with suppress(BrokenPipeError):  # it was killed while it waited
            os.write(self._key, b"!")
        os.close(self._key)

    def send(self, number: int) -> None:
        """Send a signal to the process itself. It has not been reaped, so the pid is still its own."""
        os.kill(self.pid, number)

    def poll(self) -> Exit | None:
        """How the process exited, or None while it runs. What it started and left behind is killed with it."""
        if hasattr(os, "waitid"):
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return None
            # It is not reaped yet, so its group's number cannot belong to other processes.
            self._kill_group()
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        if not hasattr(os, "waitid"):
            self._kill_group()
        code = os.waitstatus_to_exitcode(status)
        return Exit(code=code, ended=time.time()) if code >= 0 else Exit(signal=-code, ended=time.time())

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def _wait_for_release(gate: int, key: int, run_program: Callable[[], None], name: str) -> NoReturn:
    """In the child: wait for `release`, then begin the program. Never returns into the supervisor's code."""
    try:
        os.setpgid(0, 0)
        os.close(key)
        for number in (*_FORWARDED, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FORWARDED)
        if os.read(gate, 1):
            run_program()
    except BaseException as error:  # noqa: BLE001 (no exception may leave a forked child)
        sys.stderr.write(f"{name} cannot be started: {error}\n")
        sys.stderr.flush()
    os._exit(_NOT_STARTED)


def supervise(paths: RunPaths, order: Order, engine: Sequence[str] = ENGINE, run_program: RunProgram = execute) -> None:
    """Supervise one attempt from its claim to its end; report on standard output whether it was claimed."""
    if order.detach:
        daemonize()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signals = SignalPipe([signal.SIGCHLD, *_FORWARDED])
    command = (*engine, str(paths.folder))
    try:
        if (program := program_file(paths)) is not None:
            _require_own(program, repr(clean_line(program.spec.run, 200)))
            command = (*HARNESS, str(paths.folder))
            adopt_orphans()
        elif (code := code_file(paths)) is not None:
            _require_own(code, "code from lab/ beside the catalog")
        own = claim(paths, order)
        launch = record_launch(paths, order, own, command)
    except Refusal as refusal:
        _answer(refusal.answer())
        return
    except LabError as error:  # no key to check a seal with
        _answer(Refusal("environment", f"Not started: {error.message}", error.advice).answer())
        return
    _answer(Claimed(attempt=order.attempt, supervisor=os.getpid()))
    os.chdir(paths.folder)
    here = RunPaths(Path())
    """All paths are relative from here on: if the folder is moved, they follow it."""
    attempt = here.attempt(order.attempt)
    redirect_output(open_log(attempt.log))
    remove_temporary_files(here)
    environment = engine_environment(order.threads, order.device_uuid, os.environ)
    start_engine = partial(EngineProcess, command, environment, order.slots, run_program)
    ended = _run_engine(attempt, _with_versions(launch, order, is_program=program is not None), start_engine, signals)
    if program is not None and (left := end_descendants()):
        sys.stderr.write(f"[labtui] {left} processes that the program had left behind were ended.\n")
    write_exit(attempt, ended)
    own.lock.close()
    notify(here, order.attempt)


def _require_own(file: AnySpecFile, executed: str) -> None:
    """Raises Refusal for a run of somebody else that executes something: a runs folder can come from a stranger."""
    if not is_own(file):
        raise Refusal(
            "run",
            f"Not started: {clean_line(file.run_id)} would execute {executed}, and you did not create this run here.",
            "Start the experiment as a new run from a catalog of yours: `labtui run NAME`.",
        )


def record_launch(paths: RunPaths, order: Order, own: Claim, command: tuple[str, ...]) -> Launch:
    """Write the first launch.json, without an engine. If that fails, the claim is undone and Refusal raised."""
    try:
        launch = Launch(
            attempt=order.attempt,
            launcher=order.launcher,
            job_id=order.job_id,
            parent=process_id(os.getpid()),
            host=host(),
            boot_id=boot_id(),
            pid_namespace=pid_namespace(),
            folder_inode=paths.folder.stat().st_ino,
            started=time.time(),
            device=order.device,
            device_name=order.device_name,
            device_uuid=order.device_uuid,
            threads=order.threads,
            data_root=order.data_root,
            catalog_folder=order.catalog_folder,
            resume=order.resume,
            python=_as_text(sys.executable),
            argv=tuple(map(_as_text, command)),
        )
        os.close(open_log(own.attempt.log))
        reserve_exit(own.attempt)
        write_json(own.attempt.launch, launch)
    except OSError as error:
        own.undo()
        raise disk_refusal(error, paths.folder) from error
    return launch


def _with_versions(launch: Launch, order: Order, *, is_program: bool) -> Launch:
    commit = commit_of(Path(order.catalog_folder) if order.catalog_folder else None)
    known = versions()
    if is_program:  # it may run with another Python, whose packages are not known
        known = {name: known[name] for name in ("python", "labtui") if name in known}
    return msgspec.structs.replace(launch, versions=known, commit=commit.name, diff=commit.diff)


def _run_engine(
    attempt: AttemptPaths, launch: Launch, start_engine: Callable[[], EngineProcess], signals: SignalPipe
) -> Exit:
    """Start the engine once it is recorded, and wait until it exits."""
    if signals.wait(0) & _FORWARDED:
        return Exit(signal=signal.SIGTERM, ended=time.time())
    try:
        engine = start_engine()
        write_json(attempt.launch, msgspec.structs.replace(launch, engine=process_id(engine.pid)))
    except OSError as error:  # a child that has not been released exits with this process
        sys.stderr.write(f"The engine was not started: {error}\n")
        return Exit(code=MachineError.exit_code, ended=time.time())
    engine.release()
    log = CappedLog(attempt.log)
    while (ended := engine.poll()) is None:
        for number in signals.wait(log.pause) & _FORWARDED:
            engine.send(number)
        log.check()
    log.check()
    return ended


def _answer(answer: Answer) -> None:
    """Answer the starter. It may have exited meanwhile, which does not matter."""
    try:
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        pass


def reserve_exit(attempt: AttemptPaths) -> None:
    """Reserve disk space for exit.json, in case the disk is full by then. Raises OSError."""
    _reserved(attempt).write_bytes(bytes(_RESERVED_BYTES))


def write_exit(attempt: AttemptPaths, ended: Exit) -> None:
    """Write exit.json, into the reserved space; if even that fails, try again for some seconds."""
    for left in reversed(range(EXIT_TRIES)):
        _reserved(attempt).unlink(missing_ok=True)
        try:
            write_json(attempt.exit, ended)
            return
        except OSError as error:
            if not left:
                sys.stderr.write(f"{attempt.exit} cannot be written ({error}): {ended}\n")
            time.sleep(EXIT_PAUSE)


def _reserved(attempt: AttemptPaths) -> Path:
    return attempt.exit.with_name(".exit.json.spare.tmp")


def _as_text(argument: str) -> str:
    """A path as JSON can store it, for people to read: bytes that are not UTF-8 become U+FFFD."""
    return os.fsencode(argument).decode("utf-8", "replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

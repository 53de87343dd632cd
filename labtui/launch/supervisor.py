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
from functools import partial
from pathlib import Path

import msgspec

from labtui.errors import EnvironmentFault
from labtui.launch.child import Become, Child, execute
from labtui.launch.claim import Claim, Refusal, claim, in_the_way, remove_leftovers
from labtui.launch.daemonize import redirect_output, stand_alone
from labtui.launch.log import CappedLog, open_log
from labtui.launch.order import Answer, Claimed, Order
from labtui.launch.provenance import commit_of, versions
from labtui.launch.signals import Signals
from labtui.store.files import write_json
from labtui.store.paths import AttemptPaths, RunPaths
from labtui.store.process import boot_id, host, process_id
from labtui.store.records import Exit, Launch

ENGINE = (sys.executable, "-P", "-m", "labtui.engine")
"""The program that gets the run folder as its argument."""

_ENDING = frozenset({signal.SIGTERM, signal.SIGINT})
_EXIT_TRIES, _EXIT_PAUSE = 20, 0.25
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
        launch = _record(paths, order, mine, command)
    except Refusal as refusal:
        _answer(refusal.answer())
        return
    _answer(Claimed(attempt=order.attempt, parent=os.getpid()))
    redirect_output(open_log(mine.attempt.log))
    remove_leftovers(paths)
    environment = engine_environment(order.threads, order.device_uuid, os.environ)
    begin = partial(Child, command, environment, order.slots, become)
    _write_exit(mine.attempt, _run(mine.attempt, _made_with(launch, order), begin, signals))


def _record(paths: RunPaths, order: Order, mine: Claim, command: tuple[str, ...]) -> Launch:
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
        _spare(mine.attempt).write_bytes(bytes(_SPARE_BYTES))
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


def _spare(attempt: AttemptPaths) -> Path:
    """A file that keeps room for exit.json, should the disk be full by then."""
    return attempt.exit.with_name(".exit.json.spare.tmp")


def _write_exit(attempt: AttemptPaths, ended: Exit) -> None:
    """Write exit.json, into the room kept for it; where even that fails, again and again for some seconds."""
    for last in range(_EXIT_TRIES):
        _spare(attempt).unlink(missing_ok=True)
        try:
            write_json(attempt.exit, ended)
            return
        except OSError as fault:
            if last == _EXIT_TRIES - 1:
                sys.stderr.write(f"{attempt.exit} cannot be written ({fault}): {ended}\n")
            time.sleep(_EXIT_PAUSE)


def _text(argument: str) -> str:
    """A path as JSON can hold it: bytes that are not UTF-8 become U+FFFD in what is only read by people."""
    return os.fsencode(argument).decode("utf-8", "replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

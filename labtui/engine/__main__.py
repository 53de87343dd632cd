"""`python -m labtui.engine RUN_DIR`: run the newest attempt of a run folder.

Exit codes: 0 finished, or stopped by request; 1 diverged or failed; 2 the folder does not say what to run;
3 a problem with data, device or disk; 130 and 143 after SIGINT and SIGTERM.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import labtui.engine.outdated  # noqa: F401 (it must come before everything else of labtui)

# isort: split
from labtui.engine.heartbeat import Heartbeat
from labtui.errors import LabError, MachineError
from labtui.store.attempt import EngineAttempt, enter, open_attempt, say, write_result
from labtui.store.records import Result
from labtui.store.reserved_space import ReservedSpace
from labtui.store.stop_signal import StopSignal

_RESERVED_BYTES = 1 << 16
"""Disk space reserved for result.json, in case the disk is full at the end."""


def main(arguments: Sequence[str]) -> int:
    """Run an attempt and return the exit code."""
    if len(arguments) != 1:
        say("usage: python -m labtui.engine RUN_DIR")
        return 2
    try:
        attempt = enter(open_attempt(Path(arguments[0])))
    except LabError as error:
        say(str(error))
        return error.exit_code
    parent = attempt.launch.parent
    stop = StopSignal(attempt.files.stop_request, parent.pid if parent else None)
    stop.install_handlers()
    reserve = ReservedSpace(attempt.paths.result, _RESERVED_BYTES)
    reserve.reserve()
    with Heartbeat(attempt.paths.beat, attempt.files.number, stop) as heartbeat:
        result, code = _run_attempt(attempt, heartbeat, stop)
    return code if write_result(attempt.paths.result, result, reserve) else code or MachineError.exit_code


def _run_attempt(attempt: EngineAttempt, heartbeat: Heartbeat, stop: StopSignal) -> tuple[Result, int]:
    # deferred: importing torch takes seconds; the heartbeat and the stop signal must work before that
    from labtui.engine.session import Session, load_data
    from labtui.engine.trainer import Intervals

    session = Session(attempt, heartbeat, stop, say, Intervals())
    ending = session.run(load_data)
    return session.result(ending), ending.exit_code


def exit_now(code: int) -> NoReturn:
    """Exit without the interpreter's shutdown, which spends most of a second on torch. All files are closed already."""
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    exit_now(main(sys.argv[1:]))

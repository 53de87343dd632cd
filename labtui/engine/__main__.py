"""`python -m labtui.engine RUN_DIR`: run the newest attempt of a run folder.

Exit codes: 0 finished, or stopped by request; 1 diverged or failed; 2 the folder does not say what to run;
3 a problem with data, device or disk; 130 and 143 after SIGINT and SIGTERM.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import labtui.engine.outdated  # noqa: F401 (it must come before everything else of labtui)

# isort: split
from labtui.engine.heartbeat import Heartbeat
from labtui.store.attempt import EngineAttempt, open_attempt, say, work_on
from labtui.store.records import Result
from labtui.store.stop_signal import StopSignal


def main(arguments: Sequence[str]) -> int:
    """Run an attempt and return the exit code."""
    return work_on(arguments, "labtui.engine", open_attempt, _run_attempt)


def _run_attempt(attempt: EngineAttempt, stop: StopSignal) -> tuple[Result, int]:
    with Heartbeat(attempt.paths.beat, attempt.files.number, stop) as heartbeat:
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

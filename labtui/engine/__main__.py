"""`python -m labtui.engine RUN_DIR`: carry out the newest attempt of a run folder.

Exit codes: 0 finished, or stopped by request; 1 diverged or failed; 2 a folder that does not say what to run;
3 data, device or disk in the way; 130 and 143 after SIGINT and SIGTERM.
"""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec

from labtui.engine.attempt import Attempt, open_attempt
from labtui.engine.heartbeat import Pulse
from labtui.engine.stop import Stop
from labtui.errors import EnvironmentFault, LabError
from labtui.store.records import Result
from labtui.store.reserved_space import ReservedSpace
from labtui.text.clean import clean

_TRIES, _PAUSE = 5, 0.2
_ROOM = 1 << 16
"""Bytes kept for the result on a disk without room."""
_LONGEST = 1 << 16
"""Characters of one message: a traceback can be long."""


def main(arguments: Sequence[str]) -> int:
    """Carry out an attempt and return the exit code."""
    if len(arguments) != 1:
        say("usage: python -m labtui.engine RUN_DIR")
        return 2
    try:
        attempt = open_attempt(Path(arguments[0]))
    except LabError as fault:
        say(str(fault))
        return fault.exit_code
    parent = attempt.launch.parent
    stop = Stop(attempt.files.stop_request, parent.pid if parent else None)
    stop.listen()
    reserve = ReservedSpace(attempt.paths.result, _ROOM)
    reserve.reserve()
    with Pulse(attempt.paths.beat, attempt.files.number, stop) as pulse:
        result, code = _carry_out(attempt, pulse, stop)
    return code if _write_result(attempt, result, reserve) else code or EnvironmentFault.exit_code


def _carry_out(attempt: Attempt, pulse: Pulse, stop: Stop) -> tuple[Result, int]:
    # Deferred: torch takes seconds to import, and a sign of life and an ear for stops come first.
    from labtui.engine.session import Session, read_source
    from labtui.engine.trainer import Intervals

    session = Session(attempt, pulse, stop, say, Intervals())
    ending = session.carry_out(read_source)
    return session.result(ending), ending.exit_code


def _write_result(attempt: Attempt, result: Result, reserve: ReservedSpace) -> bool:
    """Write result.json, on a full disk into the room that is kept for it."""
    for _ in range(_TRIES):
        try:
            reserve.write(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
            reserve.release()
            return True
        except OSError as fault:
            trouble = fault
            time.sleep(_PAUSE)
    say(f"{attempt.paths.result} cannot be written ({trouble}): {result.outcome}. {result.reason}")
    return False


def say(text: str) -> None:
    """A line for people into the log; nobody reading it any more is no reason to end."""
    try:
        print(clean(text, _LONGEST), flush=True)  # noqa: T201 (stdout is the log)
    except OSError:
        return


def leave(code: int) -> NoReturn:
    """End without the interpreter's own end, which takes torch apart for most of a second. Everything is closed."""
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))

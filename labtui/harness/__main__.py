"""`python -m labtui.harness RUN_DIR`: run the newest attempt of a run whose training is a program.

Exit codes: 0 finished, or stopped by request; 1 diverged or failed; 2 the folder does not say what to run, or the
program cannot be started; 3 a problem with the disk; 130 and 143 after SIGINT and SIGTERM.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from labtui.errors import LabError, MachineError
from labtui.harness.progress import Progress
from labtui.harness.session import Session
from labtui.program import planned_steps
from labtui.store.attempt import enter, open_program, say, write_result
from labtui.store.reserved_space import ReservedSpace
from labtui.store.stop_signal import StopSignal

_RESERVED_BYTES = 1 << 16


def main(arguments: Sequence[str]) -> int:
    """Run an attempt and return the exit code."""
    if len(arguments) != 1:
        say("usage: python -m labtui.harness RUN_DIR")
        return 2
    try:
        attempt = enter(open_program(Path(arguments[0])))
    except LabError as error:
        say(str(error))
        return error.exit_code
    parent = attempt.launch.parent
    stop = StopSignal(attempt.files.stop_request, parent.pid if parent else None)
    stop.install_handlers()
    reserve = ReservedSpace(attempt.paths.result, _RESERVED_BYTES)
    reserve.reserve()
    progress = Progress(
        attempt.paths.beat, attempt.files.number, total_steps=planned_steps(attempt.spec_file.program) or 0
    )
    progress.reserve()
    result = Session(attempt, progress, stop, say).run()
    progress.release()
    written = write_result(attempt.paths.result, result, reserve)
    code = {"finished": 0, "stopped": stop.exit_code, "diverged": 1, "failed": 1}[result.outcome]
    return code if written else code or MachineError.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

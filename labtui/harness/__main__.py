"""`python -m labtui.harness RUN_DIR`: run the newest attempt of a run whose training is a program.

Exit codes: 0 finished, or stopped by request; 1 diverged or failed; 2 the folder does not say what to run, or the
program cannot be started; 3 a problem with the disk; 130 and 143 after SIGINT and SIGTERM.
"""

import sys
from collections.abc import Sequence

from labtui.harness.progress import Progress
from labtui.harness.session import Session
from labtui.program import planned_steps
from labtui.store.attempt import ProgramAttempt, open_program, say, work_on
from labtui.store.records import Result
from labtui.store.stop_signal import StopSignal


def main(arguments: Sequence[str]) -> int:
    """Run an attempt and return the exit code."""
    return work_on(arguments, "labtui.harness", open_program, _run_attempt)


def _run_attempt(attempt: ProgramAttempt, stop: StopSignal) -> tuple[Result, int]:
    steps = planned_steps(attempt.spec_file.program) or 0
    progress = Progress(attempt.paths.beat, attempt.files.number, total_steps=steps)
    progress.reserve()
    result, code = Session(attempt, progress, stop, say).run()
    progress.release()
    return result, code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

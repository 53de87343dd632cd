"""The errors that labtui raises on purpose, each with the exit code of the command line.

A message is for people: what happened, where, what is safe, what to do next. The traceback goes to the log.
"""

from typing import ClassVar


class LabError(Exception):
    """An error that the user can understand and fix; also a run that failed or diverged.

    `advice` is the next step, shown on a line of its own.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message}\n{self.advice}" if self.advice else self.message


class UsageError(LabError):
    """An option, a name or a catalog that is not valid."""

    exit_code = 2


class MachineError(LabError):
    """A problem of the machine: data, a device, the disk or an installed package. Fix it and try again."""

    exit_code = 3


class AssertionNotHeld(LabError):
    """A comparison that `compare --assert` requires does not hold."""

    exit_code = 4


EXIT_HUNG_UP = 129
"""The terminal, or the pipe that was written to, is closed (128 + SIGHUP)."""

EXIT_INTERRUPTED = 130
"""Ended by SIGINT (128 + 2)."""

EXIT_TERMINATED = 143
"""Ended by SIGTERM (128 + 15)."""

"""What can go wrong, each with the exit code that the command line ends with.

A message is for people: what happened, where, what is safe, what to do next. The traceback goes to the log.
"""

from typing import ClassVar


class LabError(Exception):
    """Something that a person can understand and mend; a run that failed or diverged.

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
    """A flag, a name or a catalog that cannot be meant as it stands."""

    exit_code = 2


class EnvironmentFault(LabError):
    """Data, device, disk or an installed package is in the way: mend it and try again."""

    exit_code = 3


class AssertionNotHeld(LabError):
    """A comparison that `compare --assert` demanded does not hold."""

    exit_code = 4


EXIT_INTERRUPTED = 130
"""Ended by SIGINT (128 + 2)."""

EXIT_TERMINATED = 143
"""Ended by SIGTERM (128 + 15)."""

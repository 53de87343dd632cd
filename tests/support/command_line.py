"""What a command line is tested with."""

from dataclasses import dataclass

NOWHERE = "/dev/null/data"
"""A data folder that can neither be read nor made: fetching fails at once, without any network."""


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

"""Everything that is wrong in one catalog file: each problem once, with its line and the entries that it stops."""

from dataclasses import dataclass, field
from pathlib import Path

from labtui.catalog import line_numbers
from labtui.catalog.words import KeyPath, dotted, shown_path


@dataclass(frozen=True, slots=True)
class KeyProblem:
    """What is wrong with one key, before its line is known."""

    at: KeyPath
    message: str

    def __str__(self) -> str:
        return f"{dotted(self.at)}: {self.message}" if self.at else self.message


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a catalog. `str(problem)` is one readable line."""

    path: Path
    line: int | None
    column: int | None
    """From 1; known for syntax errors only."""
    key: str
    """The dotted key as it is written in the file; empty for problems that belong to no key."""
    message: str
    experiment: str | None
    """The entry in which it is written; None for [defaults] and for the file as a whole."""
    entries: tuple[str, ...] = ()
    """The entries that cannot run because of it: the one in which it is written, and those that extend it."""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (shown_path(self.path), self.line, self.column) if part is not None)
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


@dataclass(slots=True)
class _Found:
    line: int | None
    column: int | None
    key: str
    message: str
    experiment: str | None
    entries: dict[str, None] = field(default_factory=dict)


class Problems:
    """Collects the problems of a file. A key that many entries inherit is listed once, where it is written."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = line_numbers.first_lines(text)
        self._found: dict[tuple[str, str, int | None], _Found] = {}

    def __len__(self) -> int:
        return len(self._found)

    def line(self, at: KeyPath) -> int | None:
        """The line of a key, or of the table that would hold it."""
        return line_numbers.line_for(self._lines, at)

    def add(
        self, at: KeyPath, message: str, entry: str | None = None, *, line: int | None = None, column: int | None = None
    ) -> None:
        """Add a problem, and an entry that cannot run because of it. `line` is looked up where it is not given."""
        experiment = str(at[1]) if len(at) > 1 and at[0] == "experiment" else None
        found = _Found(line or self.line(at), column, dotted(at), message, experiment)
        found = self._found.setdefault((found.key, message, line and column), found)
        if entry is not None:
            found.entries[entry] = None

    def sorted(self) -> tuple[Problem, ...]:
        """All problems in the order of the file."""
        found = sorted(self._found.values(), key=lambda one: (one.line or 0, one.column or 0))
        return tuple(
            Problem(self._path, one.line, one.column, one.key, one.message, one.experiment, tuple(one.entries))
            for one in found
        )

"""What is wrong in one file, each thing once, with its line and the entries that cannot run because of it."""

from dataclasses import dataclass, field
from pathlib import Path

from labtui.catalog import line_numbers
from labtui.catalog.syntax import SyntaxFault
from labtui.catalog.words import Fault, KeyPath, dotted


@dataclass(slots=True)
class _Finding:
    line: int | None
    column: int | None
    key: str
    message: str
    experiment: str | None
    entries: dict[str, None] = field(default_factory=dict)


class Findings:
    """Collects faults; a key that many entries inherit is told once, where it is written."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = line_numbers.first_lines(text)
        self._found: dict[tuple[str, str], _Finding] = {}

    def __len__(self) -> int:
        return len(self._found)

    def line(self, at: KeyPath) -> int | None:
        """The line in which a key, or the table that would hold it, is written."""
        return line_numbers.line_for(self._lines, at)

    def add(self, at: KeyPath, message: str, entry: str | None = None, *, line: int | None = None) -> None:
        """A problem where it is written, and an entry that cannot run because of it; the line where it is known."""
        key = dotted(at)
        experiment = str(at[1]) if len(at) > 1 and at[0] == "experiment" else None
        finding = _Finding(line or self.line(at), None, key, message, experiment)
        finding = self._found.setdefault((key, message), finding)
        if entry is not None:
            finding.entries[entry] = None

    def add_syntax(self, fault: SyntaxFault) -> None:
        """A place where the text is no TOML."""
        entries = {fault.entry: None} if fault.entry else {}
        key = dotted(("experiment", fault.entry)) if fault.entry else ""
        finding = _Finding(fault.line, fault.column, key, fault.message, fault.entry, entries)
        self._found[(f"{fault.line}:{fault.column}", fault.message)] = finding

    def faults(self) -> tuple[Fault, ...]:
        """All of them in the order of the file."""
        found = sorted(self._found.values(), key=lambda one: (one.line or 0, one.column or 0))
        return tuple(
            Fault(self._path, one.line, one.column, one.key, one.message, one.experiment, tuple(one.entries))
            for one in found
        )

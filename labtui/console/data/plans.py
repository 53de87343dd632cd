"""How far the plans of comparisons of a runs folder have come: read by the poller, off the event loop.

Plans lie in the runs folder, and how far they have come follows from their runs: a console that is opened later shows
the same as the one that started them.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labtui.errors import LabError
from labtui.store.files import DamagedFile, read_json
from labtui.store.lock import probe
from labtui.store.paths import RunsPaths
from labtui.store.run import Run
from labtui.text.clean import clean_line

if TYPE_CHECKING:  # numpy comes after the first frame, and only where there are plans
    from labtui.api.until import PlanReader
    from labtui.compare.plans import ComparisonState, Plan, PlanState

LOG_TAIL = 4_096
"""Bytes of a driver's log that are read for its last line."""


@dataclass(frozen=True, slots=True)
class PlanProgress:
    """One plan as it stands."""

    plan: "Plan"
    state: "PlanState"
    trained: int
    """Seeds with an outcome, over rows and baselines."""
    is_driven: bool
    """Whether a process moves it forward."""
    note: str = ""
    """Why nothing moves it forward, as the process that did so last said; empty where that is not known."""

    def comparison(self, title: str) -> "ComparisonState | None":
        """How far the comparison of the row of this title has come; None if no row has it."""
        return next((one for one in self.state.comparisons if one.comparison.row.title == title), None)

    @property
    def is_waiting(self) -> bool:
        """Whether it has not ended and nothing moves it forward."""
        return not (self.state.has_ended or self.is_driven)


class PlanWatch:
    """Reads the plans of one runs folder again and again. Costs a system call or two while nothing has changed."""

    def __init__(self, root: Path) -> None:
        self._folder = RunsPaths(root).plans
        self._changed_at: int | None = None
        self._readers: dict[str, PlanReader] = {}
        self._runs: tuple[Run, ...] | None = None

    def read(self, runs: tuple[Run, ...]) -> tuple[PlanProgress, ...]:
        """The plans, oldest first; `runs` are those of the folder, newest first."""
        try:
            changed_at = self._folder.stat().st_mtime_ns
        except OSError:
            self._readers = {}
            return ()
        if changed_at != self._changed_at:
            self._changed_at, self._runs = changed_at, None
            self._open(sorted(self._folder.glob("*.json")))
        if runs is not self._runs:
            self._runs = runs
            for reader in self._readers.values():
                with suppress(LabError):  # a data set that is not known here: the plan stays as it was read before
                    reader.read(runs)
        found = [self._progress(name, reader) for name, reader in self._readers.items()]
        return tuple(sorted(found, key=lambda progress: progress.plan.created))

    def _open(self, paths: Iterable[Path]) -> None:
        """Open the plans at these paths. A plan never changes, so those that are open stay."""
        from labtui.api.until import PlanReader  # deferred: numpy
        from labtui.compare.plans import Plan

        before, self._readers = self._readers, {}
        for path in paths:
            try:
                self._readers[path.stem] = before.get(path.stem) or PlanReader(read_json(path, Plan))
            except (OSError, DamagedFile):  # `labtui run … --until decided` names it
                continue

    def _progress(self, name: str, reader: "PlanReader") -> PlanProgress:
        ended = reader.state.has_ended
        is_driven = not ended and probe(self._folder / f"{name}.lock") == "held"
        note = "" if ended or is_driven else _last_line(self._folder / f"{name}.log")
        return PlanProgress(reader.plan, reader.state, reader.trained, is_driven, note)


def _last_line(path: Path) -> str:
    """The last line of a driver's log if it says why the driver left; without its time."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LOG_TAIL))
            lines = file.read(LOG_TAIL).decode(errors="replace").splitlines()
    except OSError:
        return ""
    from labtui.api.until import LOG_STOPPED

    words = next((line for line in reversed(lines) if line.strip()), "").split(" ", 2)
    return clean_line(words[2].removeprefix(LOG_STOPPED)) if words[2:] and words[2].startswith(LOG_STOPPED) else ""

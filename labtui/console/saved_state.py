"""What the console remembers between starts, per runs folder and never in it: filter, sort, marks, looks."""

import hashlib
from pathlib import Path

import msgspec

from labtui.console.charts.xaxis import XAxis
from labtui.console.experiments.entry import SORTS, Choice
from labtui.console.experiments.marks import Marks
from labtui.store.files import read_json_or_none, write_json
from labtui.text.clean import clean_line


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that survives; unknown and damaged entries fall back to these defaults."""

    folder: str = ""
    """The runs folder, for people who look into the file."""
    filter: str = ""
    sort: str = "catalog"
    baseline: str | None = None
    marks: dict[str, str] = {}
    unfolded: tuple[str, ...] = ()
    axis: str = "epoch"
    smoothing: float = 0.0
    theme: str = ""
    seen: float = 0.0
    """Seconds since the epoch: until when a console was open here."""

    @property
    def choice(self) -> Choice:
        """How the list was looked at."""
        sort = self.sort if self.sort in SORTS else SORTS[0]
        return Choice(clean_line(self.filter), sort, self.baseline, frozenset(self.unfolded))

    @property
    def marked(self) -> Marks:
        """The marks."""
        return Marks.from_mapping(self.marks)

    @property
    def x_axis(self) -> XAxis:
        """What x counted."""
        return XAxis(self.axis) if self.axis in set(XAxis) else XAxis.EPOCH


def place(root: Path, state_folder: Path | None = None) -> Path:
    """The file for one runs folder."""
    if state_folder is None:
        import platformdirs  # deferred: not needed before the first frame

        state_folder = platformdirs.user_state_path("labtui")
    resolved = str(root.resolve())
    return state_folder / "console" / f"{hashlib.sha256(resolved.encode()).hexdigest()[:16]}.json"


def recall(path: Path) -> Remembered:
    """What was remembered; the defaults where there is nothing, or nothing readable."""
    return read_json_or_none(path, Remembered) or Remembered()


def keep(path: Path, remembered: Remembered) -> bool:
    """Write it down; whether that was possible. A HOME that cannot be written is no reason not to look at runs."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, remembered, durable=False)
    except OSError:
        return False
    return True

"""What the console saves between starts, per runs folder and never in it: filter, order, marks, chart options."""

import hashlib
from pathlib import Path

import msgspec

from labtui.console.charts.xaxis import XAxis
from labtui.console.experiments.entry import SORTS, EntryKey, ListOptions, Marks
from labtui.store.files import read_json_or_none, write_json
from labtui.text.clean import clean_line


class SavedState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is saved; unknown and damaged values fall back to these defaults."""

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
    def list_options(self) -> ListOptions:
        """The options of the list."""
        sort = self.sort if self.sort in SORTS else SORTS[0]
        baseline = EntryKey.parse(self.baseline) if self.baseline else None
        unfolded = frozenset(filter(None, map(EntryKey.parse, self.unfolded)))
        return ListOptions(clean_line(self.filter), sort, baseline, unfolded)

    @property
    def list_marks(self) -> Marks:
        """The marks of the list."""
        return Marks.from_mapping(self.marks)

    @property
    def x_axis(self) -> XAxis:
        """What x counts in charts."""
        return XAxis(self.axis) if self.axis in set(XAxis) else XAxis.EPOCH


def path_of(root: Path, state_folder: Path | None = None) -> Path:
    """The file of one runs folder."""
    if state_folder is None:
        import platformdirs  # deferred: not needed before the first frame

        state_folder = platformdirs.user_state_path("labtui")
    resolved = str(root.resolve())
    return state_folder / "console" / f"{hashlib.sha256(resolved.encode()).hexdigest()[:16]}.json"


def load(path: Path) -> SavedState:
    """The saved state; the defaults if there is none, or none that can be read."""
    return read_json_or_none(path, SavedState) or SavedState()


def save(path: Path, state: SavedState) -> bool:
    """Write the state and return whether that worked: a home that is not writable must not keep the console shut."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, state, durable=False)
    except OSError:
        return False
    return True

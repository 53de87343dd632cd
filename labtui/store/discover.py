"""Find the run folders below a root: labtui's own by their spec.json, those of other tools by their event files.

Symbolic links below the root are not followed, and folders whose name begins with a dot are skipped.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from labtui.store.files import DamagedFile, read_bytes
from labtui.store.paths import RunPaths

MAX_DEPTH = 10
"""Levels below the root that are searched."""

MAX_FOLDERS = 20_000
"""Folders that are searched: `--runs /` must come to an end."""


_MACOS_ARCHIVE = "__MACOSX"
"""What macOS adds to its archives: files of the same names, with other content."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder that contains a run."""

    parts: tuple[str, ...]
    """Its path below the root; empty for the root itself."""
    folder: Path
    event_files: tuple[str, ...]
    """Sorted by name; empty for labtui's own runs, whose folders may not even have been opened."""
    foreign: bool


@dataclass(slots=True)
class Search:
    """One search. Afterwards `links` counts the links that were not followed, and `limited` says whether a limit was
    reached."""

    root: Path
    links: int = 0
    limited: bool = False
    _remaining: int = field(default=MAX_FOLDERS)

    def find(self, known: Collection[Path] = ()) -> Iterator[RunFolder]:
        """The run folders. Those in `known` (labtui's own runs) are yielded without being opened."""
        yield from self._below(self.root, (), known)

    def _below(self, folder: Path, parts: tuple[str, ...], known: Collection[Path]) -> Iterator[RunFolder]:
        if folder in known:
            yield RunFolder(parts, folder, (), foreign=False)
            return
        if self._remaining <= 0 or len(parts) > MAX_DEPTH:
            self.limited = True
            return
        self._remaining -= 1
        listing = self._list(folder)
        if listing is None:
            return
        folders, events, own = listing
        if own:
            yield RunFolder(parts, folder, (), foreign=False)
            return
        if events:
            yield RunFolder(parts, folder, events, foreign=True)
        for name in folders:
            yield from self._below(folder / name, (*parts, name), known)

    def _list(self, folder: Path) -> tuple[list[str], tuple[str, ...], bool] | None:
        folders: list[str] = []
        events: list[str] = []
        has_spec = False
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name == "spec.json":
                        has_spec = True
                    elif entry.is_symlink():
                        self.links += 1
                    elif entry.is_dir(follow_symlinks=False):
                        if not entry.name.startswith(".") and entry.name != _MACOS_ARCHIVE:
                            folders.append(entry.name)
                    elif is_event_file(entry.name) and entry.is_file(follow_symlinks=False):
                        events.append(entry.name)
        except OSError:  # gone meanwhile, or not readable
            return None
        if has_spec and _is_own_spec(folder / "spec.json", beside_events=bool(events)):
            return [], (), True
        return sorted(folders), tuple(sorted(events)), False


def _is_own_spec(path: Path, *, beside_events: bool) -> bool:
    """Whether a spec.json was written by labtui: other tools have files of this name too.

    A damaged one is labtui's if an attempt was made in the folder or if a key of labtui's is left; also if there are no
    event files that another tool could have written.
    """
    if RunPaths(path.parent).attempt_numbers():
        return True
    content = b""
    try:
        content = read_bytes(path)
        record = msgspec.json.decode(content)
    except (OSError, DamagedFile, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return not beside_events or b'"run_id"' in content
    return isinstance(record, dict) and record.keys() >= {"run_id", "spec"}


def is_event_file(name: str) -> bool:
    """TensorBoard's own rule, except for the files that macOS puts beside others (`._events…`)."""
    return "tfevents" in name and not name.startswith("._")

"""Find the run folders below a root: labtui's own by their spec.json, those of other tools by their event files.

Symbolic links below the root are not followed, and folders whose name begins with a dot are skipped.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MAX_DEPTH = 10
"""Levels below the root that are searched."""

MAX_FOLDERS = 20_000
"""Folders that are searched: `--runs /` must come to an end."""


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
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name == "spec.json":
                        return [], (), True
                    if entry.is_symlink():
                        self.links += 1
                    elif entry.is_dir(follow_symlinks=False):
                        if not entry.name.startswith("."):
                            folders.append(entry.name)
                    elif is_event_file(entry.name) and entry.is_file(follow_symlinks=False):
                        events.append(entry.name)
        except OSError:  # gone meanwhile, or not readable
            return None
        return sorted(folders), tuple(sorted(events)), False


def is_event_file(name: str) -> bool:
    """TensorBoard's own rule."""
    return "tfevents" in name

"""Finding the run folders below a root: ours by their spec.json, those of other tools by their event files.

Symbolic links below the root are not followed, and neither are folders whose name begins with a dot.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

DEEPEST = 10
"""Levels below the root that are searched."""

MOST_FOLDERS = 20_000
"""Folders that are searched: `--runs /` must end."""


@dataclass(frozen=True, slots=True)
class Found:
    """A folder that holds a run."""

    parts: tuple[str, ...]
    """Its path below the root; empty for the root itself."""
    folder: Path
    event_files: tuple[str, ...]
    """In name order; empty for a run of ours, whose folder may not even have been opened."""
    foreign: bool


@dataclass(slots=True)
class Walk:
    """One search. Afterwards `links` counts what was not followed and `cut` says whether a limit was reached."""

    root: Path
    links: int = 0
    cut: bool = False
    _budget: int = field(default=MOST_FOLDERS)

    def find(self, known: Collection[Path] = ()) -> Iterator[Found]:
        """The run folders. Those in `known` (runs of ours) are named again without being opened."""
        yield from self._below(self.root, (), known)

    def _below(self, folder: Path, parts: tuple[str, ...], known: Collection[Path]) -> Iterator[Found]:
        if folder in known:
            yield Found(parts, folder, (), foreign=False)
            return
        if self._budget <= 0 or len(parts) > DEEPEST:
            self.cut = True
            return
        self._budget -= 1
        listing = self._list(folder)
        if listing is None:
            return
        folders, events, ours = listing
        if ours:
            yield Found(parts, folder, (), foreign=False)
            return
        if events:
            yield Found(parts, folder, events, foreign=True)
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
        except OSError:  # gone meanwhile, or not ours to read
            return None
        return sorted(folders), tuple(sorted(events)), False


def is_event_file(name: str) -> bool:
    """TensorBoard's own rule."""
    return "tfevents" in name

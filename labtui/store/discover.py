"""Find the run folders below a root: labtui's own by their spec.json, those of other tools by their event files.

Folders whose name begins with a dot are skipped. Symbolic links are followed, for reading only: each folder is found
once, so links in a circle come to an end, and what is found through one is marked, and never written through.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from pathlib import Path

import msgspec

from labtui.store.files import DamagedFile, read_bytes
from labtui.store.paths import LABTUI_FOLDER, RunPaths

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
    linked: bool = False
    """Whether the path leads through a link below the root."""


@dataclass(slots=True)
class Search:
    """One search. Afterwards `broken` has the links that lead nowhere, `above` those that lead to a folder in which the
    root lies, and `limited` says whether a limit was reached."""

    root: Path
    more: Mapping[str, Path] = field(default_factory=dict)
    """Further folders that are searched, for reading only, by the name that stands for each in ids."""
    broken: list[str] = field(default_factory=list)
    above: list[str] = field(default_factory=list)
    limited: bool = False
    limit: InitVar[int] = MAX_FOLDERS
    """Folders that are searched."""
    _remaining: int = field(init=False)
    _links: list[tuple[Path, tuple[str, ...]]] = field(default_factory=list)
    _seen: set[tuple[int, int]] = field(default_factory=set)
    """Device and inode of the folders that were reached through links."""

    def __post_init__(self, limit: int) -> None:
        self._remaining = limit

    def find(self, known: Collection[Path] = ()) -> Iterator[RunFolder]:
        """The run folders. Those in `known` (labtui's own runs) are yielded without being opened.

        Links come last, so that a folder is found where it lies, and once.
        """
        self._is_new(self.root)
        yield from self._below(self.root, (), known, linked=False)
        for name, folder in self.more.items():
            if not Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(self.root)):
                yield from self._below(folder, (name,), known, linked=True)
        while self._links:
            link, parts = self._links.pop(0)
            if self._leads_elsewhere(link, parts):
                yield from self._below(link, parts, known, linked=True)

    def _below(
        self, folder: Path, parts: tuple[str, ...], known: Collection[Path], *, linked: bool
    ) -> Iterator[RunFolder]:
        if linked and not self._is_new(folder):
            return
        if folder in known:
            yield RunFolder(parts, folder, (), foreign=False, linked=linked)
            return
        if self._remaining <= 0 or len(parts) > MAX_DEPTH:
            self.limited = True
            return
        self._remaining -= 1
        listing = self._list(folder, parts)
        if listing is None:
            return
        folders, events, own = listing
        if own:
            yield RunFolder(parts, folder, (), foreign=False, linked=linked)
            return
        if events:
            yield RunFolder(parts, folder, events, foreign=True, linked=linked)
        for name in folders:
            yield from self._below(folder / name, (*parts, name), known, linked=linked)

    def _is_new(self, folder: Path) -> bool:
        try:
            status = folder.stat()
        except OSError:
            return False
        identity = status.st_dev, status.st_ino
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new

    def _leads_elsewhere(self, link: Path, parts: tuple[str, ...]) -> bool:
        """Whether a link leads to a folder that is not searched anyway. One that contains the root is not entered."""
        root, target = Path(os.path.realpath(self.root)), Path(os.path.realpath(link))
        if root.is_relative_to(target):
            self.above.append("/".join(parts))
            return False
        if not target.is_relative_to(root):
            return True
        inside = target.relative_to(root).parts
        return inside[0] != LABTUI_FOLDER and any(_is_skipped(name) for name in inside)

    def _list(self, folder: Path, parts: tuple[str, ...]) -> tuple[list[str], tuple[str, ...], bool] | None:
        folders: list[str] = []
        events: list[str] = []
        links: list[tuple[Path, tuple[str, ...]]] = []
        has_spec = False
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name == "spec.json":
                        has_spec = True
                    elif entry.is_symlink():
                        self._sort_link(entry, parts, events, links)
                    elif entry.is_dir(follow_symlinks=False):
                        if not _is_skipped(entry.name):
                            folders.append(entry.name)
                    elif is_event_file(entry.name) and entry.is_file(follow_symlinks=False):
                        events.append(entry.name)
        except OSError:  # gone meanwhile, or not readable
            return None
        if has_spec and _is_own_spec(folder / "spec.json", beside_events=bool(events)):
            return [], (), True
        self._links += sorted(links)
        return sorted(folders), tuple(sorted(events)), False

    def _sort_link(
        self,
        entry: "os.DirEntry[str]",
        parts: tuple[str, ...],
        events: list[str],
        links: list[tuple[Path, tuple[str, ...]]],
    ) -> None:
        """Put a link to an event file or to a folder where it belongs; note one that leads nowhere."""
        if _is_skipped(entry.name):
            return
        if not Path(entry.path).exists():
            self.broken.append("/".join((*parts, entry.name)))
        elif entry.is_dir():
            links.append((Path(entry.path), (*parts, entry.name)))
        elif is_event_file(entry.name) and entry.is_file():
            events.append(entry.name)


def _is_skipped(name: str) -> bool:
    return name.startswith(".") or name == _MACOS_ARCHIVE


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
    return isinstance(record, dict) and "run_id" in record and not record.keys().isdisjoint({"spec", "program"})


def is_event_file(name: str) -> bool:
    """TensorBoard's own rule, except for the files that macOS puts beside others (`._events…`)."""
    return "tfevents" in name and not name.startswith("._")

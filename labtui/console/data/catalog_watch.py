"""Notices when the catalog's file changes: an open console goes on listing what it read at its start."""

from pathlib import Path

Stamp = tuple[int, int, int]
"""Inode, bytes, nanoseconds of the last change."""


class CatalogWatch:
    """Remembers the state of a file and reports a change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = _stamp(path)

    def notices(self) -> tuple[str, ...]:
        """A notice for the user; empty while the file is unchanged."""
        now = _stamp(self._path)
        if now == self._stamp:
            return ()
        if now is None:
            return (f"{self._path.name} is gone: the list shows what it contained; runs and queue continue.",)
        return (f"{self._path.name} has changed: reopen the console to use it; runs and queue continue.",)


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns

"""Whether the catalog still is what was read from it: a console lists what it said when the console was opened."""

from pathlib import Path

Stamp = tuple[int, int, int]
"""Inode, bytes, nanoseconds of the last change."""


class CatalogWatch:
    """Remembers how a file stood, and tells when it does not any more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = _stamp(path)

    def notices(self) -> tuple[str, ...]:
        """What to say of it; nothing while it is unchanged."""
        now = _stamp(self._path)
        if now == self._read:
            return ()
        if now is None:
            return (f"{self._path.name} is gone: the list shows what it said; runs and queue go on.",)
        return (f"{self._path.name} has changed: open the console again to use it; runs and queue go on.",)


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns

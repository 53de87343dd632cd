"""Paths as users write them."""

import re
from pathlib import Path

from labtui.errors import UsageError

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def expanded(path: Path) -> Path:
    """The path with `~` and `~user` replaced. Raises UsageError if there is no such user, or for a cloud address."""
    if _ADDRESS.match(str(path)) and not path.exists():
        scheme = str(path).partition(":")[0]
        raise UsageError(
            f"{scheme}:// is a cloud storage address: labtui reads folders on this machine.",
            advice="Mount it, or copy it here.",
        )
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise UsageError(f"{path}: there is no user {path.parts[0].removeprefix('~')!r} with a home folder.") from error

"""Where data sets lie."""

from collections.abc import Mapping
from pathlib import Path

from labtui.store.paths import cache_folder


def find_data_root(explicit: Path | None, *, cwd: Path, environ: Mapping[str, str]) -> Path:
    """The data folder: `explicit`, else LABTUI_DATA, else `./data` where that is a folder, else the user's cache.

    The folder need not be there yet. It may be a symbolic link; links below it are not followed.
    """
    named = explicit or (Path(environ["LABTUI_DATA"]) if environ.get("LABTUI_DATA") else None)
    if named is not None:
        return cwd / named.expanduser()
    here = cwd / "data"
    return here if here.is_dir() else cache_folder(environ) / "data"

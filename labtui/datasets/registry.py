"""The data sets that labtui knows, where they are on this machine, and their images.

Every module of `labtui.datasets.sets` defines one data set as `SOURCE`.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from labtui.datasets import sets
from labtui.datasets.fetch_errors import what_to_do
from labtui.datasets.info import DatasetInfo, DatasetSource, Images
from labtui.datasets.verification import check, describe, missing
from labtui.errors import MachineError, UsageError
from labtui.store.paths import cache_folder
from labtui.text.clean import clean_line
from labtui.text.paths import expanded
from labtui.text.sizes import size


@cache
def sources() -> Mapping[str, DatasetSource]:
    """All data sets by name, in the order of their titles."""
    modules = (
        importlib.import_module(f"{sets.__name__}.{module.name}") for module in pkgutil.iter_modules(sets.__path__)
    )
    found: list[DatasetSource] = sorted(
        (module.SOURCE for module in modules), key=lambda source: source.info.title.lower()
    )
    return MappingProxyType({source.info.name: source for source in found})


def known_datasets() -> Mapping[str, DatasetInfo]:
    """What is known about every data set, by name."""
    return MappingProxyType({name: source.info for name, source in sources().items()})


def source_of(name: str) -> DatasetSource:
    """The data set with this name. Raises UsageError with the nearest names."""
    known = sources()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UsageError(f"There is no data set {clean_line(name, 60)!r}.{hint}", advice=f"Data sets: {', '.join(known)}.")


def get(name: str) -> DatasetInfo:
    """What is known about one data set. Raises UsageError with the nearest names."""
    return source_of(name).info


def find_data_root(explicit: Path | None, *, cwd: Path, environ: Mapping[str, str]) -> Path:
    """The data folder: `explicit`, else LABTUI_DATA, else `./data` where that is a folder, else the user's cache.

    The folder need not exist yet. It may be a symbolic link; links below it are not followed.
    """
    named = explicit or (Path(environ["LABTUI_DATA"]) if environ.get("LABTUI_DATA") else None)
    if named is not None:
        return cwd / expanded(named)
    here = cwd / "data"
    return here if here.is_dir() else cache_folder(environ) / "data"


def is_present(name: str, root: Path) -> bool:
    """Whether all files of a data set are below the data folder `root` with the right sizes; reads none of them."""
    source = source_of(name)
    if source.embedded_file:
        return source.embedded_file() is not None
    return not missing(source, root)


def load(name: str, root: Path) -> Images:
    """All images and labels, in the order of the files. The files are checked against their MD5 first.

    Raises MachineError where files are missing or damaged, UsageError for an unknown name.
    """
    source = source_of(name)
    folder = source.folder(root)
    if flaws := check(source, root):
        absent = all(flaw.what == "missing" for flaw in flaws) and not folder.exists()
        state = f"not in {root}" if absent else f"not complete in {folder}: {describe(flaws)}"
        raise MachineError(f"{source.info.title} is {state}. Nothing was changed.", advice=what_to_do(source, root))
    try:
        return source.read(folder)
    except OSError as error:
        raise MachineError(f"{folder} cannot be read: {error}.") from error


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """One line of `labtui data ls`."""

    name: str
    title: str
    present: bool
    state: str
    """"embedded", "available", "not available", "incomplete: …". Sizes are checked, contents are not."""
    where: str
    """The folder below the data folder, or the package's file; it need not exist."""
    train_images: int
    test_images: int
    shape: tuple[int, int, int]
    download_bytes: int
    fingerprint: str


def listing(root: Path) -> tuple[DatasetRow, ...]:
    """A row per data set, in the order of their titles."""
    return tuple(_row(source, root) for source in sources().values())


def _row(source: DatasetSource, root: Path) -> DatasetRow:
    info = source.info
    present = is_present(info.name, root)
    packaged = source.embedded_file() if source.embedded_file else None
    return DatasetRow(
        name=info.name,
        title=info.title,
        present=present,
        state=_state(source, root, present),
        where=str(packaged or source.folder(root)),
        train_images=info.train_images,
        test_images=info.test_images,
        shape=info.shape,
        download_bytes=info.download_bytes,
        fingerprint=info.fingerprint,
    )


def _state(source: DatasetSource, root: Path, present: bool) -> str:
    if source.remote is None:
        return "embedded" if present else "not available: its package is not completely installed"
    if present:
        return "available"
    flaws = missing(source, root)
    if len(flaws) < len(source.remote.files) or any(flaw.what != "missing" for flaw in flaws):
        return f"incomplete: {describe(flaws)}"
    received = _received(source, root)
    part = f"; {size(received)} of {size(source.info.download_bytes)} downloaded" if received else ""
    return f"not available{part}"


def _received(source: DatasetSource, root: Path) -> int:
    """Bytes that an unfinished fetch has left."""
    assert source.remote
    folder = root if source.remote.archive else source.folder(root)
    parts = (folder / f"{file.name}.part" for file in source.remote.downloads)
    return sum(part.stat().st_size for part in parts if part.is_file())

"""A user's own images: a NumPy archive (`npz`) or folders of image files (`folder`), described and read.

The description needs the content's fingerprint, so it is kept in the user's cache, with the times of the files or
folders that it was made from.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec import Struct

from labtui.datasets import class_folder, npz
from labtui.datasets.info import DatasetInfo
from labtui.errors import MachineError, UsageError
from labtui.store.files import read_json_or_none, write_json
from labtui.store.paths import cache_folder
from labtui.text.clean import clean_line
from labtui.text.paths import expanded

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from labtui.spec import Data

_MOST_MEASURED = 10_000
"""Training images, the first ones, that mean and standard deviation are measured on."""


class Pixels(Protocol):
    """Images that are read when they are needed."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, channels, height, width)."""
        ...

    def read(self, numbers: "npt.NDArray[np.int64]") -> "npt.NDArray[np.uint8]":
        """The images with these numbers: (k, channels, height, width). Raises MachineError."""
        ...


class OwnImages(Struct, frozen=True):
    """What is at a path: images that are read when they are needed, and their labels."""

    train: Pixels
    train_labels: "npt.NDArray[np.int64]"
    test: Pixels
    test_labels: "npt.NDArray[np.int64]"


class _Description(Struct, frozen=True):
    """What is known about a data set without reading it again, as it is stored in the cache."""

    stamp: tuple[tuple[int, ...], ...]
    fingerprint: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    train_images: int
    test_images: int
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


def describe(data: "Data", folder: Path, *, strict: bool = False) -> DatasetInfo:
    """What is known about a data set at `data.path`, seen from the catalog's `folder`.

    Mean and deviation are measured if `data.normalize` asks for them. With `strict` the content is looked at again
    even if no folder has changed since the last time. Raises UsageError or MachineError.
    """
    path = located(data, folder)
    cached = None if strict else _recall(data, path)
    found = cached or _describe(data, path)
    if data.normalize == "dataset" and not found.mean:
        found = _measured(found, data, path)
        cached = None
    if cached is None:
        _remember(data, path, found)
    return DatasetInfo(
        name=data.name,
        title=clean_line(path.name, 60),
        group="Own",
        classes=found.classes,
        shape=found.shape,
        train_images=found.train_images,
        test_images=found.test_images,
        mean=found.mean,
        std=found.std,
        embedded=False,
        fingerprint=found.fingerprint,
        download_bytes=0,
    )


def open_own(data: "Data", folder: Path) -> tuple[OwnImages, DatasetInfo]:
    """The images at `data.path`, whose content is checked against `data.fingerprint` first.

    Raises UsageError or MachineError.
    """
    info = describe(data, folder, strict=True)
    path = located(data, folder)
    if data.fingerprint is not None and info.fingerprint != data.fingerprint:
        raise MachineError(
            f"The images in {path} have changed since this run was planned ({info.fingerprint}, not "
            f"{data.fingerprint}).",
            advice="Start the experiment as a new run.",
        )
    return _open(data, path), info


def located(data: "Data", folder: Path) -> Path:
    """The file or folder of a data set. Raises MachineError if there is none."""
    if data.path is None:
        raise UsageError(f"Data set {data.name!r} needs data.path.")
    path = folder / expanded(Path(data.path))
    if not path.exists():
        raise MachineError(f"data.path: {path} does not exist.", advice="It is seen from the catalog's folder.")
    if not (path.is_dir() if data.name == "folder" else path.is_file()):
        kind = "a folder" if path.is_dir() else "a file" if path.is_file() else "neither a file nor a folder"
        raise MachineError(f"data.path: {path} is {kind}, which data set {data.name!r} is not.")
    return path


def _open(data: "Data", path: Path) -> OwnImages:
    if data.name == "npz":
        train, train_labels, test, test_labels = npz.read(path)
        return OwnImages(train, train_labels, test, test_labels)
    listing = class_folder.listed(path)
    parts = [class_folder.ImageFiles(path, listing.part(name), data.size) for name in class_folder.PARTS]
    return OwnImages(parts[0], listing.labels("train"), parts[1], listing.labels("test"))


def _describe(data: "Data", path: Path) -> _Description:
    stamp = _stamp(data, path)
    images = _open(data, path)
    names: Sequence[str]
    if data.name == "npz":
        fingerprint, names = npz.fingerprint(path), npz.class_names(path)
    else:
        listing = class_folder.listed(path)
        fingerprint, names = listing.fingerprint(path), listing.classes
    if images.train.shape[1:] != images.test.shape[1:]:
        ours, theirs = images.train.shape[1:], images.test.shape[1:]
        raise MachineError(f"{path}: training images of {ours} and test images of {theirs} have different shapes.")
    return _Description(
        stamp=stamp,
        fingerprint=fingerprint,
        classes=tuple(clean_line(name, 60) for name in names),
        shape=images.train.shape[1:],
        train_images=images.train.shape[0],
        test_images=images.test.shape[0],
    )


def _measured(found: _Description, data: "Data", path: Path) -> _Description:
    import numpy as np  # deferred: a list of experiments does not need it

    from labtui.datasets.statistics import image_statistics

    pixels = _open(data, path).train
    measured = image_statistics(pixels.read(np.arange(min(_MOST_MEASURED, pixels.shape[0]))))
    mean, std = (tuple(round(one, 4) for one in values) for values in (measured.mean, measured.std_of_images))
    return msgspec.structs.replace(found, mean=mean, std=tuple(max(one, 1e-4) for one in std))


def _stamp(data: "Data", path: Path) -> tuple[tuple[int, ...], ...]:
    paths = [path] if data.name == "npz" else class_folder.folders(path)
    statuses = [one.stat() for one in paths]
    return tuple((one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino) for one in statuses)


def _cache_file(data: "Data", path: Path) -> Path:
    name = hashlib.sha256(f"{path.resolve()}\0{data.name}\0{data.size}".encode(errors="surrogateescape")).hexdigest()
    return cache_folder(os.environ) / "described" / f"{name[:16]}.json"


def _recall(data: "Data", path: Path) -> _Description | None:
    return _quietly(lambda: _still_valid(data, path))


def _still_valid(data: "Data", path: Path) -> _Description | None:
    found = read_json_or_none(_cache_file(data, path), _Description)
    return found if found is not None and found.stamp == _stamp(data, path) else None


def _remember(data: "Data", path: Path, found: _Description) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        file = _cache_file(data, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, found, durable=False)


def _quietly(read: Callable[[], _Description | None]) -> _Description | None:
    try:
        return read()
    except (OSError, RuntimeError):  # no cache, or no home folder at all
        return None

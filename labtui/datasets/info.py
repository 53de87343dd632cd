"""A data set as a value: what is known about it, which files it has, and its images."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What is known about a data set without reading it."""

    name: str
    title: str
    group: str
    """The part of a run's folder that is common to runs on this data set: `runs/Digits/…`."""
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    """Channels, height, width of every image."""
    train_images: int
    test_images: int
    mean: tuple[float, ...]
    """Per channel, of the training images in 0..1."""
    std: tuple[float, ...]
    """Per channel: the mean over the training images of each image's own unbiased standard deviation."""
    embedded: bool
    """Whether it comes with an installed package and needs no network."""
    fingerprint: str
    """Twelve hexadecimal digits, equal for two data sets exactly if they have the same images in the same order."""
    download_bytes: int


@dataclass(frozen=True, eq=False)
class Images:
    """All images and labels of a data set, in the order of its files."""

    train: "npt.NDArray[np.uint8]"
    """(n, channels, height, width), 0..255."""
    train_labels: "npt.NDArray[np.int64]"
    """(n,): indices into the classes."""
    test: "npt.NDArray[np.uint8]"
    test_labels: "npt.NDArray[np.int64]"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file with its exact size and MD5."""

    name: str
    size: int
    """In bytes; 0 for a member of an archive whose size is not known, which the MD5 alone identifies."""
    md5: str


@dataclass(frozen=True, slots=True)
class Remote:
    """Files in a folder of the data root that can be fetched."""

    folder: str
    """Below the data root, in torchvision's layout, so that both tools share one copy."""
    files: tuple[DataFile, ...]
    bases: tuple[str, ...]
    """At most three addresses, ending in `/`, tried in this order; a file's address is base plus name."""
    archive: DataFile | None = None
    """Where the files are fetched as one .tar.gz, its members named `folder/file`."""

    @property
    def downloads(self) -> tuple[DataFile, ...]:
        """What must be fetched where nothing is here."""
        return (self.archive,) if self.archive else self.files


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """A data set, and how to get its images. Each module in `labtui.datasets.sets` defines one."""

    info: DatasetInfo
    read: Callable[[Path], Images]
    """Reads the images from the folder, whose files were checked; an embedded data set ignores the folder."""
    remote: Remote | None = None
    embedded_file: Callable[[], Path | None] | None = None
    """Returns the installed package's file of an embedded data set, None where the package is not installed."""

    def folder(self, root: Path) -> Path:
        """The folder of its files below a data root."""
        return root / self.remote.folder if self.remote else root


def fingerprint(name: str, reading: int, files: Iterable[DataFile]) -> str:
    """Twelve hexadecimal digits from the files' checksums and the version of the reading code.

    Raise `reading` whenever the same files would give other images or another order.
    """
    lines = [f"{name} {reading}", *(f"{file.name} {file.md5}" for file in files)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def subset_size(images: int, fraction: float) -> int:
    """The number of images in a fraction of a data set; at least one. They are the first in the order of the files."""
    return max(1, round(images * fraction))

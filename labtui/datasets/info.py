"""What a data set is: what is known about it, which files it consists of, and what its images look like once read."""

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
    """The part of a run's folder that tells runs on this data set from others: `runs/Digits/…`."""
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
    """Comes with an installed package and needs no network."""
    fingerprint: str
    """Twelve hexadecimal digits that two data sets share exactly if they have the same images in the same order."""
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
    """One file that is known to the bit."""

    name: str
    size: int
    md5: str


@dataclass(frozen=True, slots=True)
class Remote:
    """Files that lie in a folder of the data root and can be fetched."""

    folder: str
    """Below the data root; torchvision's layout, so that both tools share one copy."""
    files: tuple[DataFile, ...]
    bases: tuple[str, ...]
    """At most three addresses, ending in `/`, tried in this order; a file's address is base plus name."""
    archive: DataFile | None = None
    """Where the files are fetched as one .tar.gz, its members named `folder/file`."""

    @property
    def downloads(self) -> tuple[DataFile, ...]:
        """What has to be fetched where nothing is here."""
        return (self.archive,) if self.archive else self.files


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """A data set with the way to its images. One small file in `labtui.datasets.sets` makes one of these."""

    info: DatasetInfo
    read: Callable[[Path], Images]
    """From its folder, whose files are known to be right; an embedded one ignores the folder."""
    remote: Remote | None = None
    embedded_file: Callable[[], Path | None] | None = None
    """Where the installed package keeps an embedded data set; None where the package is not installed."""

    def folder(self, root: Path) -> Path:
        """Where its files lie below a data root."""
        return root / self.remote.folder if self.remote else root


def fingerprint(name: str, reading: int, files: Iterable[DataFile]) -> str:
    """Twelve digits from the files' checksums and the version of the way they are read.

    `reading` goes up whenever the same files would give other images or another order.
    """
    lines = [f"{name} {reading}", *(f"{file.name} {file.md5}" for file in files)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def subset_size(images: int, fraction: float) -> int:
    """How many images, from the first on in the order of the files, a fraction of them is; at least one."""
    return max(1, round(images * fraction))

"""Folders of JPEG and PNG files: `train/CLASS/…` and `test/CLASS/…`, as torchvision's ImageFolder reads one part.

The order of the images is fixed by a hash of each file's path, so that the first part of a training set has images of
all classes. Images are read as RGB.
"""

import hashlib
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from labtui.errors import MachineError
from labtui.text.clean import clean_line

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PARTS = ("train", "test")
SUFFIXES = (".jpg", ".jpeg", ".png")

_EDGE = 4_096
"""Bytes at the beginning and at the end of a file that enter the fingerprint, beside its path and size."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The image files of a folder."""

    classes: tuple[str, ...]
    files: dict[str, tuple[tuple[str, int], ...]]
    """By part: path below the folder, and class."""

    def part(self, name: str) -> tuple[str, ...]:
        """The paths of one part's images, in order."""
        return tuple(path for path, _ in self.files[name])

    def labels(self, name: str) -> "npt.NDArray[np.int64]":
        """The classes of one part's images."""
        import numpy as np  # deferred: a list of experiments does not need it

        return np.array([label for _, label in self.files[name]], np.int64)

    def fingerprint(self, root: Path) -> str:
        """Twelve hexadecimal digits of the manifest: each file's path, size, and the bytes at its two ends."""
        digest = hashlib.sha256()
        for part in PARTS:
            for path in sorted(self.part(part)):
                digest.update(os.fsencode(path) + b"\0")
                digest.update(_ends(root / path))
        return digest.hexdigest()[:12]


def listed(root: Path) -> Listing:
    """The image files below a folder. Raises MachineError if it does not have the layout."""
    names = {part: _class_folders(root, part) for part in PARTS}
    classes = tuple(sorted(names["train"]))
    if unknown := sorted(set(names["test"]) - set(classes)):
        raise MachineError(f"{root / 'test' / unknown[0]} has no counterpart in {root / 'train'}.")
    return Listing(classes, {part: _files(root, part, classes) for part in PARTS})


def folders(root: Path) -> list[Path]:
    """The folders whose times show that a file was added or removed."""
    return [
        root,
        *(root / part for part in PARTS),
        *(root / part / name for part in PARTS for name in _class_folders(root, part)),
    ]


def _class_folders(root: Path, part: str) -> list[str]:
    try:
        names = sorted(one.name for one in (root / part).iterdir() if one.is_dir() and not one.name.startswith("."))
    except OSError as error:
        raise MachineError(
            f"{root} has no folder {part!r} that can be read.",
            advice="Expected: train/CLASS/*.jpg and test/CLASS/*.jpg (or .png).",
        ) from error
    if not names:
        raise MachineError(f"{root / part} has no folders: one for each class is expected.")
    return names


def _files(root: Path, part: str, classes: Sequence[str]) -> tuple[tuple[str, int], ...]:
    found: list[tuple[str, int]] = []
    for number, name in enumerate(classes):
        folder = root / part / name
        images = [one.name for one in folder.iterdir() if _is_image(one)] if folder.is_dir() else []
        if not images and part == "train":
            raise MachineError(f"{folder} has no image: {', '.join(SUFFIXES)} are read.")
        found += [(f"{part}/{name}/{image}", number) for image in images]
    return tuple(sorted(found, key=lambda one: hashlib.sha256(os.fsencode(one[0])).digest()))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _ends(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            content = stream.read(_EDGE)
            if size > _EDGE:
                stream.seek(max(_EDGE, size - _EDGE))
                content += stream.read(_EDGE)
    except OSError as error:
        raise MachineError(f"{path} cannot be read: {error.strerror}.") from error
    return f"{size} ".encode() + content


class ImageFiles:
    """Image files that are decoded when they are read; all get one size."""

    def __init__(self, root: Path, paths: Sequence[str], size: int | None) -> None:
        """With `size`, every image is resized to `size` x `size` pixels (bilinear); without, all must have one size."""
        self._root = root
        self._paths = paths
        self._size = size

    @cached_property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, channels, height, width); the size is that of the first image, or the requested one."""
        if self._size is not None:
            return len(self._paths), 3, self._size, self._size
        height, width, _ = self._decoded(self._paths[0]).shape
        return len(self._paths), 3, height, width

    def read(self, numbers: "npt.NDArray[np.int64]") -> "npt.NDArray[np.uint8]":
        """The images with these numbers: (k, channels, height, width). Raises MachineError, naming the file."""
        import numpy as np  # deferred: a list of experiments does not need it

        images = np.empty((len(numbers), *self.shape[2:], 3), np.uint8)
        for place, number in enumerate(numbers.tolist()):
            path = self._paths[number]
            image = self._decoded(path)
            if image.shape != images.shape[1:]:
                height, width, _ = image.shape
                raise MachineError(
                    f"{self._root / path} has {width} x {height} pixels, the first image {self.shape[3]} x "
                    f"{self.shape[2]}.",
                    advice="Set data.size to resize all images, for example: --set data.size=64",
                )
            images[place] = image
        return images.transpose(0, 3, 1, 2)

    def _decoded(self, path: str) -> "npt.NDArray[np.uint8]":
        import numpy as np  # deferred: a list of experiments does not need it
        from PIL import Image  # deferred: only class folders need it

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(self._root / path) as opened:
                    image = opened.convert("RGB")
        except (
            OSError,
            ValueError,
            SyntaxError,
            Image.DecompressionBombError,
            Image.DecompressionBombWarning,
        ) as error:
            why = clean_line(str(error), 200)
            raise MachineError(f"{self._root / path} cannot be read as an image: {why}.") from error
        if self._size is not None and image.size != (self._size, self._size):
            image = image.resize((self._size, self._size), Image.Resampling.BILINEAR)
        return np.asarray(image)

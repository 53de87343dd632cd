"""A NumPy archive of images and labels: `x_train`, `y_train`, `x_test`, `y_test`, and optionally `classes`.

Images are uint8, (n, height, width), (n, height, width, channels) or (n, channels, height, width) with 1 to 4 channels.
Labels are whole numbers from 0. Nothing in the file is executed: arrays of objects are refused. Arrays that numpy.savez
stored without compression are mapped, so that a set may be larger than the memory.
"""

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from labtui.errors import MachineError
from labtui.text.clean import clean_line

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_MOST_CHANNELS = 4
_HEAD = 30
"""Bytes of a member's header in a zip file, before its name."""


class ArrayPixels:
    """Images in an array, which may be mapped from a file."""

    def __init__(self, array: "npt.NDArray[np.uint8]", *, channels_last: bool) -> None:
        self.array = array
        self._channels_last = channels_last

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, channels, height, width)."""
        count, *rest = self.array.shape
        if len(rest) == 2:
            return count, 1, rest[0], rest[1]
        first, second, third = rest
        return (count, third, first, second) if self._channels_last else (count, first, second, third)

    def read(self, numbers: "npt.NDArray[np.int64]") -> "npt.NDArray[np.uint8]":
        """The images with these numbers: (k, channels, height, width)."""
        import numpy as np  # deferred: a list of experiments does not need it

        images = np.asarray(self.array[numbers])
        if images.ndim == 3:
            return images[:, np.newaxis]
        return images.transpose(0, 3, 1, 2) if self._channels_last else images


def read(path: Path) -> "tuple[ArrayPixels, npt.NDArray[np.int64], ArrayPixels, npt.NDArray[np.int64]]":
    """Training images and labels, test images and labels. Raises MachineError with what is wrong."""
    return checked(str(path), [_array(path, name) for name in ARRAYS])


def checked(
    where: str, arrays: Sequence[Any]
) -> "tuple[ArrayPixels, npt.NDArray[np.int64], ArrayPixels, npt.NDArray[np.int64]]":
    """The same of four arrays in the order of `ARRAYS`. Raises MachineError with what is wrong, and `where`."""
    train, train_labels, test, test_labels = arrays
    for images, labels, names in ((train, train_labels, ARRAYS[:2]), (test, test_labels, ARRAYS[2:])):
        if not images.ndim or not labels.ndim or len(images) != len(labels):
            counts = (
                f"{names[0]} has {images.size and len(images):,} images, {names[1]} has {labels.size and len(labels):,}"
            )
            raise MachineError(f"{where}: {counts} labels.")
    return (
        _pixels(where, "x_train", train),
        _labels(where, "y_train", train_labels),
        _pixels(where, "x_test", test),
        _labels(where, "y_test", test_labels),
    )


def class_names(path: Path) -> Sequence[str]:
    """The names in `classes`, or else the numbers from 0 to the largest label."""
    _, train, _, test = read(path)
    count = int(max(train.max(), test.max())) + 1
    with zipfile.ZipFile(path) as archive:
        if "classes.npy" not in archive.namelist():
            return [str(number) for number in range(count)]
    names = _array(path, "classes")
    if names.dtype.kind != "U" or names.ndim != 1 or len(names) < count:
        raise MachineError(f"{path}: classes must be a list of at least {count} texts, one for each label.")
    return [str(name) for name in names]


def fingerprint(path: Path) -> str:
    """Twelve hexadecimal digits of the file's SHA-256. Raises MachineError."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:12]
    except OSError as error:
        raise MachineError(f"{path} cannot be read: {error.strerror}.") from error


def _pixels(where: str, name: str, images: Any) -> ArrayPixels:
    import numpy as np  # deferred: a list of experiments does not need it

    if images.dtype != np.uint8:
        scale = " * 255" if images.dtype.kind == "f" else ""
        raise MachineError(
            f"{where}: {name} has values of type {images.dtype}; images must be uint8, 0 to 255.",
            advice=f'Convert it before saving: np.round({name}{scale}).astype("uint8")',
        )
    if images.ndim not in (3, 4) or not len(images):
        raise MachineError(f"{where}: {name} has the shape {images.shape}, not (n, height, width[, channels]).")
    if images.ndim == 3:
        return ArrayPixels(images, channels_last=False)
    if 1 <= images.shape[3] <= _MOST_CHANNELS:
        return ArrayPixels(images, channels_last=True)
    if 1 <= images.shape[1] <= _MOST_CHANNELS:
        return ArrayPixels(images, channels_last=False)
    raise MachineError(f"{where}: {name} has the shape {images.shape}: images have 1 to {_MOST_CHANNELS} channels.")


def _labels(where: str, name: str, labels: Any) -> "npt.NDArray[np.int64]":
    import numpy as np  # deferred: a list of experiments does not need it

    flat = labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.dtype.kind not in "iu" or flat.ndim != 1:
        raise MachineError(f"{where}: {name} must be a list of whole numbers, the class of each image.")
    if len(flat) and (int(flat.min()) < 0 or int(flat.max()) >= 1_000_000):
        raise MachineError(f"{where}: {name} has labels from {flat.min()} to {flat.max()}: classes count from 0.")
    return np.array(flat, np.int64)  # a copy: torch wants arrays that can be written to


def _array(path: Path, name: str) -> Any:
    """One array of the archive, mapped where it is not compressed."""
    import numpy as np  # deferred: a list of experiments does not need it

    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(f"{name}.npy")
            if member.compress_type != zipfile.ZIP_STORED or name == "classes":
                with archive.open(member) as stream:
                    return np.lib.format.read_array(stream, allow_pickle=False)
        with path.open("rb") as raw:
            raw.seek(member.header_offset)
            head = raw.read(_HEAD)
            name_and_extra = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
            raw.seek(member.header_offset + _HEAD + name_and_extra)
            return _mapped(path, raw)
    except KeyError as error:
        raise MachineError(f"{path} has no array {name!r}.", advice=f"Save it with: {_EXAMPLE}") from error
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, MemoryError) as error:
        raise MachineError(
            f"{path}: the array {name!r} cannot be read: {clean_line(str(error), 200)}.",
            advice=f"Save it with: {_EXAMPLE}",
        ) from error


_EXAMPLE = "np.savez(path, x_train=…, y_train=…, x_test=…, y_test=…)"


def _mapped(path: Path, stream: IO[bytes]) -> Any:
    """The array whose .npy file begins where `stream` is, mapped from the file at `path`."""
    import numpy as np  # deferred: a list of experiments does not need it

    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its format {version} is not known")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, kind = read(stream)
    if kind.hasobject:
        raise ValueError("it holds Python objects, which are not loaded")
    if not np.prod(shape):
        return np.empty(shape, kind)
    return np.memmap(path, kind, "r", stream.tell(), shape, "F" if is_fortran else "C")

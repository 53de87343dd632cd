"""The IDX files of MNIST and of data sets in its format (LeCun, Cortes and Burges), in torchvision's layout.

28x28 grey images become 3x32x32: two black pixels on each side, the three channels equal.
"""

import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from labtui.datasets.info import DataFile, Images
from labtui.errors import MachineError
from labtui.store.files import read_bytes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_IDX_IMAGES, _IDX_LABELS = 0x0803, 0x0801  # the IDX format's magic numbers: unsigned bytes in 3 and in 1 dimensions


def read_idx(folder: Path, files: Sequence[DataFile]) -> Images:
    """The images of four files: training images, their labels, test images, their labels; in the order of the files."""
    train, train_labels, test, test_labels = (folder / file.name for file in files)
    most = max(file.size for file in files)
    return Images(
        train=_images(train, most),
        train_labels=_labels(train_labels, most),
        test=_images(test, most),
        test_labels=_labels(test_labels, most),
    )


def _images(path: Path, most: int) -> "npt.NDArray[np.uint8]":
    import numpy as np  # deferred: a list of data sets does not need it

    grey = _idx(path, _IDX_IMAGES, (28, 28), most)
    padded = np.zeros((len(grey), 3, 32, 32), np.uint8)
    padded[:, :, 2:30, 2:30] = grey[:, np.newaxis]
    return padded


def _labels(path: Path, most: int) -> "npt.NDArray[np.int64]":
    import numpy as np  # deferred: a list of data sets does not need it

    return _idx(path, _IDX_LABELS, (), most).astype(np.int64)


def _idx(path: Path, magic: int, shape: tuple[int, ...], most: int) -> "npt.NDArray[np.uint8]":
    """The array in a gzipped IDX file: big-endian magic number and sizes, then the bytes."""
    import numpy as np  # deferred: a list of data sets does not need it

    try:
        with gzip.open(io.BytesIO(read_bytes(path, max_bytes=most))) as stream:
            content = stream.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise MachineError(f"{path} is damaged: {error}.") from error
    head = np.frombuffer(content, ">u4", count=2 + len(shape)).tolist()
    if head[0] != magic or tuple(head[2:]) != shape:
        raise MachineError(f"{path} is not an IDX file of the expected kind.")
    return np.frombuffer(content, np.uint8, offset=4 * len(head)).reshape(head[1], *shape)

"""SVHN, cropped digits (Netzer et al., "Reading Digits in Natural Images", 2011), in torchvision's layout.

The files call the digit 0 class 10; here, as in torchvision, it is class 0. The "extra" part is not used.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING

from labtui.datasets.info import DataFile, DatasetInfo, DatasetSource, Images, Remote, fingerprint
from labtui.errors import MachineError
from labtui.store.files import read_bytes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_TRAIN = DataFile("train_32x32.mat", 182_040_794, "e26dedcc434d2e4c54c9b2d4a06d8373")
_TEST = DataFile("test_32x32.mat", 64_275_384, "eb5a983be6a315427106f1b164d9cef3")

REMOTE = Remote(
    folder="svhn",
    files=(_TRAIN, _TEST),
    # The origin, as in torchvision, torchvision/datasets/svhn.py.
    bases=("http://ufldl.stanford.edu/housenumbers/",),
)


def read(folder: Path) -> Images:
    """73,257 training and 26,032 test images, in the order of the files."""
    train, train_labels = _part(folder / _TRAIN.name, _TRAIN.size)
    test, test_labels = _part(folder / _TEST.name, _TEST.size)
    return Images(train=train, train_labels=train_labels, test=test, test_labels=test_labels)


def _part(path: Path, most: int) -> "tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]":
    import numpy as np  # deferred: a list of data sets does not need it
    from scipy.io import loadmat  # deferred: takes half a second

    try:
        content = loadmat(io.BytesIO(read_bytes(path, max_bytes=most)), variable_names=("X", "y"))
        images, labels = content["X"], content["y"].astype(np.int64).reshape(-1)
    except (ValueError, TypeError, KeyError, NotImplementedError) as error:
        raise MachineError(f"{path} cannot be read as a MATLAB file: {error}.") from error
    if images.dtype != np.uint8 or images.shape != (32, 32, 3, len(labels)):
        raise MachineError(f"{path} does not contain images of 32x32x3 with a label each.")
    return np.ascontiguousarray(images.transpose(3, 2, 0, 1)), labels % 10


SOURCE = DatasetSource(
    info=DatasetInfo(
        name="svhn",
        title="SVHN",
        group="Svhn",
        classes=tuple("0123456789"),
        shape=(3, 32, 32),
        train_images=73_257,
        test_images=26_032,
        # The figures that are commonly published; the deviation is the one over all pixels.
        mean=(0.4377, 0.4438, 0.4728),
        std=(0.1980, 0.2010, 0.1970),
        embedded=False,
        fingerprint=fingerprint("svhn", 1, REMOTE.files),
        download_bytes=_TRAIN.size + _TEST.size,
    ),
    read=read,
    remote=REMOTE,
)
